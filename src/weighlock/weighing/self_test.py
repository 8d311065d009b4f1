"""The gate's self-test: what it says of planted models, and whether it may say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.weighing.planted import plant

if TYPE_CHECKING:
    from collections.abc import Callable

    from weighlock.decisions.verdict import Outcome, Verdict
    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import GateParams
    from weighlock.weighing.predictions import Predictions


@dataclass(frozen=True)
class SelfTest:
    """What the gate said of one planted pair.

    Attributes:
        name: of the pair: `clearly worse` …
        outcome: what it said; None where no such pair can be planted, which is no success either.
        allowed: what it may say.
        ok: whether it did.
        gain: the challenger's on the primary metric; None where there is none.
        error: its standard error.
        reason: why it is not ok: what the gate gave as its reasons, or why nothing was planted; empty where it is.
    """

    name: str
    outcome: Outcome | None
    allowed: tuple[Outcome, ...]
    ok: bool
    gain: float | None
    error: float | None
    reason: str = ""


def self_test(
    challenger: Predictions,
    policy: GateParams,
    units: Units,
    judge: Callable[[Predictions, Predictions], Verdict],
) -> list[SelfTest]:
    """Have planted pairs judged, of each of which only some outcomes can be right.

    By the draw that `gate.seed` makes of this holdout an equal model is taken for a worse one at most as often as
    `gate.harm_confidence` allows; far more rarely where every margin is wide beside the noise that is planted.

    Args:
        challenger: the model that pairs are made of, and the rows that they are judged on.
        policy: of the gate.
        units: of the rows, as the judge takes them.
        judge: says what the gate says of a challenger and a champion.
    """
    tests = []
    for planted in plant(challenger, policy, units):
        if planted.pair is None:
            tests.append(SelfTest(planted.name, None, planted.allowed, False, None, None, planted.reason))
            continue
        verdict = judge(*planted.pair)
        gains = [check.comparison.gain for check in verdict.of("primary") if check.comparison]
        gain, error = (gains[0].value, gains[0].error) if gains else (None, None)
        ok = verdict.outcome in planted.allowed
        reason = "" if ok else " ".join(verdict.reasons)
        tests.append(SelfTest(planted.name, verdict.outcome, planted.allowed, ok, gain, error, reason))
    return tests
