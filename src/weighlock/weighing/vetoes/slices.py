"""Slices: whether the challenger does harm in some part of the holdout that the whole hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.statistics.metrics import find_metric
from weighlock.weighing.vetoes.parts import Part, Unweighed, compare, parts_of, take, too_few, too_small

if TYPE_CHECKING:
    from weighlock.decisions.verdict import Comparison
    from weighlock.statistics.bootstrap import Resampling
    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import SlicesParams
    from weighlock.weighing.predictions import Predictions


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

    def weighed(part: Part) -> Comparison | str:
        here = (take(after, part.rows), take(before, part.rows), units.where(part.rows))
        try:
            found = compare("slice", part.name, metric, *here, params.margin, resampling)
        except ValueError as error:
            return f"cannot be weighed: {error}."
        return too_few(found.gain.clusters, "what the metric hangs on") or found

    comparisons, unweighed = [], []
    for part in (part for column in challenger.slices for part in parts_of(challenger.frame, column)):
        found = too_small(part.rows, units, params.min_rows) or weighed(part)
        if isinstance(found, str):
            unweighed.append(Unweighed(part.name, found))
        else:
            comparisons.append(found)
    return SliceVetoes(tuple(comparisons), tuple(unweighed))
