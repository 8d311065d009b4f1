"""How a move reads: the commit's first line and trailers, the difference, and remarks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from weighlock.deployment.desk import Desk
from weighlock.deployment.trailers import format_trailers
from weighlock.deployment.transitions import Move
from weighlock.deployment.wording import described, percents, way
from weighlock.files import digest_of
from weighlock.releases import record
from weighlock.releases.record import Release


def outcome(move: Move, releases: Mapping[str, Release]) -> str:
    """What has become of it, for the commit's first line."""
    before, after = move.before, move.after
    if move.kind == "rollback" and before.candidate and after.stable == before.stable:
        return f"{before.candidate.release} taken away and blocked"
    version = after.candidate.release if after.candidate else after.stable or ""
    named = f"{releases[version].name} {version}" if version in releases else version
    if move.kind == "rollback":
        return f"back to {named}, {before.stable} blocked"
    return f"{named} {way(after.candidate.route)}" if after.candidate else f"{named} is stable"


def trailers(desk: Desk, move: Move, releases: Mapping[str, Release]) -> str:
    """The commit's last paragraph, which `history` and `audit` read."""
    after = move.after
    version = after.candidate.release if after.candidate else after.stable or ""
    ledger = desk.history.ledger
    content = ledger.text(ledger.head.tree[record.path_of(version)])
    verdict = releases[version].verdict
    return format_trailers(
        {
            "Environment": desk.name,
            "Move": move.kind,
            "From": described(move.before),
            "To": described(after),
            "Record": f"{version} {digest_of(content)}",
            "Verdict": f"{verdict.outcome}{' (bootstrap)' if verdict.bootstrap else ''} {verdict.evidence}",
            "Skipped": percents(move.skipped),
            "Unblocked": move.unblocked,
            "Evidence": desk.how.evidence,
            "Reason": desk.how.reason,
        }
    )


def remarks(desk: Desk, move: Move, releases: Mapping[str, Release]) -> list[str]:
    """What a user should know of a move beside what changes."""
    remarks = []
    if move.skipped:
        remarks.append(f"Steps passed over: {percents(move.skipped)}. The commit says so.")
    for version in move.after.releases:
        judged = releases[version].verdict.champion if version in releases else None
        last = desk.policy.environments[-1:] == [desk.name]
        if last and move.kind == "promote" and judged and version != move.before.stable != judged:
            remarks.append(f"{version} was weighed against {judged}, and {move.before.stable} is stable here.")
    return remarks


def diff_of(path: str, before: str, after: str) -> str:
    """What changes in a file, as a unified difference."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(lines)
