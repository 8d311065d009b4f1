"""Two models' predictions of the same rows, held against the policy: what is demanded, and what can veto."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.decisions.gate import decide
from weighlock.decisions.verdict import Comparison, Condition, Demand, Verdict
from weighlock.errors import ConfigError, DataError
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import find_metric
from weighlock.statistics.paired import Units
from weighlock.times import local_days
from weighlock.weighing.vetoes.fairness import FairnessVetoes, fairness_comparisons
from weighlock.weighing.vetoes.slices import SliceVetoes, slice_comparisons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from weighlock.weighing.policy import GateParams
    from weighlock.weighing.predictions import Predictions

UNIT = {"day": "day", "group": "group", "none": "row"}
NO_SLICES = SliceVetoes((), ())
NO_FAIRNESS = FairnessVetoes((), (), ())


@dataclass(frozen=True)
class Judgement:
    """What two models' predictions alone amount to.

    Attributes:
        demands: the primary metric's, then the guards'.
        slices: harm by slice, and the slices that were too small.
        fairness: gaps between groups, and both models' figures by group.
    """

    demands: tuple[Demand, ...]
    slices: SliceVetoes
    fairness: FairnessVetoes

    @property
    def vetoes(self) -> list[Comparison]:
        """What can veto."""
        return [*self.slices.comparisons, *self.fairness.comparisons]


@dataclass(frozen=True)
class Judge:
    """The policy, and what stands or falls together among the rows.

    Attributes:
        policy: `params.yaml: gate`.
        units: of the rows, in the order of the predictions.
        groups: the slice columns whose groups are compared: all of `gate.fairness.groups`, but for files without them.
    """

    policy: GateParams
    units: Units
    groups: tuple[str, ...] = ()

    @property
    def resampling(self) -> Resampling:
        """How metrics that are no means are resampled."""
        return Resampling(self.policy.resamples, self.policy.seed)

    def judge(self, challenger: Predictions, champion: Predictions) -> Judgement:
        """Compare two models by everything that their predictions tell.

        Raises:
            ConfigError: the policy names a group that is no slice column.
            DataError: a metric says nothing about these rows.
        """
        policy = self.policy
        demands = tuple(self._demand(i, challenger, champion) for i in range(len(policy.rules)))
        slices = NO_SLICES
        if policy.slices:
            slices = slice_comparisons(challenger, champion, self.units, policy.slices, self.resampling)
        fairness = NO_FAIRNESS
        if policy.fairness and self.groups:
            params = policy.fairness.model_copy(update={"groups": list(self.groups)})
            fairness = fairness_comparisons(challenger, champion, self.units, params)
        return Judgement(demands, slices, fairness)

    def verdict(
        self, judgement: Judgement | None, more: Sequence[Comparison] = (), conditions: Sequence[Condition] = ()
    ) -> Verdict:
        """What the judgement, further vetoes and conditions amount to; without a judgement conditions alone."""
        return decide(
            judgement.demands if judgement else (),
            [*(judgement.vetoes if judgement else ()), *more],
            conditions,
            harm_confidence=self.policy.harm_confidence,
            must_run=self.policy.must_run,
            unit=UNIT[self.policy.cluster],
            days=self.policy.block_days if self.policy.cluster == "day" else 1,
        )

    def _demand(self, place: int, challenger: Predictions, champion: Predictions) -> Demand:
        rule = self.policy.rules[place]
        metric = find_metric(rule.metric, challenger.task)
        new, old = challenger.scored, champion.scored
        try:
            gain = difference(metric, new, old, self.units, self.resampling)
        except ValueError as error:
            raise DataError(f"`{rule.metric}` cannot be compared on these rows: {error}.") from error
        before = metric(old)
        comparison = Comparison(
            "guard" if place else "primary", rule.metric, before, metric(new), gain, rule.margin.of(before)
        )  # fmt: skip
        return Demand(comparison, rule.confidence, rule.require == "superior")


def units_of(predictions: Predictions, policy: GateParams, timezone: str) -> Units:
    """What stands or falls together: `gate.cluster`.

    Raises:
        ConfigError: the predictions have no time, or no group.
    """
    frame = predictions.frame
    if policy.cluster == "none":
        return Units.rows(len(frame))
    column = "time" if policy.cluster == "day" else "group"
    if column not in frame:
        raise ConfigError(
            f"`gate.cluster` is {policy.cluster}, but `{predictions.name}` has no column `{column}`. Add it, or say "
            "`none` where rows are truly independent."
        )
    if policy.cluster == "group":
        return Units(np.unique(frame["group"].to_numpy(dtype=str), return_inverse=True)[1])
    return Units.days(days_of(predictions, timezone), policy.block_days)


def days_of(predictions: Predictions, timezone: str) -> NDArray[np.int64]:
    """(n,) the local day of each row, in days since 1970-01-01."""
    days = local_days(predictions.frame["time"], timezone).to_numpy(dtype="datetime64[D]")
    return np.asarray(days.astype(np.int64))
