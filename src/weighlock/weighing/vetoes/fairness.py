"""Fairness: whether the challenger widens the gaps between a group and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.decisions.context import GroupRate
from weighlock.decisions.verdict import Comparison, Condition
from weighlock.errors import ConfigError
from weighlock.statistics.gaps import measures_of, narrowing, rate
from weighlock.weighing.vetoes.parts import Part, Unweighed, parts_of, too_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from weighlock.statistics.gaps import Measure
    from weighlock.statistics.metrics import Scored
    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import FairnessParams
    from weighlock.weighing.predictions import Predictions


@dataclass(frozen=True)
class FairnessVetoes:
    """Every gap that can be weighed, every group that cannot, and each model's figures by group."""

    comparisons: tuple[Comparison, ...]
    unweighed: tuple[Unweighed, ...]
    rates: tuple[GroupRate, ...]

    @property
    def condition(self) -> Condition:
        """Whether it was looked at at all."""
        if self.comparisons:
            return Condition(
                "fairness", holds=True, reason=f"{len(self.comparisons)} gaps between groups were weighed."
            )
        small = "; ".join(f"{u.name} {u.reason}" for u in self.unweighed[:3])
        said = f"No group could be weighed against the rest: {small}" if small else "`gate.fairness.groups` is empty."
        return Condition("fairness", holds=None, reason=said)


@dataclass(frozen=True)
class _Pair:
    """Two models on the same rows, and what is asked of their gaps."""

    challenger: Scored
    champion: Scored
    units: Units
    params: FairnessParams

    @property
    def margin(self) -> float:
        """In the unit of the gaps."""
        scale = float(np.std(self.challenger.truth)) if self.challenger.task == "regression" else 1.0
        return self.params.margin * scale

    def lack(self, rows: NDArray[np.bool_], measure: Measure | None = None) -> str | None:
        """Why nothing can be said of a group, or not by this measure."""
        if measure is None:
            return too_small(np.flatnonzero(rows), self.units, self.params.min_rows)
        counted = rows & measure.counts(self.challenger)
        return too_small(np.flatnonzero(counted), self.units, 1, measure.what)

    def compare(self, name: str, measure: Measure, group: NDArray[np.bool_]) -> Comparison:
        before, after, gain = narrowing(measure, self.challenger, self.champion, group, self.units)
        return Comparison("fairness", name, before, after, gain, self.margin)

    def rate(self, part: Part, measure: Measure, group: NDArray[np.bool_]) -> GroupRate:
        rows = int(np.count_nonzero(group & measure.counts(self.challenger)))
        figures = (rate(measure, scored, group, self.units) for scored in (self.champion, self.challenger))
        return GroupRate(part.name, measure.name, rows, *figures)


def fairness_comparisons(
    challenger: Predictions, champion: Predictions, units: Units, params: FairnessParams
) -> FairnessVetoes:
    """Compare the gaps of two models between each group and the rest; labels are by each model's own threshold.

    Champion and challenger are the gaps, the group's figure less that of the rest; the gain is how much smaller the
    challenger's is. Of two groups one is compared: the other's gap is the same with its sign turned. For regression
    `gate.fairness.margin` is a share of the truth's standard deviation, elsewhere a share of one.

    Args:
        challenger: its slice columns say what the groups are.
        champion: the same rows in the same order.
        units: of these rows.
        params: between which groups, beyond which margin, and how many rows a group needs.

    Raises:
        ConfigError: `gate.fairness.groups` names what is no slice column.
    """
    _known(params.groups, challenger)
    pair = _Pair(challenger.scored, champion.scored, units, params)
    found = [_of_column(list(parts_of(challenger.frame, column)), pair) for column in params.groups]
    return FairnessVetoes(
        tuple(c for one in found for c in one.comparisons),
        tuple(u for one in found for u in one.unweighed),
        tuple(r for one in found for r in one.rates),
    )


def _of_column(parts: Sequence[Part], pair: _Pair) -> FairnessVetoes:
    comparisons, unweighed, rates = [], [], []
    for place, part in enumerate(parts):
        group = np.zeros(len(pair.challenger.truth), dtype=bool)
        group[part.rows] = True
        alone = "is every row, so there is no rest to compare it with." if group.all() else None
        if reason := alone or pair.lack(group):
            unweighed.append(Unweighed(part.name, reason))
            continue
        for measure in measures_of(pair.challenger.task):
            name = f"{part.name}: {measure.name}"
            if reason := pair.lack(group, measure):
                unweighed.append(Unweighed(name, reason))
                continue
            rates.append(pair.rate(part, measure, group))
            if len(parts) == 2 and place == 1:
                continue  # the mirror image of the first
            if reason := pair.lack(~group) or pair.lack(~group, measure):
                unweighed.append(Unweighed(name, f"cannot be compared: the rest {reason}"))
            else:
                comparisons.append(pair.compare(name, measure, group))
    return FairnessVetoes(tuple(comparisons), tuple(unweighed), tuple(rates))


def _known(groups: Sequence[str], challenger: Predictions) -> None:
    unknown = [name for name in groups if name not in challenger.slices]
    if unknown:
        there = ", ".join(f"`{name}`" for name in challenger.slices) or "none"
        raise ConfigError(
            f"`gate.fairness.groups` names `{unknown[0]}`, which is no slice column of {challenger.name}; there are "
            f"{there}. Mend the name, or add the column to `evaluate.slices` and run `dvc repro`."
        )
