"""One model's own metric with an honest error: how sure a figure is, where the gate asks how sure a difference is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.bootstrap import Resampling, bootstrap
from weighlock.statistics.difference import ROW_VALUES, require_comparable, telling
from weighlock.statistics.paired import Estimate, Units, auc_influence, estimate, mean_difference
from weighlock.statistics.weighted import weighted

if TYPE_CHECKING:
    from weighlock.statistics.metrics import Metric, Scored

CHANCE = 0.5  # the AUC of scores that are all the same, which has no error of its own


def level(metric: Metric, scored: Scored, units: Units, resampling: Resampling | None = None) -> Estimate:
    """The metric of these rows, in its own unit, with the error that it takes.

    Means take the cluster-robust error of a mean, the area under the ROC curve Obuchowski's (1997; of several classes:
    of the mean of all), everything else a bootstrap of clusters.

    Args:
        metric: one that applies to the task.
        scored: n rows.
        units: of the n rows.
        resampling: for metrics that take a bootstrap.

    Raises:
        ValueError: the metric says nothing about these rows.
    """
    require_comparable(metric, scored, scored)
    if metric.name in ROW_VALUES:
        return mean_difference(ROW_VALUES[metric.name](scored), units)
    told = telling(metric, scored, scored, units)
    if metric.name == "roc_auc":
        return _auc(scored, units).told_by(told)
    found = bootstrap(metric(scored), weighted(metric.name, scored), units, resampling or Resampling())
    return found.told_by(told)


def _auc(scored: Scored, units: Units) -> Estimate:
    truth = scored.truth.astype(int)
    classes = [1] if scored.task == "binary" else np.unique(truth).tolist()
    flat = np.zeros(len(truth))
    parts = [auc_influence(truth == k, scored.probabilities[:, k], flat) for k in classes]
    influence = np.mean([part[1] for part in parts], axis=0)
    naive = float(np.sqrt((influence**2).sum() * len(truth) / max(len(truth) - 1, 1)))
    found = estimate(float(np.mean([part[0] for part in parts])), influence, units, naive)
    return replace(found, value=found.value + CHANCE)
