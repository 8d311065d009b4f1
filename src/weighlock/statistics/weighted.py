"""Metrics of rows that count several times or not at all, as a bootstrap needs them: thousands at once.

Rows are never repeated. What is a function of sums is computed from sums over clusters; what hangs on the order of the
scores from cumulative sums over rows that were sorted once. Both give what `metrics` gives on repeated rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.metrics import Scored

    Floats = NDArray[np.float64]
    Clusters = NDArray[np.intp]
    Times = NDArray[np.int32]

# (b, G) how often each cluster's rows count -> (b,) the metric, NaN where it is undefined
Weighted = Callable[["Times"], "Floats"]
# (n,) the number of each row's cluster -> the metric of these clusters' multiples
OfClusters = Callable[["Clusters"], Weighted]


def weighted(name: str, scored: Scored) -> OfClusters:
    """The metric of that name, ready for any clusters of these rows.

    Args:
        name: average_precision, calibration_error, precision, recall, f1, macro_*, rmse or r2.
        scored: the n rows.

    Raises:
        KeyError: the metric is none of these.
    """
    return _OF[name](scored)


def _average_precision(scored: Scored) -> OfClusters:
    truth = scored.truth.astype(int)
    columns = [1] if scored.task == "binary" else np.unique(truth).tolist()
    curves = [_one_average_precision(truth == k, scored.probabilities[:, k]) for k in columns]

    def of_clusters(clusters: Clusters) -> Weighted:
        each = [curve(clusters) for curve in curves]

        def values(times: Times) -> Floats:
            found = np.array([one(times) for one in each])
            occurs = np.isfinite(found)
            with np.errstate(invalid="ignore"):
                return np.asarray(np.where(occurs, found, 0.0).sum(axis=0) / occurs.sum(axis=0))

        return values

    return of_clusters


def _one_average_precision(positive: NDArray[np.bool_], scores: NDArray[Any]) -> OfClusters:
    """Σ of precision times the step in recall, over distinct scores, as scikit-learn defines it."""
    order = np.argsort(-scores, kind="stable")
    last = _last_of_levels(scores[order])
    hits = np.flatnonzero(positive[order])
    # of the levels that have positives: where each ends among all rows, and among the positive ones
    level = np.searchsorted(last, hits)
    last_hits = _last_of_levels(level)
    last_rows = last[level[last_hits]]

    def of_clusters(clusters: Clusters) -> Weighted:
        everyone = clusters[order]
        positives = everyone[hits]

        def values(times: Times) -> Floats:
            rows = _cumulated(np.take(times, everyone, axis=1), last_rows)
            found = _cumulated(np.take(times, positives, axis=1), last_hits)
            steps = np.diff(found, axis=1, prepend=0)
            area = (steps * (found / np.maximum(rows, 1))).sum(axis=1)
            with np.errstate(invalid="ignore"):
                return np.asarray(area / found[:, -1]) if len(hits) else np.full(len(times), np.nan)

        return values

    return of_clusters


def _calibration_error(scored: Scored, bins: int = 10) -> OfClusters:
    """As `metrics.expected_calibration_error`.

    Rows of one score are alike there, so that a bin's border may cut them like a line: between distinct scores the
    cumulative distance of score and truth is linear in the cumulative number of rows.
    """
    if scored.task == "binary":
        truth, scores = scored.truth, np.asarray(scored.scores, dtype=float)
    else:
        truth, scores = scored.labels == scored.truth, scored.scores.max(axis=1).astype(float)
    order = np.argsort(scores, kind="stable")
    distance = np.append(0.0, (scores - truth)[order])
    last = np.append(0, _last_of_levels(scores[order]) + 1)

    def of_clusters(clusters: Clusters) -> Weighted:
        everyone = np.append(clusters.max() + 1, clusters[order])  # lines start at 0: with a cluster that never counts

        def values(times: Times) -> Floats:
            each = np.take(np.pad(times, ((0, 0), (0, 1))), everyone, axis=1)
            rows, distances = _cumulated(each, last), _cumulated(each * distance, last)
            size, larger = np.divmod(rows[:, -1:], bins)
            borders = np.arange(bins + 1) * size + np.minimum(np.arange(bins + 1), larger)
            at = np.array([np.interp(*line) for line in zip(borders, rows, distances, strict=True)])
            with np.errstate(invalid="ignore"):
                return np.asarray(np.abs(np.diff(at, axis=1)).sum(axis=1) / rows[:, -1])

        return values

    return of_clusters


def _of_labels(score: Callable[[Floats, Floats, Floats], Floats]) -> Callable[[Scored], OfClusters]:
    """A score of the numbers of rows that are of a class and called so, that are called so, and that are of it.

    Binary: of the positive class; else the mean over classes that occur.
    """

    def of(scored: Scored) -> OfClusters:
        truth, labels = scored.truth.astype(int), scored.labels
        classes = 2 if scored.task == "binary" else scored.scores.shape[1]
        right = labels == truth

        def of_clusters(clusters: Clusters) -> Weighted:
            def table(of: Clusters, found: NDArray[Any]) -> NDArray[Any]:
                cells = np.bincount(of * classes + found, minlength=(clusters.max() + 1) * classes)
                return cells.reshape(-1, classes)

            tables = [table(clusters[right], truth[right]), table(clusters, labels), table(clusters, truth)]
            sums = np.concatenate(tables, axis=1).astype(np.float64)

            def values(times: Times) -> Floats:
                hits, called, there = np.split(times.astype(np.float64) @ sums, 3, axis=1)
                scores = score(hits, called, there)
                if scored.task == "binary":
                    return scores[:, 1]
                occurs = there > 0
                return np.asarray((scores * occurs).sum(axis=1) / occurs.sum(axis=1))

            return values

        return of_clusters

    return of


def _of_squares(score: Callable[[Floats], Floats]) -> Callable[[Scored], OfClusters]:
    """A score of the sums of: rows, squared errors, truth, squared truth; the truth less its mean, which cancels."""

    def of(scored: Scored) -> OfClusters:
        truth = scored.truth - scored.truth.mean()
        terms = [np.ones(len(truth)), (scored.scores - scored.truth) ** 2, truth, truth**2]

        def of_clusters(clusters: Clusters) -> Weighted:
            sums = np.column_stack([np.bincount(clusters, weights=term) for term in terms])
            return lambda times: score(times.astype(np.float64) @ sums)

        return of_clusters

    return of


def _root_mean_squared_error(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(sums[:, 1] / sums[:, 0]))


def _r2(sums: Floats) -> Floats:
    rows, errors, total, squares = sums.T
    around = squares - total**2 / np.maximum(rows, 1.0)
    varies = around > 1e-12 * squares  # less is rounding: the truth of all rows is the same
    return np.where(varies, 1.0 - errors / np.where(varies, around, 1.0), np.nan)


def _share(part: Floats, whole: Floats) -> Floats:
    """0 of 0 is 0, as `zero_division=0` has it."""
    return np.asarray(part / np.where(whole > 0, whole, 1.0))


def _last_of_levels(values: NDArray[Any]) -> Clusters:
    """Where each run of equal values ends."""
    return np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)[: len(values)]


def _cumulated(values: NDArray[Any], at: Clusters) -> NDArray[Any]:
    """(b, n) -> (b, levels): the cumulative sums along each line, where they are asked for."""
    sums = np.cumsum(values, axis=1, dtype=values.dtype)  # whole numbers of 32 bits are several times as fast
    return sums if len(at) == values.shape[1] else sums[:, at]


_precision = _of_labels(lambda hits, called, _: _share(hits, called))
_recall = _of_labels(lambda hits, _, there: _share(hits, there))
_f1 = _of_labels(lambda hits, called, there: _share(2 * hits, called + there))
_OF: dict[str, Callable[[Scored], OfClusters]] = {
    "average_precision": _average_precision,
    "calibration_error": _calibration_error,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "macro_precision": _precision,
    "macro_recall": _recall,
    "macro_f1": _f1,
    "rmse": _of_squares(_root_mean_squared_error),
    "r2": _of_squares(_r2),
}
