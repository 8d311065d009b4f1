"""What a judgement asks for, as the commit that `weighlock advance` or `rollback` makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from weighlock.decisions.judge_report import to_json
from weighlock.deployment.desk import Done, How
from weighlock.deployment.judge import Judged
from weighlock.deployment.judge_step import Wanted, wanted
from weighlock.deployment.moves import advance, rollback
from weighlock.deployment.transitions import advance as next_step
from weighlock.errors import EvidenceError
from weighlock.files import digest_of
from weighlock.files import to_json as written

LONGEST = 400


def apply(judged: Judged, step: Wanted, root: Path, how: How) -> Done | None:
    """Make the commit; None where the outcome is HOLD.

    Args:
        judged: the judgement.
        step: what was judged.
        root: the repository's.
        how: push, dry run; a reason, else the judge's.

    Raises:
        EvidenceError: the environment has moved on since it was judged.
        WeighlockError: as `advance` and `rollback`.
    """
    outcome = judged.judgement.outcome
    if outcome == "HOLD":
        return None
    if wanted(step.environment, root).key != step.key:
        raise EvidenceError(
            f"`{step.environment}` has moved on while it was judged: this judgement is of another step. Judge again."
        )
    found = "; ".join(reason.rstrip(".") for reason in judged.judgement.reasons)
    reason = how.reason or f"judge: {found if len(found) <= LONGEST else found[: LONGEST - 1] + '…'}"
    how = replace(how, reason=reason, evidence=f"judge {outcome} {digest(judged)}")
    if outcome == "ROLLBACK":
        # the candidate alone: should someone else have taken it away meanwhile, stable stays
        return rollback(step.environment, root, how, to=step.stable.version)
    after = next_step(step.state).after
    weight = after.candidate.route.weight if after.candidate else None
    return advance(step.environment, root, how, to="stable" if weight is None else weight)


def digest(judged: Judged) -> str:
    """Of the record, `sha256:…`, as `judge.json` holds it."""
    return digest_of(written(to_json(judged.judgement, judged.step, judged.rules, judged.evidence)).encode())
