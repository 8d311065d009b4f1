"""The doctor's findings for a terminal and for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from weighlock.decisions.markdown import cleaned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighlock.doctor.finding import Finding

MARKS = {"found": "found", "missing": "MISSING", "unknown": "unknown"}
BETTER = "missing"  # what is not needed does not shout
DETAIL, WHY, FIX = 200, 300, 300


def lines(findings: Sequence[Finding]) -> list[str]:
    """A table, with the reason and the command below each that is not there."""
    width = max((len(finding.name) for finding in findings), default=0)
    told: list[str] = []
    area = ""
    for finding in findings:
        if finding.area != area:
            told += ([""] if told else []) + [finding.area]
            area = finding.area
        mark = BETTER if finding.state == "missing" and not finding.needed else MARKS[finding.state]
        told.append(f"  {mark:8} {finding.name:{width}}  {cleaned(finding.detail, DETAIL)}".rstrip())
        if finding.state == "missing":  # what is unknown may well be there; JSON has its reasons, too
            told.append(f"{'':11}why: {cleaned(finding.why, WHY)}")
            told += [f"{'':11}fix: {cleaned(finding.fix, FIX)}"] if finding.fix else []
    return [*told, "", summary(findings)]


def summary(findings: Sequence[Finding]) -> str:
    """What it comes to, in a sentence."""
    needed = sum(finding.stops for finding in findings)
    better = sum(finding.state == "missing" and not finding.needed for finding in findings)
    unknown = sum(finding.state == "unknown" for finding in findings)
    found = sum(finding.state == "found" for finding in findings)
    return (
        f"{found} found, {needed} missing that {'is' if needed == 1 else 'are'} needed, {better} missing that would "
        f"help, {unknown} unknown."
    )


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "version": 1,
        "outcome": outcome(findings),
        "findings": [asdict(finding) for finding in findings],
    }


def outcome(findings: Sequence[Finding]) -> str:
    """MISSING where something needed is missing; UNKNOWN where that cannot be told of all; else OK."""
    if any(finding.stops for finding in findings):
        return "MISSING"
    return "UNKNOWN" if any(f.state == "unknown" and f.needed for f in findings) else "OK"
