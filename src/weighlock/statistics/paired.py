"""Differences of two models on the same rows, with honest errors: rows of one cluster stand or fall together.

Everything here linearises a difference into one influence a row, adds influences up by cluster, and takes the spread
of the sums: for a mean loss that is the cluster-robust error of a ratio, for the AUC it is Obuchowski's (1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """An estimated difference and how sure it is.

    Attributes:
        value: the difference, in the metric's unit.
        error: its standard error, clusters taken as the units.
        naive_error: the same as if rows were independent.
        clusters: how many there are; the t-distribution has one degree of freedom fewer.
        rows: how many there are.
    """

    value: float
    error: float
    naive_error: float
    clusters: int
    rows: int

    @property
    def effective_rows(self) -> float:
        """How many independent rows would say as much."""
        if self.error == 0:
            return float(self.rows)
        return min(float(self.rows), self.rows * (self.naive_error / self.error) ** 2)

    def interval(self, confidence: float) -> tuple[float, float]:
        """The two-sided interval of that confidence."""
        half = self._quantile((1 + confidence) / 2) * self.error
        return self.value - half, self.value + half

    def lower(self, confidence: float) -> float:
        """The one-sided lower bound: the difference is at least this, with that confidence."""
        return self.value - self._quantile(confidence) * self.error

    def upper(self, confidence: float) -> float:
        """The one-sided upper bound."""
        return self.value + self._quantile(confidence) * self.error

    def p_above(self, bound: float) -> float:
        """The p-value of the hypothesis that the difference is `bound` or less: small where it is shown to be above."""
        from scipy.special import stdtr

        if self.error == 0:
            return 0.0 if self.value > bound else 1.0
        return float(stdtr(self.clusters - 1, -(self.value - bound) / self.error))

    def _quantile(self, probability: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.clusters - 1, probability))


def day_blocks(days: NDArray[np.int64], length: int) -> NDArray[np.intp]:
    """(n,) the block of each row: `length` days that follow one another, counted back from the newest.

    Days that follow one another are alike; a block of them is nearer to an independent unit than a day is.

    Args:
        days: (n,) the number of each row's day.
        length: days a block, one or more.
    """
    return np.unique((days.max() - days) // length, return_inverse=True)[1]


def mean_difference(differences: NDArray[Any], clusters: NDArray[np.intp]) -> Estimate:
    """The mean of one difference a row.

    Args:
        differences: (n,) such as the challenger's gain in log loss.
        clusters: (n,) numbers from 0 on.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    influence = (values - mean) / len(values)
    return _estimate(mean, influence, clusters, np.sqrt((influence**2).sum() * len(values) / max(len(values) - 1, 1)))


def auc_difference(
    truth: NDArray[Any], first: NDArray[Any], second: NDArray[Any], clusters: NDArray[np.intp]
) -> Estimate:
    """The AUC of `first` less that of `second`, on the same rows (Obuchowski, 1997).

    The naive error is DeLong's (1988), by the ranks of Sun & Xu (2014).

    Args:
        truth: (n,) 0/1, both of which occur.
        first: (n,) scores.
        second: (n,) scores.
        clusters: (n,) numbers from 0 on.
    """
    positive = np.asarray(truth, dtype=bool)
    (above, below) = (a - b for a, b in zip(_placements(positive, first), _placements(positive, second), strict=True))
    value = float(above.mean())
    influence = np.empty(len(positive))
    influence[positive] = (above - value) / len(above)
    influence[~positive] = (below - value) / len(below)
    delong = np.sqrt(_variance(above) / len(above) + _variance(below) / len(below))
    return _estimate(value, influence, clusters, float(delong))


def mcnemar_exact(first_right: NDArray[Any], second_right: NDArray[Any]) -> float:
    """The two-sided p-value that two classifiers err equally often, rows being independent (McNemar, 1947)."""
    from scipy.stats import binomtest

    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def _placements(positive: NDArray[np.bool_], scores: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    scores = np.asarray(scores, dtype=np.float64)
    high, low = scores[positive], scores[~positive]
    sorted_low, sorted_high = np.sort(low), np.sort(high)
    above = (np.searchsorted(sorted_low, high, "left") + np.searchsorted(sorted_low, high, "right")) / 2 / len(low)
    below = (np.searchsorted(sorted_high, low, "left") + np.searchsorted(sorted_high, low, "right")) / 2 / len(high)
    return above, 1 - below


def _estimate(value: float, influence: NDArray[np.float64], clusters: NDArray[np.intp], naive: float) -> Estimate:
    sums = np.bincount(clusters, weights=influence)
    count = len(np.unique(clusters))
    error = np.sqrt((sums**2).sum() * count / (count - 1)) if count > 1 else np.inf
    return Estimate(value, float(error), float(naive), count, len(influence))


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
