"""What the gate's command prints: the verdict, why, the demands in columns, where the report is."""

from __future__ import annotations

from weighlock.decisions.context import Context
from weighlock.decisions.figures import arrow, metric_of, written
from weighlock.decisions.markdown import cleaned
from weighlock.decisions.report import lead, tally, told, wear
from weighlock.decisions.verdict import Check, Verdict

HEAD = ("", "metric", "champion", "challenger", "gain", "interval", "margin", "outcome")
LEFT = {0, 1, 7}  # columns of words
MOST = 8
NAME = 40
SENTENCE = 400


def lines(verdict: Verdict, context: Context, report: str | None = None) -> list[str]:
    """The verdict for a terminal, without colours.

    Args:
        verdict: the gate's.
        context: what it was weighed with.
        report: where the report is, as the user should open it.
    """
    aside = " (bootstrap)" if verdict.bootstrap else ""
    aside += f", accepted: {cleaned(context.accepted, SENTENCE)}" if context.accepted is not None else ""
    against = f" against {cleaned(context.champion.name)}" if context.champion else ""
    worn = wear(context.holdout)
    warnings = [*([worn] if worn else []), *context.warnings]
    return [
        f"{verdict.outcome}{aside}",
        f"{cleaned(context.challenger.name)}{against}. {lead(verdict, context)}",
        *_some([cleaned(reason, SENTENCE) for reason in told(verdict)], "  - "),
        *_some([cleaned(warning, SENTENCE) for warning in warnings], "  warning: "),
        *_table(verdict, context),
        *tally(verdict),
        *([f"See {report}"] if report else []),
    ]


def _some(texts: list[str], before: str) -> list[str]:
    left = len(texts) - MOST
    return [f"{before}{text}" for text in texts[:MOST]] + ([f"{before}… and {left:,} more"] if left > 0 else [])


def _table(verdict: Verdict, context: Context) -> list[str]:
    checks = verdict.of("primary", "guard")
    if not checks:
        return []
    rows = [HEAD, *(_row(check, context) for check in checks)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = [
        "  ".join(c.ljust(w) if i in LEFT else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return ["", *(line.rstrip() for line in lines), ""]


def _row(check: Check, context: Context) -> tuple[str, ...]:
    direction = arrow(metric_of(check, context), context.task)
    return (check.kind, f"{cleaned(check.name, NAME)} {direction}".rstrip(), *written(check), check.result)
