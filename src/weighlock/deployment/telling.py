"""History, status and audit as lines for a terminal, and as JSON."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Iterable
from typing import Any

from weighlock.deployment.audit import Audit
from weighlock.deployment.environment import Environment
from weighlock.deployment.findings import Finding
from weighlock.deployment.history import Event, History
from weighlock.deployment.status import Status, Variant
from weighlock.deployment.wording import one_line, percent, way

SHORT = 9  # of a commit
LEAST, BY = 24, 16  # of what: the narrowest that it becomes; of by: the widest
SETTINGS = "other settings"
SIGN = {"in sync": "in sync", "differs": "DIFFERS", "no answer": "NO ANSWER", "not asked": ""}


def event_lines(history: History, events: Iterable[Event], width: int) -> list[str]:
    """Who changed what, when and why: a table, and beneath each row what was said about it."""
    rows = [
        (f"{e.entry.at:%Y-%m-%d %H:%M}", e.environment, told(e), _name(e.entry.author)[:BY], e.entry.id[:SHORT])
        for e in events
    ]
    if not rows:
        return ["Nothing has been promoted yet."]
    head = ("when (UTC)", "environment", "what", "by", "commit")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    widths[2] = min(widths[2], max(LEAST, width - sum(widths) + widths[2] - 2 * (len(head) - 1)))
    lines = [_row(head, widths)]
    indent = " " * (widths[0] + 2)
    for event, row in zip(events, rows, strict=True):
        what, *more = textwrap.wrap(row[2], widths[2]) or [""]
        lines.append(_row((*row[:2], what, *row[3:]), widths))
        lines += [_row(("", "", rest, "", ""), widths) for rest in more]
        if said := "; ".join(_said(history, event)):
            lines += textwrap.wrap(said, max(width, 60), initial_indent=indent, subsequent_indent=indent)
    return lines


def told(event: Event) -> str:
    """What a change of an environment came to, in words."""
    before, after = event.before or Environment(stable=None), event.after
    if after is None:
        return "does not read" if event.fault else "is gone"
    gone = {entry.release for entry in before.blocked} - {entry.release for entry in after.blocked}
    new = [entry.release for entry in after.blocked if entry not in before.blocked]
    parts = [*_stable(before, after, new), *_candidate(before, after, new)]
    parts += [f"{version} blocked" for version in new if f"{version} taken away and blocked" not in parts]
    parts += [f"{version} unblocked" for version in sorted(gone)]
    return ", ".join(parts) or (SETTINGS if event.before else "begins")


def _stable(before: Environment, after: Environment, blocked: list[str]) -> list[str]:
    if after.stable == before.stable:
        return []
    if after.stable is None:
        return ["nothing runs"]
    if before.stable is None:
        return [f"{after.stable} is stable, the first"]
    return [f"back to {after.stable}" if before.stable in blocked else f"{after.stable} is stable"]


def _candidate(before: Environment, after: Environment, blocked: list[str]) -> list[str]:
    old, new = before.candidate, after.candidate
    if new == old:
        return []
    if new is None:
        if old is None or old.release == after.stable:
            return []
        return [f"{old.release} taken away{' and blocked' if old.release in blocked else ''}"]
    if old and old.release == new.release:
        return [f"{new.release} {way(new.route)}, was {way(old.route)}"]
    return [f"{new.release} {way(new.route)}"]


def _said(history: History, event: Event) -> list[str]:
    """Verdict, steps passed over, reason; and where no command made the commit."""
    said = []
    for version in event.arrived if event.said.get("Move") != "rollback" else ():
        release = history.ledger.release(event.entry.tree, version)
        judged = release and release.verdict
        said.append(
            f"{version}: {judged.outcome}{' (bootstrap)' if judged.bootstrap else ''}"
            + (f", accepted: {one_line(judged.accepted)}" if judged.accepted else "")
            if judged
            else f"{version}: no verdict"
        )
    if skipped := event.said.get("Skipped"):
        said.append(f"{one_line(skipped)} passed over")
    if reason := event.said.get("Reason"):
        said.append(one_line(reason))
    if "Environment" not in event.said and event.before is not None:
        hand = "" if told(event) == SETTINGS else "by hand: "
        said.append(f"{hand}{one_line(event.entry.subject)}")
    return said


def event_json(history: History, event: Event) -> dict[str, Any]:
    """A change, for machines."""
    releases = [history.ledger.release(event.entry.tree, version) for version in event.arrived]
    return {
        "at": _time(event.entry.at),
        "by": event.entry.author,
        "commit": event.entry.id,
        "environment": event.environment,
        "what": told(event),
        "move": event.said.get("Move"),
        "reason": event.said.get("Reason"),
        "skipped": event.said.get("Skipped"),
        "evidence": event.said.get("Evidence"),
        "arrived": event.arrived,
        "verdicts": {r.version: r.verdict.model_dump() for r in releases if r},
        "stable": event.after.stable if event.after else None,
        "candidate": event.after.candidate.model_dump(exclude_none=True)
        if event.after and event.after.candidate
        else None,
        "blocked": [entry.release for entry in event.after.blocked] if event.after else [],
    }


def audit_lines(audit: Audit, width: int) -> list[str]:
    """Who did what, what is wrong with it, and what that comes to."""
    ledger = audit.history.ledger
    events = audit.history.events
    lines = [*event_lines(audit.history, events, width), ""]
    for finding in (*audit.known, *audit.findings):
        lines += [*_finding(finding, width), ""]
    count = f"{len(ledger.entries):,} commits up to {ledger.head.id[:SHORT]}, {len(events):,} changes of environments"
    known = f", {len(audit.known)} known" if audit.known else ""
    found = f"{len(audit.findings)} finding{'s' * (len(audit.findings) != 1)}{known}"
    return [*lines, f"{'FAIL' if audit.findings else 'OK'}  {found}: {count}."]


def _finding(finding: Finding, width: int) -> list[str]:
    entry = finding.entry
    head = f"{finding.kind.upper()}  {entry.id[:SHORT]}  {entry.at:%Y-%m-%d %H:%M}  {_name(entry.author)[:36]}"
    texts = [one_line(finding.what), one_line(finding.todo)]
    texts = [texts[0], f"Known: {one_line(finding.known)}"] if finding.known else texts
    wrapped = [textwrap.wrap(text, max(width, 60), initial_indent="  ", subsequent_indent="  ") for text in texts]
    return [head, *(line for lines in wrapped for line in lines)]


def audit_json(audit: Audit) -> dict[str, Any]:
    """The same, for machines."""
    ledger = audit.history.ledger
    return {
        "outcome": "FAIL" if audit.findings else "OK",
        "commit": ledger.head.id,
        "commits": len(ledger.entries),
        "findings": [_finding_json(finding) for finding in audit.findings],
        "known": [_finding_json(finding) for finding in audit.known],
        "events": [event_json(audit.history, event) for event in audit.history.events],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    entry = finding.entry
    return {
        "kind": finding.kind, "commit": entry.id, "at": _time(entry.at), "by": entry.author, "path": finding.path,
        "release": finding.version, "what": finding.what, "todo": finding.todo, "known": finding.known,
    }  # fmt: skip


def status_lines(status: Status, width: int) -> list[str]:
    """What git wants in an environment and, where it was asked, what answers."""
    lines = []
    for place, variant in enumerate(status.variants):
        lines.append(f"{status.environment if not place else '':12}  {_variant(variant, status)}")
        indent = " " * 14
        for difference in variant.differences:
            lines += textwrap.wrap(
                difference, max(width, 60), initial_indent=f"{indent}  ", subsequent_indent=f"{indent}  "
            )
    for entry in status.state.blocked:
        lines.append(f"{'':12}  {entry.release} is blocked: {one_line(entry.reason)}")
    return [*lines, *(f"{'':12}  note: {note}" for note in status.notes)]


def _variant(variant: Variant, status: Status) -> str:
    if variant.wanted is None:
        wanted = f"no {variant.name}"
    else:
        since = f", since {variant.since:%Y-%m-%d %H:%M}, by {_name(variant.by or '')}" if variant.since else ""
        how = f" {variant.how}" if variant.how else ""
        wanted = f"{variant.wanted.version} is {variant.name}{how}{since}"
        if variant.name == "candidate" and (step := _next(status.state)):
            wanted += f"; next: {step}"
    return f"{wanted}  {SIGN[variant.sync]} ({variant.url})" if variant.url else wanted


def _next(state: Environment) -> str | None:
    if state.candidate is None:
        return None
    weight = state.candidate.route.weight
    higher = [step for step in state.steps if weight is None or step > weight]
    return percent(higher[0]) if higher else "stable"


def status_json(status: Status) -> dict[str, Any]:
    """The same, for machines."""
    return {
        "environment": status.environment,
        "commit": status.commit,
        "stable": status.state.stable,
        "candidate": status.state.candidate.model_dump(exclude_none=True) if status.state.candidate else None,
        "blocked": [entry.model_dump() for entry in status.state.blocked],
        "variants": [
            {
                "variant": v.name, "wanted": v.wanted.model_dump() if v.wanted else None, "url": v.url, "sync": v.sync,
                "found": v.found, "differences": list(v.differences), "since": v.since and _time(v.since), "by": v.by,
            }
            for v in status.variants
        ],
        "notes": list(status.notes),
    }  # fmt: skip


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _name(author: str) -> str:
    return one_line(author.partition(" <")[0]) or "nobody"


def _time(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
