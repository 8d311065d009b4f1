"""What the days of a window hold of each feature beside its histogram: what tells a fault from drift."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.drift_distance import Column
from weighlock.statistics.drift_faults import Feed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.scoring import Feature, Signature
    from weighlock.watching.counts import Bins, DayCounts
    from weighlock.watching.rows import Rows

    Counts = NDArray[np.int64]


def feeds_of(
    rows: Rows, signature: Signature, reference: DayCounts, window: DayCounts, bins: Mapping[str, Bins]
) -> list[Feed]:
    """A feed for each feature that rows and reference have, in the signature's order.

    Args:
        rows: of the window, and of the day before it where there are any.
        signature: says what values may be.
        reference: days; only those that have rows.
        window: the days of the window.
        bins: by column.
    """
    follows = np.diff(reference.days) == 1
    order = np.argsort(rows.day, kind="stable")
    borders = np.searchsorted(rows.day[order], np.arange(window.days[0] - 1, window.days[-1] + 2))
    days = [order[start:end] for start, end in pairwise(borders)]
    return [
        _feed(feature, rows, reference, window, bins[feature.name], days, follows)
        for feature in signature.features
        if feature.name in rows.features and feature.name in reference.columns
    ]


def _feed(
    feature: Feature,
    rows: Rows,
    reference: DayCounts,
    window: DayCounts,
    bins: Bins,
    days: list[NDArray[np.intp]],
    follows: NDArray[np.bool_],
) -> Feed:
    name, values = feature.name, rows.features[feature.name]
    column = Column(name, reference.columns[name], window.columns[name])
    nothing = np.zeros(len(window.days), dtype=np.int64)
    mistyped = rows.mistyped.get(name)
    known = nothing if mistyped is None else np.array([int(mistyped[day].sum()) for day in days[1:]])
    if bins.centres is None:
        unseen = _unseen(feature, values)
        return Feed(
            column, None, known, nothing, np.array([int(unseen[day].sum()) for day in days[1:]]),
            tuple(_only(values.iloc[day]) for day in days[1:]), np.zeros(0), None, follows, np.zeros(0),
        )  # fmt: skip
    numbers = values.to_numpy(dtype=np.float64)
    low = -np.inf if feature.min is None else feature.min
    high = np.inf if feature.max is None else feature.max
    with np.errstate(invalid="ignore"):
        outside = (numbers < low) | (numbers > high)
    levels = np.array([_mean(numbers[day]) for day in days])
    return Feed(
        column, bins.centres, known, np.array([int(outside[day].sum()) for day in days[1:]]), nothing,
        tuple(_only_number(numbers[day]) for day in days[1:]), levels[1:],
        None if np.isnan(levels[0]) else float(levels[0]), follows, _alike(numbers, bins, days),
    )  # fmt: skip


def _alike(numbers: NDArray[np.float64], bins: Bins, days: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Each day's mean of the bins' middles, and of what lies beyond the outer ones as far as it does."""
    assert bins.centres is not None  # noqa: S101  (numbers alone come here)
    with_missing = np.append(bins.centres, np.nan)
    return np.array([_mean(with_missing[bins.places(numbers[day])] + bins.overshoot(numbers[day])) for day in days])


def _unseen(feature: Feature, values: pd.Series) -> NDArray[np.bool_]:
    return np.asarray(values.notna() & ~values.isin(feature.categories or ()))


def _only(values: pd.Series) -> str | None:
    known = values.dropna()
    return str(known.iloc[0]) if len(known) > 1 and (known == known.iloc[0]).all() else None


def _only_number(values: NDArray[np.float64]) -> str | None:
    known = values[~np.isnan(values)]
    return f"{known[0]:g}" if len(known) > 1 and (known == known[0]).all() else None


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
