"""Slices: whether the challenger does harm in some part of the holdout that the whole hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.metrics import Metric, find_metric
from weighlock.weighing.vetoes.parts import Unweighed, compare, parts_of, take, too_small

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.decisions.verdict import Comparison
    from weighlock.statistics.bootstrap import Resampling
    from weighlock.statistics.metrics import Scored
    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import SlicesParams
    from weighlock.weighing.predictions import Predictions

# nothing can be said by these of rows whose truth is all the same, or almost
NEEDS_BOTH = {"roc_auc", "average_precision", "recall", "f1"}


@dataclass(frozen=True)
class SliceVetoes:
    """Every slice that can be weighed, and every one that cannot."""

    comparisons: tuple[Comparison, ...]
    unweighed: tuple[Unweighed, ...]


def slice_comparisons(
    challenger: Predictions, champion: Predictions, units: Units, params: SlicesParams, resampling: Resampling
) -> SliceVetoes:
    """Compare two models in every slice, in order of the columns and the slices' names.

    Args:
        challenger: its slice columns say what the slices are.
        champion: the same rows in the same order.
        units: of these rows.
        params: by which metric, beyond which margin, and how many rows a slice needs.
        resampling: for metrics that are no means.
    """
    metric = find_metric(params.metric, challenger.task)
    after, before = challenger.scored, champion.scored
    comparisons, unweighed = [], []
    for part in (part for column in challenger.slices for part in parts_of(challenger.frame, column)):
        reason = too_small(part.rows, units, params.min_rows) or one_sided(metric, after, part.rows, units)
        if reason:
            unweighed.append(Unweighed(part.name, reason))
            continue
        here = (take(after, part.rows), take(before, part.rows), units.where(part.rows))
        comparisons.append(compare("slice", part.name, metric, *here, params.margin, resampling))
    return SliceVetoes(tuple(comparisons), tuple(unweighed))


def one_sided(metric: Metric, scored: Scored, rows: NDArray[np.intp], units: Units) -> str | None:
    """Why a metric says nothing of these rows; None where it does."""
    truth = scored.truth[rows]
    if metric.name == "r2" and np.ptp(truth) == 0:
        return "its truth is the same in every row, of which r2 says nothing."
    if metric.name not in NEEDS_BOTH:
        return None
    if scored.task == "binary":
        reasons = (too_small(rows[truth == k], units, 1, what) for k, what in ((1, "positives"), (0, "negatives")))
        return next((reason for reason in reasons if reason), None)
    return f"its rows are of one class, of which {metric.name} says nothing." if len(np.unique(truth)) < 2 else None
