"""The pull request of a retraining: its title and its body, from what was found. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.decisions.markdown import code, escaped, folded, joined, table
from weighlock.statistics.metrics import find_metric

if TYPE_CHECKING:
    from weighlock.retraining.evidence import Watched

MOST = 60_000  # characters that a pull request's body may have, with something to spare
MOST_DRIFTS = 12
# pictures are files beside the report, which a pull request cannot show
_PLOTS = re.compile(r"<details><summary>Plots</summary>.*?</details>\n?", re.DOTALL)
MARK = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔"}


@dataclass(frozen=True)
class Findings:
    """What a retraining found.

    Attributes:
        branch: that holds it.
        before, end: the window's last day, as it was and as it is.
        rows: that came with the new days.
        waiting: why later days were left out.
        metrics: by name, the holdout's value before and now; before is None where there was none.
        task: of the model.
        outcome: the gate's.
        report: the gate's report, in Markdown.
        watched: what the watch said; None where no one asked it.
    """

    branch: str
    before: dt.date
    end: dt.date
    rows: int
    waiting: str | None
    metrics: Mapping[str, tuple[float | None, float]]
    task: str
    outcome: str
    report: str
    watched: Watched | None


@dataclass(frozen=True)
class Request:
    """A pull request; a draft where the gate refuses it."""

    title: str
    body: str
    branch: str
    draft: bool


def request_of(found: Findings) -> Request:
    """The pull request that carries its own proof."""
    title = f"Retrain on data up to {found.end}: {found.outcome}"
    moved = f"The window moves from {found.before} to **{found.end}**: {found.rows:,} new rows."
    lines = [
        f"{moved} The gate says **{found.outcome}** {MARK.get(found.outcome, '')}",
        *([f"\nLeft out: {escaped(found.waiting)}."] if found.waiting else []),
        "",
        *_why(found.watched),
        *_metrics(found),
    ]
    head = joined(lines)
    whole = joined([head, "### The gate", "", _PLOTS.sub("", found.report)])
    if len(whole) > MOST:
        cut = "The gate's report is too long for a pull request; `weighlock gate` on this branch writes it."
        whole = joined([head, "### The gate", "", cut])
    return Request(title, whole, found.branch, found.outcome == "FAIL")


def message_of(found: Findings) -> str:
    """The commit's message."""
    why = f"The watch of {found.watched.environment} said {found.watched.outcome}." if found.watched else ""
    lines = [
        f"data: up to {found.end}",
        "",
        f"{found.rows:,} rows came since {found.before}. The gate says {found.outcome}. {why}".rstrip(),
        "",
    ]
    return "\n".join(lines)


def _why(watched: Watched | None) -> list[str]:
    if watched is None:
        return ["### Why", "", "Somebody asked for it: no verdict of the watch was given (`--verdict`).", ""]
    window = f"{code(watched.window[0])} to {code(watched.window[1])}, {watched.rows:,} rows"
    lines = [
        "### Why",
        "",
        f"The watch of {code(watched.environment)} says **{escaped(watched.outcome)}** of {window}:",
        "",
        *[f"- {escaped(reason)}" for reason in watched.reasons],
    ]
    drifted = sorted((d for d in watched.drifts if d[4]), key=lambda d: d[3] / d[2] if d[2] else 1.0)[:MOST_DRIFTS]
    if drifted:
        rows = [[code(name), measure, f"{effect:.3g}", f"{floor:.3g}"] for name, measure, effect, floor, _ in drifted]
        lines += table(("column that drifted", "measure", "effect beyond chance", "floor"), rows, {2, 3})
    if watched.gains:
        gains = sorted(watched.gains, key=lambda gain: -gain[1])[:MOST_DRIFTS]
        rows = [[code(by) if by else "the recipe, retrained", f"{g:+.4f}", f"{e:.4f}"] for by, g, e in gains]
        told = table(("what it would gain, corrected by", "gain in loss", "standard error"), rows, {1, 2})
        lines += folded("What a retraining would gain", told)
    return [*lines, ""]


def _metrics(found: Findings) -> list[str]:
    rows = []
    for name, (before, now) in found.metrics.items():
        metric = find_metric(name, found.task)
        arrow = "↑" if metric.better == "higher" else "↓"
        change = "" if before is None else f"{now - before:+.4f}"
        rows.append([f"{code(name)} {arrow}", "" if before is None else f"{before:.4f}", f"{now:.4f}", change])
    said = (
        "Each model on its own holdout: the newest days of its own window. Seasons move these figures; whether the new "
        "model is better on the same rows is what the gate says."
    )
    head = ("metric", f"up to {found.before}", f"up to {found.end}", "change")
    return ["### Metrics", "", said, *table(head, rows, {1, 2, 3})]
