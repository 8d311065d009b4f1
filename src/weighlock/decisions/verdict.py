"""What the gate says: checks with their figures and reasons, and the verdict that they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from weighlock.statistics.paired import Estimate

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE"]
Result = Literal["pass", "fail", "inconclusive", "not run"]
Kind = Literal["primary", "guard", "slice", "fairness", "robustness", "condition"]


@dataclass(frozen=True)
class Comparison:
    """Two models by one figure, on the same rows.

    Attributes:
        kind: what the figure is for: primary and guard have to be shown, the others can only veto.
        name: of the metric, slice (`carrier = UA`), gap (`origin = JFK: true-positive rate`) or perturbation.
        champion: the champion's value.
        challenger: the challenger's value.
        gain: by how much the challenger is better, negative where it is worse.
        margin: how much worse is still not worse, in the figure's unit.
    """

    kind: Kind
    name: str
    champion: float
    challenger: float
    gain: Estimate
    margin: float


@dataclass(frozen=True)
class Demand:
    """What the primary metric or a guard has to show.

    Attributes:
        confidence: of the one-sided bound.
        superior: whether the challenger has to be better, not just no worse than the margin.
    """

    comparison: Comparison
    confidence: float
    superior: bool = False

    @property
    def border(self) -> float:
        """The gain that must be shown to be exceeded."""
        return 0.0 if self.superior else -self.comparison.margin


@dataclass(frozen=True)
class Condition:
    """What holds or does not; `holds` is None where it could not be looked at."""

    name: str
    holds: bool | None
    reason: str


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and what came of it.

    Attributes:
        comparison: its figures; None for a condition.
        confidence: of the one-sided bound that has to lie above -margin.
        superior: whether it has to be shown to be better, so that the bound has to lie above 0.
        p_harm: the p-value of "no harm", corrected over all that were asked with it; None where harm cannot be shown.
        more_units: how many more days (groups, rows) of holdout would decide at the difference seen; None where it is
            decided or no number would.
    """

    kind: Kind
    name: str
    result: Result
    reason: str
    comparison: Comparison | None = None
    confidence: float | None = None
    superior: bool = False
    p_harm: float | None = None
    more_units: int | None = None


@dataclass(frozen=True)
class Verdict:
    """PASS, FAIL or INCONCLUSIVE, why, and everything behind it.

    Attributes:
        bootstrap: there is no champion; floors and data checks alone decided.
        reasons: in words, the deciding ones first.
    """

    outcome: Outcome
    bootstrap: bool
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]

    def of(self, *kinds: Kind) -> list[Check]:
        """The checks of these kinds, in order."""
        return [check for check in self.checks if check.kind in kinds]
