"""The judge's record for machines, and its report for people: Markdown and terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from weighlock.decisions.judge_verdict import Check, Evidence, Judgement, Rules
from weighlock.decisions.judge_words import TITLES, bracket, duration, interval, limit, percent
from weighlock.decisions.markdown import code, escaped, joined, table

DIGITS = 10
HEAD = ("figure", "candidate", "stable", "interval", "at most", "margin", "outcome")
_FOOT = (
    "Every figure may be looked at at any time and as often as one likes. A candidate that is no worse is ever rolled "
    "back in this step with a probability of at most {0}, and as rarely is one that is no better called better; an "
    "interval is ever wrong at either end with its figure's share of that. `at most` bounds the difference (distance) "
    "that has to stay below the margin."
)


@dataclass(frozen=True)
class Step:
    """What was judged.

    Attributes:
        environment: its name.
        stable, candidate: releases.
        digests: of the stable's and the candidate's served model.
        route: how requests reach the candidate, in words.
        since, at: when the step began and when it was judged, in UTC.
        warnings: what a reader should know beside the figures.
    """

    environment: str
    stable: str
    candidate: str
    digests: tuple[str, str]
    route: str
    since: str
    at: str
    warnings: tuple[str, ...] = ()


def to_json(judgement: Judgement, step: Step, rules: Rules, evidence: Evidence) -> dict[str, Any]:
    """The content of `judge.json`: keys in one order, without NaN or infinities."""
    latency = evidence.latency
    content = {
        "outcome": judgement.outcome,
        "better": list(judgement.better),
        "reasons": list(judgement.reasons),
        "step": asdict(step),
        "requests": judgement.requests,
        "held_seconds": judgement.held,
        "checks": [asdict(check) for check in judgement.checks],
        "quantiles": latency
        and {"quantile": rules.quantile, "candidate": asdict(latency.candidate), "stable": asdict(latency.stable)},
        "rules": asdict(rules) | {"must_show": sorted(rules.must_show)},
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def markdown(judgement: Judgement, step: Step, rules: Rules, evidence: Evidence) -> str:
    """The content of `judge.md`."""
    lines = [
        f"# {judgement.outcome}: {code(step.candidate)} beside {code(step.stable)} in {code(step.environment)}",
        "",
        f"{escaped(_when(judgement, step))} Judged at {step.at}.",
        "",
        *(f"- {escaped(reason)}" for reason in judgement.reasons),
        *table(HEAD, [_row(check) for check in judgement.checks], right={1, 2, 3, 4, 5}),
        *_quantiles(evidence, rules),
        *(f"- {TITLES[c.name]}: {escaped(c.reason)}" for c in judgement.checks if c.reason not in judgement.reasons),
        *(f"\n**Warning.** {escaped(warning)}" for warning in step.warnings),
        "",
        _FOOT.format(percent(rules.alpha)),
    ]
    return joined(lines)


def terminal(judgement: Judgement, step: Step, rules: Rules, evidence: Evidence, report: str) -> list[str]:
    """The judgement for a terminal, without colours."""
    rows = [HEAD, *(_row(check) for check in judgement.checks)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    left = {0, len(HEAD) - 1}
    return [
        judgement.outcome,
        f"{step.candidate} beside {step.stable} in {step.environment}. {_when(judgement, step)}",
        *(f"  - {reason}" for reason in judgement.reasons),
        *(f"  warning: {warning}" for warning in step.warnings),
        "",
        *("  ".join(_cell(row, i, w, left) for i, w in enumerate(widths)).rstrip() for row in rows),
        *_quantiles(evidence, rules),
        f"See {report}",
    ]


def _when(judgement: Judgement, step: Step) -> str:
    held = f"{step.route}, since {step.since} ({duration(judgement.held)})"
    return f"{held[:1].upper()}{held[1:]}, {judgement.requests:,} requests of the candidate."


def _row(check: Check) -> tuple[str, ...]:
    shares = check.name in {"error_rate", "latency"}

    def value(found: float | None) -> str:
        return "-" if found is None else percent(found) if shares else f"{found:.4g}"

    shown = interval(check) if check.scale else "-"
    outcome = f"{check.result}, better" if check.better else check.result
    row = (value(check.candidate), value(check.stable), shown, limit(check, check.ceiling), limit(check, check.margin))
    return (TITLES[check.name], *row, outcome)


def _quantiles(evidence: Evidence, rules: Rules) -> list[str]:
    if evidence.latency is None:
        return []
    new, old = evidence.latency.candidate, evidence.latency.stable
    name = f"p{100 * rules.quantile:g}"
    return ["", f"{name} latency: candidate {bracket(new)}, stable {bracket(old)}.", ""]


def _cell(row: Sequence[str], place: int, width: int, left: set[int]) -> str:
    return row[place].ljust(width) if place in left else row[place].rjust(width)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
