"""The gate in a replay: figures that are kept, and what they amount to under a margin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.layout import SERVED, WEIGHED
from weighlock.replaying.life import Judged
from weighlock.weighing.contenders import find_challenger, find_champion
from weighlock.weighing.scale import Scale, scale_of
from weighlock.weighing.weigh import weigh as weigh_scale

if TYPE_CHECKING:
    from pathlib import Path

    from weighlock.decisions.verdict import Outcome, Verdict
    from weighlock.weighing.policy import GateParams


@dataclass(frozen=True)
class Weighing:
    """A challenger against a champion, by everything but the primary metric's margin.

    Attributes:
        which: of the champion's two models, the one that has not seen the holdout.
        champion, challenger: the primary metric.
        gain, lower, upper: of it, with the policy's one-sided bounds.
        harmed: whether the challenger is shown to be worse in it.
        rest: what guards, vetoes and conditions amount to.
        reasons: theirs, where they do not pass.
    """

    which: str
    champion: float
    challenger: float
    gain: float
    lower: float
    upper: float
    harmed: bool
    rest: Outcome
    reasons: str


def weigh(challenger: Path, champion: Path, policy: GateParams) -> Weighing:
    """Weigh two trainings, each by its folder.

    What a replay cannot have is not asked for: `gate.must_run` is about the repository's `dvc.lock` and reports.
    """
    found = replace(find_challenger(None, challenger), kind="folder", name=str(challenger / WEIGHED))
    which = SERVED
    try:
        other = find_champion(str(champion / which), found, challenger)
    except EvidenceError:  # it has seen the holdout
        which = WEIGHED
        other = find_champion(str(champion / which), found, challenger)
    judge = replace(scale_of(found, other, challenger).judge, policy=policy.model_copy(update={"must_run": []}))
    verdict = weigh_scale(Scale(found, other, judge, challenger)).verdict
    return _weighing(verdict, policy, which)


def judged(found: Weighing, policy: GateParams) -> Judged:
    """What it amounts to under the policy's margin, by the rules of `decisions/gate.py`."""
    rule = policy.primary
    border = 0.0 if rule.require == "superior" else -rule.margin.of(found.champion)
    outcome: Outcome = "PASS" if found.lower > border else "FAIL" if found.harmed else "INCONCLUSIVE"
    if "FAIL" in (outcome, found.rest):
        outcome = "FAIL"
    elif found.rest == "INCONCLUSIVE":
        outcome = "INCONCLUSIVE"
    said = (
        f"{outcome}: {rule.metric} {found.challenger:.4f}, the champion's {found.champion:.4f}: gain {found.gain:+.4f} "
        f"({found.lower:+.4f} to {found.upper:+.4f})"
    )
    return Judged(outcome == "PASS", said if found.rest == "PASS" else f"{said}; {found.reasons}")


def _weighing(verdict: Verdict, policy: GateParams, which: str) -> Weighing:
    primary = next(check for check in verdict.of("primary"))
    assert primary.comparison is not None  # noqa: S101  (a champion was there)
    gain, confidence = primary.comparison.gain, policy.primary.confidence
    others = [check for check in verdict.checks if check is not primary]
    failed = [check for check in others if check.result == "fail"]
    open_ = [check for check in others if check.result == "inconclusive" and check.kind in {"guard", "condition"}]
    rest: Outcome = "FAIL" if failed else "INCONCLUSIVE" if open_ else "PASS"
    # half of the error is the demands', shared by Holm; the smallest share is the strictest
    harm = primary.p_harm if primary.p_harm is not None else 1.0
    harmed = primary.result == "fail" or (primary.result == "pass" and harm <= (1 - policy.harm_confidence) / 2)
    return Weighing(
        which.rsplit("/", 1)[-1], primary.comparison.champion, primary.comparison.challenger, gain.value,
        gain.lower(confidence), gain.upper(confidence), harmed, rest,
        "; ".join(f"{check.name}: {check.reason}" for check in failed or open_),
    )  # fmt: skip
