"""The gate's estimates beside other implementations of them, on random cases with ties and clusters of every size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sklearn.metrics as reference
from numpy.typing import NDArray

from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Scored, expected_calibration_error, find_metric
from weighlock.statistics.paired import Units, auc_difference, mcnemar_exact, mean_difference

Case = tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
Check = Callable[[np.random.Generator], tuple[list[float], list[float]]]


def largest_difference(check: Check, cases: int) -> float:
    """Of both implementations' numbers, relative to the second's where that is 1e-3 and more, over random cases."""
    random, worst = np.random.default_rng(13), 0.0
    for _ in range(cases):
        ours, theirs = (np.array(values) for values in check(random))
        worst = max(worst, float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-3)).max()))
    return worst


def draw(random: np.random.Generator) -> Case:
    """Clusters, truth and two models' scores; in half of the cases with many ties. Every cluster has both classes."""
    rows, count = int(random.integers(60, 200)), int(random.integers(3, 12))
    clusters = np.concatenate([np.arange(count), np.arange(count), random.integers(0, count, rows - 2 * count)])
    truth = np.concatenate([np.zeros(count), np.ones(count), random.integers(0, 2, rows - 2 * count)]).astype(np.int64)
    decimals = int(random.choice([1, 12]))
    first, second = (np.round(0.3 * truth + 0.7 * random.random(rows), decimals) for _ in range(2))
    return clusters, truth, first, second


def delong(random: np.random.Generator) -> tuple[list[float], list[float]]:
    """DeLong, DeLong & Clarke-Pearson (1988), from all pairs of a positive and a negative."""
    clusters, truth, first, second = draw(random)
    wins = _wins(truth, first) - _wins(truth, second)
    of_positives, of_negatives = wins.mean(axis=1), wins.mean(axis=0)
    m, n = wins.shape
    variance = of_positives.var(ddof=1) / m + of_negatives.var(ddof=1) / n
    found = auc_difference(truth, first, second, Units(clusters))
    auc = reference.roc_auc_score(truth, first) - reference.roc_auc_score(truth, second)
    return [found.value, found.naive_error], [auc, float(np.sqrt(variance))]


def obuchowski(random: np.random.Generator) -> tuple[list[float], list[float]]:
    """Obuchowski (1997), from all pairs, cluster by cluster."""
    clusters, truth, first, second = draw(random)
    wins = _wins(truth, first) - _wins(truth, second)
    m, n = wins.shape
    auc, count = wins.mean(), clusters.max() + 1
    of_positives, of_negatives = wins.mean(axis=1) - auc, wins.mean(axis=0) - auc
    s10 = s01 = s11 = 0.0
    for cluster in range(count):
        positive = of_positives[clusters[truth == 1] == cluster].sum()
        negative = of_negatives[clusters[truth == 0] == cluster].sum()
        s10, s01, s11 = s10 + positive**2, s01 + negative**2, s11 + positive * negative
    variance = count / (count - 1) * (s10 / m**2 + s01 / n**2 + 2 * s11 / (m * n))
    found = auc_difference(truth, first, second, Units(clusters))
    return [found.value, found.error], [float(auc), float(np.sqrt(variance))]


def mcnemar(random: np.random.Generator) -> tuple[list[float], list[float]]:
    """The exact test of statsmodels."""
    from statsmodels.stats.contingency_tables import mcnemar as exact

    _, truth, first, second = draw(random)
    right, other = ((scores >= 0.5) == truth for scores in (first, second))
    table = [[int((a & b).sum()) for b in (other, ~other)] for a in (right, ~right)]
    return [mcnemar_exact(right, other)], [float(exact(table, exact=True).pvalue)]


def cluster_t(random: np.random.Generator) -> tuple[list[float], list[float]]:
    """A regression on a constant with clustered errors, by statsmodels, and its t-interval with G - 1 degrees."""
    from scipy import stats
    from statsmodels.regression.linear_model import OLS

    clusters, _, first, second = draw(random)
    gains = first - second
    fit = OLS(gains, np.ones(len(gains))).fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True})
    value, error = float(fit.params[0]), float(fit.bse[0])
    low, high = stats.t.interval(0.9, clusters.max(), value, error)
    p = stats.t.sf(value / error, clusters.max())
    found = mean_difference(gains, Units(clusters))
    return [found.value, found.error, *found.interval(0.9), found.p_above(0.0)], [value, error, low, high, p]


def bootstrap(name: str) -> Check:
    """A loop over scikit-learn's function, on rows that are repeated as often as their cluster was drawn."""

    def check(random: np.random.Generator) -> tuple[list[float], list[float]]:
        clusters, truth, *scores = draw(random)
        first, second = (Scored("binary", truth, each, 0.5) for each in scores)
        metric, count, seed = find_metric(name, "binary"), clusters.max() + 1, int(random.integers(2**31))
        found = difference(metric, first, second, Units(clusters), Resampling(20, seed))
        again, gains = np.random.default_rng(seed), []
        for _ in range(20):
            times = np.bincount(again.integers(0, count, count), minlength=count)[clusters]
            values = [_by_sklearn(name, np.repeat(truth, times), np.repeat(each, times)) for each in scores]
            gains.append(metric.gain(*values))
        gain = metric.gain(*(_by_sklearn(name, truth, each) for each in scores))
        return [found.value, found.error], [gain, float(np.std(gains, ddof=1) * np.sqrt(count / (count - 1)))]

    return check


def _by_sklearn(name: str, truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    if name == "calibration_error":  # of which scikit-learn has none: that of `metrics`, which sorts the repeated rows
        return expected_calibration_error(Scored("binary", truth, scores))
    if name == "average_precision":
        return float(reference.average_precision_score(truth, scores))
    return float(getattr(reference, f"{name}_score")(truth, scores >= 0.5, zero_division=0))


def _wins(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(positives, negatives) 1 where the positive scores higher, a half where both are equal."""
    high, low = scores[truth == 1][:, None], scores[truth == 0][None, :]
    return np.asarray((high > low) + 0.5 * (high == low))


CHECKS: dict[str, tuple[Check, str]] = {
    "DeLong": (delong, "all pairs"),
    "Obuchowski": (obuchowski, "all pairs"),
    "McNemar": (mcnemar, "statsmodels"),
    "cluster-t": (cluster_t, "statsmodels and scipy"),
    "bootstrap of average precision": (bootstrap("average_precision"), "loop over scikit-learn"),
    "bootstrap of calibration error": (bootstrap("calibration_error"), "loop over repeated rows"),
    "bootstrap of precision": (bootstrap("precision"), "loop over scikit-learn"),
    "bootstrap of recall": (bootstrap("recall"), "loop over scikit-learn"),
    "bootstrap of f1": (bootstrap("f1"), "loop over scikit-learn"),
}
