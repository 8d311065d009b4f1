"""Planted models: pairs on the present holdout of which it is known how they compare, to try the gate on.

A model is made better or worse in its scores of some rows, whose share is found by root-finding: worse, a row gets
another row's score; better, it gets the truth. That moves every metric the same way, calibration among them, which
mixing all scores a little with either would not: scores that were calibrated are no longer. For clearly worse the
other row is one that came out otherwise: where days differ more than rows do, a model that has lost all it knew is
worse by much, but not clearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import find_metric
from weighlock.weighing.altered import Altered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from weighlock.decisions.verdict import Outcome
    from weighlock.statistics.metrics import Scored
    from weighlock.statistics.paired import Estimate, Units
    from weighlock.weighing.policy import GateParams, Rule
    from weighlock.weighing.predictions import Predictions

CLEAR = 4.0  # standard errors by which a difference is clear
SLACK = 1.0  # standard errors beyond what a bound needs, where it needs more
NOISE = 0.05  # share of rows whose scores the champion loses too, so that no margin makes two models the same
EQUAL = 0.2  # of a margin: the standard error between equal models, at which neither of them is shown to be worse
MOST_NOISE, LEAST_NOISE = 0.5, 0.01
STEP = 1.5
RESAMPLES = 200  # of a bootstrap: enough to tell a size by
EXACT = 1e-12  # share of rows
ALLOWED: dict[str, tuple[Outcome, ...]] = {
    "clearly worse": ("FAIL",),
    "worse by the margin": ("INCONCLUSIVE", "FAIL"),
    "equal": ("PASS", "INCONCLUSIVE"),
    "equal, the other way round": ("PASS", "INCONCLUSIVE"),
    "clearly better": ("PASS",),
}


class NotPlantedError(Exception):
    """No model that differs as wanted can be made of this one; says why."""


@dataclass(frozen=True)
class Planted:
    """Two models of which it is known how they compare.

    Attributes:
        name: `clearly worse` …
        allowed: what the gate may say.
        pair: challenger and champion; None where they cannot be made.
        reason: why not.
    """

    name: str
    allowed: tuple[Outcome, ...]
    pair: tuple[Predictions, Predictions] | None
    reason: str = ""


def plant(base: Predictions, policy: GateParams, units: Units) -> Iterator[Planted]:
    """Pairs made of one model, in the order of ALLOWED; the same for the same rows and `gate.seed`.

    Two equal models come in both orders, so that a gate that goes by the sign of the difference fails in one of them;
    but in one order alone where no margin lets equal models pass, so that an honest gate errs as seldom as it says.

    Args:
        base: the model, and the rows.
        policy: what is demanded of them, beyond which margins.
        units: of the rows, as the gate takes them.
    """
    field = _Field(Altered.of(base, units, policy.seed), policy, units)
    for name, allowed in ALLOWED.items():
        if name == "equal, the other way round" and not field.equals_pass:
            continue
        try:
            challenger, champion = field.pair(name)
        except NotPlantedError as error:
            yield Planted(name, allowed, None, str(error))
            continue
        pair = (
            field.model.predictions(challenger, f"{name}: challenger"),
            field.model.predictions(champion, f"{name}: champion"),
        )
        yield Planted(name, allowed, pair)


@dataclass(frozen=True)
class _Field:
    """What pairs are made of, and what they are made for."""

    model: Altered
    policy: GateParams
    units: Units

    @property
    def equals_pass(self) -> bool:
        """Whether the margins leave room for equal models."""
        rules = self.policy.rules
        return all(rule.margin.value > 0 and rule.require == "not_worse" for rule in rules)

    def pair(self, name: str) -> tuple[Scored, Scored]:
        """Challenger and champion of a name in ALLOWED."""
        return {
            "clearly worse": self.clearly_worse,
            "worse by the margin": self.worse_by_the_margin,
            "equal": lambda: self.equal,
            "equal, the other way round": lambda: self.equal[::-1],
            "clearly better": self.clearly_better,
        }[name]()

    def clearly_worse(self) -> tuple[Scored, Scored]:
        """Worse than the margin by four standard errors, or by more where so few clusters need more."""
        rule, champion = self.policy.primary, self.model.scored
        margin = self.margin(rule, champion)
        # demands share half of the error, corrected over all of them
        level = (1 - self.policy.harm_confidence) / 2 / len(self.policy.rules)

        def left(share: float) -> float:
            gain = self.gain(rule, self.model.misled(share), champion)
            return gain.value + margin + _clear(gain, level) * gain.error

        share = _root(left, self.model.row, self.model.row)
        if share is None:
            most = self.said(rule, self.model.misled(1.0))
            raise NotPlantedError(
                f"a model that gives every row the score of one that came out otherwise is {most}, which is not "
                f"clearly more than the margin of {margin:.4g}: harm could be shown of no model. Make "
                "`gate.primary.margin` smaller, or the holdout longer."
            )
        return self.model.misled(share), champion

    def worse_by_the_margin(self) -> tuple[Scored, Scored]:
        """Worse by the margin, to the last digits where the metric has no steps."""
        rule, champion = self.policy.primary, self.model.without_last(NOISE)
        metric = find_metric(rule.metric, champion.task)
        before, margin = metric(champion), self.margin(rule, champion)
        share = _root(lambda share: metric.gain(metric(self.model.worse(share)), before) + margin, 0.0, EXACT)
        if share is None:
            most = self.said(rule, self.model.worse(1.0))
            raise NotPlantedError(
                f"a model that gives every row the score of another is {most}, and the margin is {margin:.4g}: the "
                "gate would let it pass. Make `gate.primary.margin` smaller."
            )
        return self.model.worse(share), champion

    @cached_property
    def equal(self) -> tuple[Scored, Scored]:
        """Each without what it knew of as many rows, few enough for a small error beside the margins if that can be."""
        share = MOST_NOISE
        while share > LEAST_NOISE and any(self.too_noisy(rule, share) for rule in self.policy.rules):
            share /= 2
        return self.model.twins(share)

    def clearly_better(self) -> tuple[Scored, Scored]:
        """Better by four standard errors, and by as much as every rule asks."""
        rule, champion = self.policy.primary, self.model.scored

        def left(share: float) -> float:
            gain = self.gain(rule, self.model.better(share), champion)
            return _clear(gain, 1 - rule.confidence) * gain.error - gain.value

        share = _root(left, self.model.row, self.model.row)
        if share is None:
            raise NotPlantedError(
                f"even the truth itself is {self.said(rule, self.model.better(1.0))}, which is not clearly better: the "
                "model is perfect, or the holdout too short."
            )
        while short := [rule for rule in self.policy.rules if not self.passes(rule, share)]:
            if share >= 1:
                raise NotPlantedError(
                    f"even the truth itself cannot be shown to be what the rule on {short[0].metric} asks: its margin "
                    "is too small for this holdout."
                )
            share = min(1.0, share * STEP)
        return self.model.better(share), champion

    def passes(self, rule: Rule, share: float) -> bool:
        """Whether a model that was made better passes a rule with room to spare."""
        gain = self.gain(rule, self.model.better(share), self.model.scored)
        border = 0.0 if rule.require == "superior" else -self.margin(rule, self.model.scored)
        return bool(gain.value - (_quantile(gain, 1 - rule.confidence) + SLACK) * gain.error > border)

    def too_noisy(self, rule: Rule, share: float) -> bool:
        """Whether equal models differ by much beside a margin."""
        challenger, champion = self.model.twins(share)
        margin = self.margin(rule, champion)
        return margin > 0 and self.gain(rule, challenger, champion).error > EQUAL * margin

    def gain(self, rule: Rule, challenger: Scored, champion: Scored) -> Estimate:
        """The challenger's on a rule's metric."""
        resampling = Resampling(min(self.policy.resamples, RESAMPLES), self.policy.seed)
        metric = find_metric(rule.metric, champion.task)
        try:
            return difference(metric, challenger, champion, self.units, resampling)
        except ValueError as error:
            raise NotPlantedError(f"{rule.metric} cannot be compared on these rows: {error}.") from error

    def margin(self, rule: Rule, champion: Scored) -> float:
        """A rule's, in the metric's unit."""
        return rule.margin.of(find_metric(rule.metric, champion.task)(champion))

    def said(self, rule: Rule, other: Scored) -> str:
        """How another model compares with this one, in words."""
        gain = self.gain(rule, other, self.model.scored)
        word = "better" if gain.value > 0 else "worse"
        return f"only {abs(gain.value):.4g} {word} in {rule.metric} (standard error {gain.error:.2g})"


def _quantile(gain: Estimate, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(gain.freedom, 1 - level))


def _clear(gain: Estimate, level: float) -> float:
    """Standard errors by which a difference is clear: four, or more where that does not reach a level."""
    return max(CLEAR, _quantile(gain, level) + SLACK)


def _root(left: Callable[[float], float], least: float, tolerance: float) -> float | None:
    """The share of rows at which nothing is left of what is above 0 at the least; None where some is even with all."""
    from scipy.optimize import brentq

    if not (left(least) > 0 > left(1.0)):
        return None
    return float(brentq(left, least, 1.0, xtol=tolerance))
