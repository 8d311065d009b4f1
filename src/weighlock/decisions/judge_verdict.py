"""What the judge of a rollout is given, by which rules it decides, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from weighlock.statistics.sequential import Floats
    from weighlock.statistics.sequential_odds import Strata

Outcome = Literal["ADVANCE", "HOLD", "ROLLBACK"]
Result = Literal["worse", "fine", "open", "not run"]
Name = Literal["error_rate", "latency", "score", "loss"]
Scale = Literal["odds", "difference", "distance"]
NAMES: tuple[Name, ...] = ("error_rate", "latency", "score", "loss")


@dataclass(frozen=True)
class Rules:
    """By what is decided: `params.yaml: deploy.judge`.

    Attributes:
        alpha: how often a candidate that is no worse may ever be rolled back, over all figures and looks of a step.
        split: each figure's share of `alpha`.
        harm: what has to be shown to be exceeded for ROLLBACK: error rate and latency in times the stable's odds,
            the loss in its unit.
        margin: what has to be shown not to be reached for ADVANCE: error rate and latency in shares of requests,
            the score's distance, the loss in its unit. A score's distance beyond it is harm as well.
        paired_margin: the same of a score's mean change on the same requests.
        clump: how many requests that fail (are slow) may have one cause in one variant, such as a client that tries
            again: evidence counts by clumps.
        quantile: of the latency.
        must_show: the figures that have to be shown to be fine for ADVANCE.
        min_requests: the candidate's, below which nothing advances.
        max_hold: seconds after which a step ends; None: never.
        on_max_hold: how it ends then.
    """

    alpha: float
    split: Mapping[Name, float]
    harm: Mapping[Name, float]
    margin: Mapping[Name, float]
    paired_margin: float
    clump: Mapping[Name, float]
    quantile: float
    must_show: frozenset[Name]
    min_requests: int
    max_hold: float | None
    on_max_hold: Literal["ADVANCE", "ROLLBACK"]


@dataclass(frozen=True)
class Counted:
    """How often both variants were asked, and how often something happened.

    Attributes:
        strata: between looks.
        together: whether both were asked in the same stretches; False: the stable's are from before this step, when it
            still had requests, and stretches have nothing to do with one another.
    """

    strata: Strata
    together: bool = True


@dataclass(frozen=True)
class Bracket:
    """Between which borders of its histogram a quantile is shown to lie, in seconds; `above` 0 and `upto` inf: none."""

    above: float
    upto: float


@dataclass(frozen=True)
class Latency:
    """Requests slower than the stable's quantile was before each stretch, and where both quantiles lie now."""

    slow: Counted
    candidate: Bracket
    stable: Bracket
    border: float


@dataclass(frozen=True)
class Samples:
    """A value of each unit, in the order in which they came: (n,) and (m,); of pairs n = m.

    Attributes:
        paired: whether the values of one place are of one request.
        unit: what is counted once: entity, request or row.
    """

    candidate: Floats
    stable: Floats
    paired: bool = False
    unit: str = "entity"


@dataclass(frozen=True)
class Evidence:
    """All that is known of a step.

    Attributes:
        requests: the candidate's.
        held: seconds since the step began.
        errors: requests that failed.
        latency: requests that were slow.
        scores: by class; of binary and regression one.
        loss: between 0 and 1 each, where 1 is worth `loss_unit`.
        missing: why a figure could not be looked at.
    """

    requests: int
    held: float
    errors: Counted | None = None
    latency: Latency | None = None
    scores: Mapping[str, Samples] = field(default_factory=dict)
    loss: Samples | None = None
    loss_unit: float = 1.0
    loss_name: str = "loss"
    missing: Mapping[Name, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """A figure that was looked at, and what came of it.

    Attributes:
        result: worse or fine are shown; open is neither.
        better: whether the candidate is shown to be better.
        reason: in words.
        candidate, stable: both values; None where there is none.
        scale: what `lower` and `upper` bound: how many times the odds, a difference or a distance.
        lower, upper: each wrong ever with a probability of at most `alpha`; None where there is no bound.
        ceiling: the upper bound of the difference (distance) by which it is fine, at the whole of the rules' alpha.
        margin: what the ceiling has to stay below.
        units: the candidate's and the stable's.
        more: about how many times as much evidence would show it to be fine, were all to go on alike; None where it is
            shown already, or a hundred times would not do.
    """

    name: Name
    result: Result
    reason: str
    better: bool = False
    candidate: float | None = None
    stable: float | None = None
    scale: Scale | None = None
    lower: float | None = None
    upper: float | None = None
    ceiling: float | None = None
    margin: float | None = None
    alpha: float | None = None
    units: tuple[int, int] = (0, 0)
    more: float | None = None


@dataclass(frozen=True)
class Judgement:
    """ADVANCE, HOLD or ROLLBACK, why, and everything behind it."""

    outcome: Outcome
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    requests: int
    held: float

    @property
    def better(self) -> tuple[Name, ...]:
        """The figures in which the candidate is shown to be better."""
        return tuple(check.name for check in self.checks if check.better)
