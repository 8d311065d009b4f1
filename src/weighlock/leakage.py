"""Does one feature alone predict the target? Then it probably was not known before the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 64
BIN_ROWS = 10  # of each bin, at least: thinner ones are noise, and a leak would hide in it
MIN_ROWS = 40  # below this no score means anything


def single_feature_scores(features: pd.DataFrame, target: pd.Series, task: str) -> dict[str, float]:
    """How well each feature alone predicts the target, on rows that its estimate has not seen.

    Numbers are cut into at most 64 quantile bins of ten rows or more, categories stay as they are, null is one more
    level. A level's mean target on a random half of the rows predicts the others, and the other way round.

    Args:
        features: (n, k), as `conform` makes them.
        target: (n,), 0/1, class names, or numbers.
        task: binary, multiclass or regression.

    Returns:
        By feature: the ROC AUC (multiclass: the best class against the rest), at least 0.5; for regression R², at
        least 0, where a feature has many values of these or of their ranks: bins are too coarse to see that it is
        the target's logarithm. Empty where there are fewer than 40 rows.
    """
    if len(target) < MIN_ROWS:
        return {}
    if task == "multiclass":
        outcomes = [(target == c).to_numpy(dtype=float) for c in target.unique()]
    else:
        outcomes = [target.to_numpy(dtype=float)]
    score = _r2 if task == "regression" else _auc
    half = np.random.default_rng(0).permutation(len(target)) % 2 == 0  # at random: rows may come in pairs
    scores = {}
    for name in features.columns:
        levels = _levels(features[name])
        found = [score(y, _crossed_means(levels, y, half)) for y in outcomes]
        if task == "regression" and features[name].dtype != object:
            found.append(_rank_r2(features[name].to_numpy(dtype=float), outcomes[0]))
        scores[name] = round(max(found), 4)
    return scores


def _levels(values: pd.Series) -> NDArray[np.intp]:
    if values.dtype == object:
        return np.asarray(pd.factorize(values, use_na_sentinel=True)[0] + 1, dtype=np.intp)
    numbers = values.to_numpy(dtype=float)
    known = numbers[~np.isnan(numbers)]
    if known.size == 0:
        return np.zeros(len(numbers), dtype=np.intp)
    bins = min(BINS, max(2, known.size // BIN_ROWS))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(np.isnan(numbers), 0, np.searchsorted(edges, numbers, side="right") + 1).astype(np.intp)


def _crossed_means(levels: NDArray[np.intp], y: NDArray[np.float64], half: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each row its level's mean of the other half, shrunk by one row of the overall mean."""
    out = np.empty(len(y))
    for fit in (half, ~half):
        mean = y[fit].mean()
        total = np.bincount(levels[fit], weights=y[fit], minlength=levels.max() + 1)
        count = np.bincount(levels[fit], minlength=levels.max() + 1)
        out[~fit] = ((total + mean) / (count + 1))[levels[~fit]]
    return out


def _auc(y: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    positives = y.sum()
    negatives = len(y) - positives
    if positives == 0 or negatives == 0:
        return 0.5
    auc = (_ranks(score)[y == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(auc, 0.5))  # a mean that predicts the wrong way round is chance, not knowledge


def _r2(y: NDArray[np.float64], score: NDArray[np.float64]) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return max(0.0, 1 - float(((y - score) ** 2).sum()) / spread) if spread > 0 else 0.0


def _rank_r2(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Spearman's correlation squared of the rows where x is known; 0 where these, or the values in them, are few."""
    known = ~np.isnan(x)
    if known.sum() < len(x) / 2 or min(np.unique(x[known]).size, np.unique(y[known]).size) < MIN_ROWS:
        return 0.0
    return float(np.corrcoef(_ranks(x[known]), _ranks(y[known]))[0, 1] ** 2)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the mean of theirs; scipy.stats has them too, but takes a second to load."""
    return np.asarray(pd.Series(values).rank())
