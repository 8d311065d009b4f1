"""The gain of one model over another in any metric, with the error that this metric takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.bootstrap import Resampling, bootstrap
from weighlock.statistics.metrics import brier_scores, log_losses
from weighlock.statistics.paired import Estimate, Units, auc_difference, auc_influence, estimate, mean_difference
from weighlock.statistics.weighted import weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.bootstrap import Gains
    from weighlock.statistics.metrics import Metric, Scored

    Floats = NDArray[np.float64]

DEFAULT = Resampling()
RANKED = {"roc_auc", "average_precision"}
BY_CLASS = {*RANKED, "macro_precision", "macro_recall", "macro_f1"}
ABOUT_POSITIVES = {"precision", "recall", "f1"}


def difference(
    metric: Metric, challenger: Scored, champion: Scored, units: Units, resampling: Resampling = DEFAULT
) -> Estimate:
    """By how much the challenger is better; negative where it is worse, whichever way the metric points.

    A mean of one number a row takes the cluster-robust error of a mean, the area under the ROC curve Obuchowski's
    (1997; of several classes: of the mean of all), and everything else a bootstrap of clusters.

    Args:
        metric: one that applies to the task.
        challenger: (n,) rows.
        champion: the same rows.
        units: of the n rows.
        resampling: for metrics that take a bootstrap.

    Raises:
        ValueError: these rows cannot be compared, or the metric says nothing about them.
    """
    require_comparable(metric, challenger, champion)
    if metric.name in ROW_VALUES:
        first, second = (ROW_VALUES[metric.name](scored) for scored in (challenger, champion))
        return mean_difference(_sign(metric) * (first - second), units)
    clusters_told = telling(metric, challenger, champion, units)
    if metric.name == "roc_auc":
        return _auc(challenger, champion, units).told_by(clusters_told)
    value = metric.gain(metric(challenger), metric(champion))
    of_first, of_second = (weighted(metric.name, scored) for scored in (challenger, champion))

    def statistic(clusters: NDArray[np.intp]) -> Gains:
        first, second = of_first(clusters), of_second(clusters)
        return lambda times: _sign(metric) * (first(times) - second(times))

    return bootstrap(value, statistic, units, resampling).told_by(clusters_told)


def _auc(challenger: Scored, champion: Scored, units: Units) -> Estimate:
    truth = challenger.truth.astype(int)
    if challenger.task == "binary":
        return auc_difference(truth, challenger.scores, champion.scores, units)
    values, influences, _ = zip(
        *(
            auc_influence(truth == k, challenger.probabilities[:, k], champion.probabilities[:, k])
            for k in np.unique(truth)
        ),
        strict=True,
    )
    influence = np.mean(influences, axis=0)
    naive = np.sqrt((influence**2).sum() * len(truth) / (len(truth) - 1))
    return estimate(float(np.mean(values)), influence, units, float(naive))


def telling(metric: Metric, challenger: Scored, champion: Scored, units: Units) -> int:
    """How many clusters have rows of the scarcest kind that the metric hangs on: a class, or what is called positive.

    Where positives are in 2 of 28 clusters, 27 degrees of freedom would make the bound of an AUC err 18 % of the time.
    """
    truth = challenger.truth
    kinds: list[NDArray[np.bool_]] = [np.ones(len(truth), dtype=bool)]
    if metric.name in BY_CLASS:
        kinds += [truth == k for k in np.unique(truth)]
    if metric.name in ABOUT_POSITIVES:
        kinds.append(truth == 1)
    if metric.name == "precision":
        kinds.append((challenger.labels == 1) | (champion.labels == 1))
    return min(len(np.unique(units.clusters[kind])) for kind in kinds)


def require_comparable(metric: Metric, challenger: Scored, champion: Scored) -> None:
    """Refuse rows of which the metric says nothing, or which are not the same.

    Raises:
        ValueError: says why.
    """
    truth = challenger.truth
    if not np.array_equal(truth, champion.truth):
        raise ValueError("the challenger's and the champion's rows are not the same: their truth differs")
    if len(truth) == 0:
        raise ValueError("there are no rows")
    if metric.name in RANKED and len(np.unique(truth)) < 2:
        raise ValueError(f"all {len(truth):,} rows are of one class, so that {metric.name} has nothing to rank")
    if metric.name in ABOUT_POSITIVES and not truth.any():
        raise ValueError(f"none of {len(truth):,} rows is positive, so that {metric.name} says nothing")
    if metric.name == "precision" and not (challenger.labels.any() or champion.labels.any()):
        raise ValueError("neither model calls any row positive, so that precision says nothing")
    if metric.name == "r2" and (truth == truth[0]).all():
        raise ValueError(f"the truth of all {len(truth):,} rows is the same, so that r2 has nothing to explain")


def _sign(metric: Metric) -> float:
    return 1.0 if metric.better == "higher" else -1.0


def _errors(scored: Scored) -> Floats:
    return np.asarray(np.asarray(scored.truth, dtype=np.float64) - scored.scores)


def _pinball(quantile: float) -> Callable[[Scored], Floats]:
    return lambda scored: np.maximum(quantile * _errors(scored), (quantile - 1) * _errors(scored))


ROW_VALUES: dict[str, Callable[[Scored], Floats]] = {
    "log_loss": log_losses,
    "brier": brier_scores,
    "accuracy": lambda scored: (scored.labels == scored.truth).astype(np.float64),
    "mae": lambda scored: np.abs(_errors(scored)),
    "pinball_10": _pinball(0.1),
    "pinball_50": _pinball(0.5),
    "pinball_90": _pinball(0.9),
}
