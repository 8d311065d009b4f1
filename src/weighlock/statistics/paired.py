"""Differences of two models on the same rows, with honest errors: rows of one cluster stand or fall together.

Everything here linearises a difference into one influence a row, adds influences up by cluster, and takes the spread
of the sums: for a mean loss that is the cluster-robust error of a ratio, for the AUC it is Obuchowski's (1997).
Where clusters are days, neighbours are alike, and the error and its degrees of freedom say so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KENDALL = 4
MOST_CORRELATION = 0.6
LEAST_FREEDOM = 2.0


@dataclass(frozen=True)
class Units:
    """What stands or falls together.

    Attributes:
        clusters: (n,) the number of each row's cluster, from 0 on.
        ordered: whether they follow one another in time, so that neighbours may be alike.
    """

    clusters: NDArray[np.intp]
    ordered: bool = False

    @classmethod
    def rows(cls, count: int) -> Units:
        """Every row by itself."""
        return cls(np.arange(count))

    @classmethod
    def days(cls, days: NDArray[np.int64], block: int = 1) -> Units:
        """Days, or blocks of `block` days that follow one another, counted from the newest back.

        Args:
            days: (n,) the number of each row's day.
            block: days in one, one or more.
        """
        return cls(np.unique((days.max() - days) // block, return_inverse=True)[1], ordered=True)

    def where(self, chosen: NDArray[Any]) -> Units:
        """The units of some of the rows."""
        return Units(np.unique(self.clusters[chosen], return_inverse=True)[1], self.ordered)


@dataclass(frozen=True)
class Estimate:
    """An estimated difference and how sure it is.

    Attributes:
        value: the difference, in the metric's unit.
        error: its standard error, clusters taken as the units.
        naive_error: the same as if rows were independent.
        clusters: how many there are; of a metric that hangs on a class's rows, those that have some.
        rows: how many there are.
        freedom: degrees of freedom of the t-distribution: clusters less one, fewer where neighbours are alike.
        autocorrelation: of neighbouring clusters, as far as it counts; 0 where they have no order.
    """

    value: float
    error: float
    naive_error: float
    clusters: int
    rows: int
    freedom: float
    autocorrelation: float = 0.0

    @property
    def effective_rows(self) -> float:
        """How many independent rows would say as much."""
        if self.error == 0:
            return float(self.rows)
        return min(float(self.rows), self.rows * (self.naive_error / self.error) ** 2)

    def told_by(self, clusters: int) -> Estimate:
        """The same, where all that it hangs on is in so many of the clusters: the others say nothing of its spread."""
        if clusters >= self.clusters:
            return self
        if clusters < 2:
            return replace(self, error=np.inf, clusters=clusters, freedom=1.0)
        left = (clusters - 1) / (self.clusters - 1)
        error = self.error * float(np.sqrt(clusters / self.clusters / left))
        return replace(self, error=error, clusters=clusters, freedom=max(self.freedom * left, 1.0))

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
        return float(stdtr(self.freedom, -(self.value - bound) / self.error))

    def p_below(self, bound: float) -> float:
        """The p-value of the hypothesis that the difference is `bound` or more: small where it is shown to be below."""
        return replace(self, value=-self.value).p_above(-bound)

    def _quantile(self, probability: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, probability))


@dataclass(frozen=True)
class Likeness:
    """What neighbours that are alike do to a variance.

    Attributes:
        widening: what multiplies it, 1 or more.
        freedom: degrees of freedom that are left.
        autocorrelation: of neighbouring clusters, as far as it counts.
    """

    widening: float
    freedom: float
    autocorrelation: float


def mean_difference(differences: NDArray[Any], units: Units) -> Estimate:
    """The mean of one difference a row.

    Args:
        differences: (n,) such as the challenger's gain in log loss.
        units: of the n rows.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = float(values.mean())
    influence = (values - mean) / len(values)
    naive = np.sqrt((influence**2).sum() * len(values) / max(len(values) - 1, 1))
    return estimate(mean, influence, units, float(naive))


