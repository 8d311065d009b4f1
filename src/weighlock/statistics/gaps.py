"""Gaps between a group and the rest: figures that are ratios of two totals, and how far each row moves them.

Which figures: equal opportunity (true-positive rates: Hardt, Price & Srebro, 2016), demographic parity (selection
rates) and calibration within groups; for values and for several classes their nearest kin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.statistics.paired import Estimate, Units, estimate, mean_difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from weighlock.statistics.metrics import Scored


@dataclass(frozen=True)
class Measure:
    """What is compared between groups: the mean of something over the rows that count.

    Attributes:
        name: of the figure.
        of: (n,) each row's part in it.
        counts: (n,) whether a row has a part in it: for the true-positive rate the positives alone.
        what: the rows that count are called.
    """

    name: str
    of: Callable[[Scored], NDArray[np.float64]]
    counts: Callable[[Scored], NDArray[np.bool_]]
    what: str = "rows"


@dataclass(frozen=True)
class Figure:
    """A figure and by how much each of the n rows moves it, to first order; their sum is 0."""

    value: float
    influence: NDArray[np.float64]

    def __sub__(self, other: Figure) -> Figure:
        return Figure(self.value - other.value, self.influence - other.influence)

    def __abs__(self) -> Figure:
        """Its size; the sign that it is found to have is taken for the true one."""
        return self if self.value >= 0 else Figure(-self.value, -self.influence)


def mean_of(values: NDArray[Any], rows: NDArray[np.bool_]) -> Figure:
    """The mean over some of the rows, whose number is a sample's as well: a ratio of two totals (Cochran, 1977).

    Args:
        values: (n,).
        rows: (n,) which count, one at least.
    """
    mean = float(values[rows].mean(dtype=np.float64))
    return Figure(mean, np.where(rows, (values - mean) / np.count_nonzero(rows), 0.0))


def gap(values: NDArray[Any], group: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Figure:
    """The group's mean less that of the rest, over the rows that count, of which both have some."""
    return mean_of(values, group & counts) - mean_of(values, ~group & counts)


def narrowing(
    measure: Measure, challenger: Scored, champion: Scored, group: NDArray[np.bool_], units: Units
) -> tuple[float, float, Estimate]:
    """By how much smaller the challenger's gap is than the champion's; negative where it has grown.

    A gap that changes its side counts by its size alone. Degrees of freedom are those of the smaller side: a group
    that has rows on 10 of 28 days is no better known than 10 days allow.

    Args:
        measure: what is compared.
        challenger: n rows.
        champion: the same rows.
        group: (n,) who is in it; some row that counts is, and some is not.
        units: of the n rows.

    Returns:
        The champion's gap and the challenger's, each with its sign, and the difference of their sizes.
    """
    counts = measure.counts(challenger)
    before, after = (gap(measure.of(scored), group, counts) for scored in (champion, challenger))
    less = abs(before) - abs(after)
    influence = less.influence[counts]
    naive = float(np.sqrt((influence**2).sum() * len(influence) / max(len(influence) - 1, 1)))
    found = estimate(less.value, influence, units.where(counts), naive)
    fewest = min(len(np.unique(units.clusters[side & counts])) for side in (group, ~group))
    return before.value, after.value, replace(found, freedom=min(found.freedom, max(fewest - 1.0, 1.0)))


def rate(measure: Measure, scored: Scored, group: NDArray[np.bool_], units: Units) -> Estimate:
    """One model's figure in one group, of which some row counts."""
    rows = group & measure.counts(scored)
    return mean_difference(measure.of(scored)[rows], units.where(rows))


def measures_of(task: str) -> tuple[Measure, ...]:
    """What is compared between groups, in the order of reports."""
    return _MEASURES[task]


def _everyone(scored: Scored) -> NDArray[np.bool_]:
    return np.ones(len(scored.truth), dtype=bool)


def _positive(scored: Scored) -> NDArray[np.bool_]:
    return np.asarray(scored.truth == 1)


def _selected(scored: Scored) -> NDArray[np.float64]:
    return scored.labels.astype(np.float64)


def _excess(scored: Scored) -> NDArray[np.float64]:
    """By how much a score lies above what came to be."""
    return np.asarray(np.asarray(scored.scores, dtype=np.float64) - scored.truth)


def _distance(scored: Scored) -> NDArray[np.float64]:
    return np.abs(_excess(scored))


def _right(scored: Scored) -> NDArray[np.float64]:
    return np.asarray(scored.labels == scored.truth, dtype=np.float64)


def _confidence(scored: Scored) -> NDArray[np.float64]:
    """By how much the top class's score lies above its being right."""
    return np.asarray(np.asarray(scored.scores, dtype=np.float64).max(axis=1) - _right(scored))


_MEASURES = {
    "binary": (
        Measure("true-positive rate", _selected, _positive, "positives"),
        Measure("selection rate", _selected, _everyone),
        Measure("calibration", _excess, _everyone),
    ),
    "multiclass": (Measure("accuracy", _right, _everyone), Measure("calibration", _confidence, _everyone)),
    "regression": (
        Measure("calibration", _excess, _everyone),
        Measure("mean absolute error", _distance, _everyone),
    ),
}
