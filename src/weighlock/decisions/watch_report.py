"""The watch's summary: one page of Markdown, and what the command prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.decisions.figures import count, number
from weighlock.decisions.markdown import code, escaped, folded, image, joined, table
from weighlock.decisions.watch import SCORE, Evidence, Rules, Verdict, counts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weighlock.statistics.drift import Drift

SHOWN = 8
SENTENCE = 400
NEXT = {
    "OK": "Nothing to do.",
    "WARN": "Look at it; nothing is retrained yet.",
    "RETRAIN": "`weighlock retrain` opens the pull request.",
    "BROKEN": "Fix the feed. Do not retrain on it.",
    "UNKNOWN": "Nothing can be said yet.",
}


@dataclass(frozen=True)
class Context:
    """What the report names beside the verdict.

    Attributes:
        environment: such as production.
        model: what runs there.
        reference: what the window is held against, and of how many days.
        units: by feature, a standard deviation in its own unit; none of categories.
        flagged: the share of the window's rows that the service found odd.
        unseen: the share of rows with a category that the model does not know.
        labelled: rows whose truth is known, and the days that they are of.
        evidently: by column, its distance, its threshold and its method; None where it was not run.
        sample: rows that Evidently saw of either side.
        files: what lies beside the report, by title.
    """

    environment: str
    model: str
    reference: str
    units: Mapping[str, float]
    flagged: float
    unseen: float
    labelled: tuple[int, int]
    evidently: Mapping[str, tuple[float, float, str]] | None
    sample: int
    files: Mapping[str, str]


HOW = (
    "Days are the unit: each distance is held against what all days of both sides come to when they are split anew, "
    "one limit for all columns. A shift is in standard deviations, a mix is Jensen and Shannon's distance, nulls are a "
    "share. What is below its smallest could not have been seen."
)


def report(verdict: Verdict, evidence: Evidence, rules: Rules, context: Context) -> str:
    """The page."""
    lines = [f"# {verdict.outcome}: {escaped(context.environment)}, {_window(evidence)}", "", _lead(evidence, context)]
    lines += ["", f"**{NEXT[verdict.outcome]}**", "", *(f"- {escaped(reason)}" for reason in verdict.reasons), ""]
    if "timeline" in context.files:
        lines += [image("Timeline", context.files["timeline"]), ""]
    lines += _drift_part(evidence, rules, context)
    lines += _performance(evidence, rules)
    lines += _differences(evidence, context)
    if verdict.notes:
        lines += ["## Notes", "", *(f"- {escaped(note)}" for note in verdict.notes), ""]
    return joined(lines)


def lines(verdict: Verdict, evidence: Evidence, context: Context, where: str) -> list[str]:
    """The same for a terminal, without colours."""
    drifts = _ordered(evidence.drifts or ())
    head = [
        f"{verdict.outcome}: {context.environment}, {_window(evidence)}",
        _lead(evidence, context),
        *(f"  - {reason[:SENTENCE]}" for reason in verdict.reasons),
        *(f"  note: {note[:SENTENCE]}" for note in verdict.notes[:SHOWN]),
    ]
    if drifts:
        rows = [("column", "drift", "of its limit", "smallest that shows")]
        rows += [(_name(d), _effect(d), f"{_ratio(d):.0%}", _smallest(d, context)) for d in drifts[:SHOWN]]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        head += ["", *("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)]
        head += [f"… and {len(drifts) - SHOWN} more, in the report", ""] if len(drifts) > SHOWN else [""]
    return [*head, f"{NEXT[verdict.outcome]} See {where}"]


def _window(evidence: Evidence) -> str:
    return f"{evidence.days[0]} to {evidence.days[-1]}"


def _lead(evidence: Evidence, context: Context) -> str:
    return (
        f"{count(sum(evidence.rows), 'prediction')} by {context.model} on {count(len(evidence.days), 'day')}, against "
        f"{context.reference}. Flagged: {context.flagged:.1%}, with unseen categories: {context.unseen:.1%}. Labels: "
        f"{count(context.labelled[0], 'row')} on {count(context.labelled[1], 'day')}."
    )


def _drift_part(evidence: Evidence, rules: Rules, context: Context) -> list[str]:
    if evidence.drifts is None:
        return ["## Drift", "", escaped(evidence.too_few), ""]
    importance = evidence.importance or {}
    rows = [
        [
            code(_name(drift)), drift.measure, _effect(drift), f"{_ratio(drift):.0%}", _smallest(drift, context),
            f"{importance[drift.column]:.1%}" if drift.column in importance else "",
            _said(drift, context), _state(drift, evidence, rules),
        ]
        for drift in _ordered(evidence.drifts)
    ]  # fmt: skip
    head = ["column", "measure", "beyond chance", "of its limit", "smallest that shows", "importance", "Evidently", ""]
    return [
        "## Drift",
        "",
        HOW,
        *table(head, rows[: 2 * SHOWN], right={3, 5}),
        *(folded(f"{len(rows) - 2 * SHOWN} more", table(head, rows[2 * SHOWN :], {3, 5})) if rows[2 * SHOWN :] else []),
    ]


def _performance(evidence: Evidence, rules: Rules) -> list[str]:
    out = ["## Performance", ""]
    if not evidence.gains:
        return [*out, "Labels are too few to tell.", ""]
    ordered = sorted(evidence.gains, key=lambda gain: (bool(gain.name), -gain.estimate.value))
    rows = []
    for gain in ordered[:SHOWN]:
        low, high = gain.estimate.interval(0.95)
        what = f"correcting by {code(gain.name)}" if gain.name else "the same recipe, trained up to these days"
        tried = f"{gain.estimate.clusters} days, {count(gain.estimate.rows, 'row')}"
        rows.append([what, f"{gain.estimate.value:+.4f}", f"{low:+.4f} to {high:+.4f}", tried])
    if ordered[0].name:
        out += ["The same recipe was not trained anew: `--twin` does that.", ""]
    out += [
        (
            "What a model that knows more would gain in loss, on the newest days with labels; a retraining is due "
            f"where more than {rules.margin:g} is shown. How high the loss itself is hangs on the season, and says "
            "little."
        ),
        *table(["", "gain", "95% interval", "on"], rows, right={1, 2}),
    ]
    return out


def _differences(evidence: Evidence, context: Context) -> list[str]:
    if context.evidently is None or evidence.drifts is None:
        return []
    ours = {_plain(drift.column) for drift in evidence.drifts if drift.drifted}
    theirs = {name for name, (value, threshold, _) in context.evidently.items() if value > threshold}
    faulty = {fault.column for fault in evidence.faults}
    only, missed = sorted(theirs - ours - faulty), sorted(ours - theirs)
    said = [
        (
            f"Its defaults, on {count(context.sample, 'row')} of either side, call {count(len(theirs), 'column')} of "
            f"{len(context.evidently)} drifted; ours call {len(ours)}. Its page draws them; our limits decide."
        )
    ]
    if only:
        said.append(f"It alone: {', '.join(map(code, only))}: within what days differ by anyway.")
    if missed:
        said.append(f"We alone: {', '.join(map(code, missed))}: below its fixed threshold, beyond what days differ by.")
    links = [f"[{title}]({file})" for title, file in context.files.items() if title.startswith("Evidently")]
    return ["## Evidently", "", *said, "", " · ".join(links), ""]


def _ordered(drifts: Sequence[Drift]) -> list[Drift]:
    return sorted(drifts, key=lambda drift: (not drift.drifted, -drift.score))


def _ratio(drift: Drift) -> float:
    return max(drift.score, 0.0) / drift.limit


def _name(drift: Drift) -> str:
    return _plain(drift.column) + (" (nulls)" if drift.measure == "nulls" else "")


def _plain(column: str) -> str:
    return f"prediction {column[len(SCORE) :]}".rstrip() if column.startswith(SCORE) else column


def _effect(drift: Drift) -> str:
    return {"shift": f"{drift.effect:.2f} sd", "mix": f"{drift.effect:.3f}", "nulls": f"{drift.effect:.1%}"}[
        drift.measure
    ]


def _smallest(drift: Drift, context: Context) -> str:
    if drift.measure == "nulls":
        return f"{drift.smallest:.1%}" if drift.smallest < 1 else "nothing"
    if drift.measure == "mix":
        return f"10% → {share_after(drift.smallest):.0%}" if drift.smallest < MOST_MIX else "nothing"
    unit = context.units.get(drift.column)
    own = "" if unit is None else f" ({number(drift.smallest * unit, 2)})"
    return f"{drift.smallest:.2f} sd{own}"


MOST_MIX = 0.8


def share_after(distance: float, before: float = 0.1) -> float:
    """What a category's share has grown to where the mix moved by so much and the others kept their proportions.

    Args:
        distance: Jensen and Shannon's, to base 2.
        before: its share.
    """
    import math

    def between(after: float) -> float:
        parts = [(before, after), (1 - before, 1 - after)]
        return math.sqrt(
            sum(0.5 * x * math.log2(2 * x / (p + q)) for p, q in parts for x in (p, q) if x > 0)
        )  # fmt: skip

    low, high = before, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if between(middle) < distance else (low, middle)
    return high


def _said(drift: Drift, context: Context) -> str:
    found = (context.evidently or {}).get(_plain(drift.column))
    if found is None or drift.measure == "nulls":
        return ""
    return f"{found[0]:.2f}, {'drift' if found[0] > found[1] else 'none'}"


def _state(drift: Drift, evidence: Evidence, rules: Rules) -> str:
    if not drift.drifted:
        return ""
    return "**drift**" if counts(drift.column, evidence, rules) else "note"
