"""Flips: the rows of which challenger and champion differ most, as a reviewer wants to see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from weighlock.decisions.context import Flip, Said, Turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.metrics import Scored
    from weighlock.weighing.predictions import Predictions

DIGITS = 6  # of a movement: below that two rows moved alike, and their keys decide


def flips(
    challenger: Predictions, champion: Predictions, features: pd.DataFrame | None = None, most: int = 10
) -> tuple[Flip, ...]:
    """The rows whose score moved most; for binary those whose label flipped come first, ties in order of the keys.

    Args:
        challenger: its predictions.
        champion: its predictions of the same rows in the same order.
        features: columns to show, indexed by the rows' keys (text); without them the slices are shown.
        most: how many rows.

    Raises:
        ValueError: the two are not of the same rows.
    """
    keys = _keys(challenger, champion)
    new, old = challenger.scored, champion.scored
    moved = movement(new, old).round(DIGITS)
    turned = new.labels != old.labels if new.task == "binary" else np.zeros(len(keys), dtype=bool)
    chosen = np.lexsort((keys, -moved, ~turned))
    chosen = chosen[turned[chosen] | (moved[chosen] > 0)][:most]
    shown = challenger.frame[challenger.slices].set_axis(keys) if features is None else features
    nearer = _nearer(new, old)
    truth = _texts(challenger.frame["truth"].iloc[chosen], challenger)
    return tuple(
        Flip(
            str(keys[i]), text, _said(champion, old, i), _said(challenger, new, i), float(moved[i]), nearer[i],
            _features(shown, keys[i]),
        )
        for i, text in zip(chosen.tolist(), truth, strict=True)
    )  # fmt: skip


def turns(challenger: Predictions, champion: Predictions) -> Turns | None:
    """How many labels flipped, and to which side; None for regression, which has no labels.

    Raises:
        ValueError: the two are not of the same rows.
    """
    keys = _keys(challenger, champion)
    if challenger.task == "regression":
        return None
    new, old = challenger.scored, champion.scored
    truth = new.truth
    flipped = new.labels != old.labels
    return Turns(
        len(keys),
        int(flipped.sum()),
        int((flipped & (new.labels == truth)).sum()),
        int((flipped & (old.labels == truth)).sum()),
    )


def movement(new: Scored, old: Scored) -> NDArray[np.float64]:
    """(n,) how far each row's score moved; for multiclass the total variation, half the sum over classes."""
    apart = np.abs(np.asarray(new.scores, dtype=np.float64) - np.asarray(old.scores, dtype=np.float64))
    return np.asarray(apart.sum(axis=1) / 2 if apart.ndim == 2 else apart)


def _keys(challenger: Predictions, champion: Predictions) -> NDArray[Any]:
    keys: NDArray[Any] = challenger.frame["key"].to_numpy(dtype=str)
    if not np.array_equal(keys, champion.frame["key"].to_numpy(dtype=str)):
        raise ValueError("challenger and champion are not of the same rows in the same order")
    return keys


def _nearer(new: Scored, old: Scored) -> list[Literal["challenger", "champion", "neither"]]:
    away = _distance(old) - _distance(new)
    return ["challenger" if gain > 0 else "champion" if gain < 0 else "neither" for gain in away.round(DIGITS).tolist()]


def _distance(scored: Scored) -> NDArray[np.float64]:
    """(n,) how far the score is from the truth; for classes 1 - the truth's probability."""
    if scored.task == "regression":
        return np.asarray(np.abs(np.asarray(scored.scores, dtype=np.float64) - scored.truth))
    return np.asarray(1 - scored.probabilities[np.arange(len(scored.truth)), scored.truth.astype(int)])


def _said(side: Predictions, scored: Scored, row: int) -> Said:
    if side.task == "regression":
        return Said(None, float(scored.scores[row]))
    label = int(scored.labels[row])
    # of a binary model people know the positive class's probability, whatever the label
    score = scored.scores[row] if side.task == "binary" else scored.scores[row, label]
    return Said(_class(side, label), float(score))


def _class(side: Predictions, label: int) -> str:
    return str(side.classes[label]) if side.classes else str(label)


def _texts(truth: pd.Series, side: Predictions) -> list[str]:
    if side.task == "binary":
        return [_class(side, int(value)) for value in truth]
    return [_text(value) for value in truth]


def _features(shown: pd.DataFrame, key: str) -> tuple[tuple[str, str], ...]:
    if key not in shown.index:
        return ()
    row = shown.loc[key]
    return tuple((str(name), _text(row[name])) for name in shown.columns)


def _text(value: Any) -> str:
    if pd.isna(value):
        return "missing"
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