def auc_difference(truth: NDArray[Any], first: NDArray[Any], second: NDArray[Any], units: Units) -> Estimate:
    """The AUC of `first` less that of `second`, on the same rows (Obuchowski, 1997).

    The naive error is DeLong's (1988), by the ranks of Sun & Xu (2014).

    Args:
        truth: (n,) 0/1, both of which occur.
        first: (n,) scores.
        second: (n,) scores.
        units: of the n rows.
    """
    value, influence, delong = auc_influence(truth, first, second)
    return estimate(value, influence, units, delong)


def auc_influence(
    truth: NDArray[Any], first: NDArray[Any], second: NDArray[Any]
) -> tuple[float, NDArray[np.float64], float]:
    """A difference of AUCs, each row's influence on it (n,), and DeLong's error, of what `auc_difference` takes."""
    positive = np.asarray(truth, dtype=bool)
    (above, below) = (a - b for a, b in zip(_placements(positive, first), _placements(positive, second), strict=True))
    value = float(above.mean())
    influence = np.empty(len(positive))
    influence[positive] = (above - value) / len(above)
    influence[~positive] = (below - value) / len(below)
    delong = np.sqrt(_variance(above) / len(above) + _variance(below) / len(below))
    return value, influence, float(delong)


def estimate(value: float, influence: NDArray[np.float64], units: Units, naive_error: float) -> Estimate:
    """An estimate from each row's influence on it, which a cluster's rows exert together.

    Args:
        value: the difference.
        influence: (n,) by how much each row moves it; their sum is 0.
        units: of the n rows.
        naive_error: its standard error as if rows were independent.
    """
    sums = np.bincount(units.clusters, weights=influence).astype(np.float64, copy=False)
    count = len(sums)
    if count < 2:
        return Estimate(value, np.inf, naive_error, count, len(influence), freedom=1.0)
    alike = likeness(sums, ordered=units.ordered)
    error = np.sqrt((sums**2).sum() * count / (count - 1) * alike.widening)
    return Estimate(value, float(error), naive_error, count, len(influence), alike.freedom, alike.autocorrelation)


def likeness(sums: NDArray[np.float64], *, ordered: bool) -> Likeness:
    """What the order of clusters says about a sum over them.

    Args:
        sums: (G,) each cluster's influence, G at least 2; they add up to 0.
        ordered: whether they stand in order of time; if not, nothing widens.
    """
    inflation, correlation = autocorrelation(sums) if ordered else (1.0, 0.0)
    # residuals of a sample that is like its neighbours lie too close to its own mean
    shrinkage = max(1 - (inflation - 1) / (len(sums) - 1), 0.1)
    freedom = max((len(sums) - 1) / inflation**2, min(LEAST_FREEDOM, len(sums) - 1.0))
    return Likeness(inflation / shrinkage, freedom, correlation)


def autocorrelation(sums: NDArray[np.float64]) -> tuple[float, float]:
    """By how much likeness of neighbours inflates the variance of a sum, and the correlation that says so.

    As for a first-order autoregression, whose correlation r is estimated free of its first-order bias
    (E[r] = ρ - (1 + 4ρ)/G: Kendall, 1954) and taken as between 0 and 0.6: variance times (1 + ρ)/(1 - ρ).

    Args:
        sums: (G,) one a cluster, in order of time, that add up to 0.
    """
    square = float((sums**2).sum())
    if square == 0 or len(sums) <= KENDALL:
        return 1.0, 0.0
    found = float(sums[1:] @ sums[:-1]) / square
    correlation = float(np.clip((found + 1 / len(sums)) / (1 - KENDALL / len(sums)), 0.0, MOST_CORRELATION))
    return (1 + correlation) / (1 - correlation), correlation


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


def _variance(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0
