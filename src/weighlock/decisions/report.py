"""The gate's report for people: the verdict first, then what it hangs on; what is long opens on a click.

Everything that comes from data, params or git goes through `markdown.code` or `markdown.escaped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from weighlock.decisions.context import Context, Holdout
from weighlock.decisions.figures import (
    CONFIDENCE,
    arrow,
    count,
    metric_of,
    probability,
    share,
    written,
)  # fmt: skip
from weighlock.decisions.markdown import code, escaped, folded, joined, table
from weighlock.decisions.sections import MARKS, Room, cut, data, errors, flips, models, more, params, plots, rates
from weighlock.decisions.verdict import Check, Kind, Verdict

MOST_CHARACTERS = 60_000  # GitHub refuses a comment above 65,536
SHOWN_SLICES = 5
NO_BREAK = "\u00a0"
OUTCOMES = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔"}
# what can only veto, and what one of them and several are called
VETOES: dict[Kind, tuple[str, str]] = {
    "slice": ("slice", "slices"),
    "fairness": ("gap between groups", "gaps between groups"),
    "robustness": ("perturbation", "perturbations"),
    "condition": ("condition", "conditions"),
}
# the last one fits whatever comes
ROOMS = (
    Room(checks=60, listed=100, flips=10, features=12, sentence=600),
    Room(checks=40, listed=50, flips=10, features=12, sentence=500),
    Room(checks=25, listed=25, flips=6, features=8, sentence=300),
    Room(checks=12, listed=12, flips=4, features=5, sentence=200),
    Room(checks=8, listed=6, flips=3, features=3, sentence=120),
)


def render(verdict: Verdict, context: Context) -> str:
    """The report as GitHub-flavoured Markdown, under 60,000 characters; the same for the same input.

    Where it would be longer, lists are cut and say how many more there are.
    """
    for room in ROOMS:
        text = joined(_report(verdict, context, room))
        if len(text) < MOST_CHARACTERS:
            break
    return text


def wear(holdout: Holdout) -> str | None:
    """The warning of a holdout on which more models were weighed than it can bear; None where it is none."""
    if holdout.weighed is None or holdout.weighed <= holdout.budget:
        return None
    return (
        f"This holdout wears out: {holdout.weighed:,} models have been weighed on its rows, and "
        f"`gate.holdout_budget` is {holdout.budget:,}. The best of many looks better than it is: weigh on newer rows."
    )


def lead(verdict: Verdict, context: Context) -> str:
    """What the verdict means for this challenger, in a sentence or two."""
    unit = context.holdout.unit
    if verdict.outcome == "FAIL":
        failed = [check for check in verdict.checks if check.result == "fail"]
        broken = sum(check.kind == "condition" for check in failed)
        said = (["harm is shown"] if len(failed) > broken else []) + (["a condition does not hold"] if broken else [])
        return f"The challenger must not be released: {' and '.join(said)}."
    if verdict.outcome == "PASS" and verdict.bootstrap:
        return "There is no champion (`bootstrap`): floors and data checks alone decided, and they hold."
    if verdict.outcome == "PASS":
        return "The challenger may take the champion's place: all that was demanded is shown, and no harm is."
    open_ones = [check for check in verdict.of("primary", "guard") if check.result == "inconclusive"]
    if not open_ones:
        return "What must be looked at could not be: nothing passes without it."
    neither = "Not shown to be good enough, and not shown to harm."
    stuck = [check.name for check in open_ones if check.more_units is None]
    if stuck:
        names = ", ".join(f"`{name}`" for name in stuck)
        return f"{neither} At the difference seen no number of {unit}s would decide {names}."
    days = max(check.more_units or 0 for check in open_ones)
    return f"{neither} About {count(days, f'more {unit}')} like these would decide."


def tally(verdict: Verdict) -> list[str]:
    """How the vetoes and conditions went, by kind: `24 slices: 23 pass, 1 not run`."""
    words = []
    for kind, (one, several) in VETOES.items():
        checks = verdict.of(kind)
        if checks:
            results = Counter(check.result for check in checks)
            found = ", ".join(f"{results[result]} {result}" for result in MARKS if results[result])
            words.append(f"{len(checks)} {one if len(checks) == 1 else several}: {found}")
    return words


def told(verdict: Verdict) -> tuple[str, ...]:
    """The reasons that say more than the table and the lead do."""
    if verdict.outcome != "PASS":
        return verdict.reasons
    # a PASS gives each row of the table in words: the primary metric's are enough
    return () if verdict.bootstrap else verdict.reasons[:1]


def ranked(checks: Sequence[Check]) -> list[Check]:
    """By harm: shown harm first, then the least gain; what could not be judged last."""

    def harm(check: Check) -> tuple[bool, bool, float, str]:
        gain = check.comparison.gain.value if check.comparison else 0.0
        return check.result != "fail", check.result == "not run", gain, check.name

    return sorted(checks, key=harm)


def _report(verdict: Verdict, context: Context, room: Room) -> list[str]:
    return [
        *_head(verdict, context, room),
        *_demands(verdict, context, room),
        *_vetoes(verdict, context, room),
        *models(context, room),
        *errors(verdict, context, room),
        *flips(context, room),
        *(params(context, room) if context.champion else []),
        *(data(context, room) if context.champion else []),
        *plots(context, room),
        *_foot(verdict, context),
    ]


def _head(verdict: Verdict, context: Context, room: Room) -> list[str]:
    aside = " (bootstrap)" if verdict.bootstrap else ""
    aside += ", accepted" if context.accepted is not None else ""
    against = f" against {code(context.champion.name)}" if context.champion else ""
    lines = [
        f"## Weighlock gate: {verdict.outcome}{aside} {OUTCOMES[verdict.outcome]}",
        "",
        f"**{escaped(lead(verdict, context), room.sentence)}**",
        "",
        f"Weighed: {code(context.challenger.name)}{against}, predicting {code(context.target)}.",
        "",
    ]
    kept, left = cut(told(verdict), min(room.checks, 6))
    lines += [f"- {escaped(reason, room.sentence)}" for reason in kept] + more(left, "reason", "- ")
    if context.accepted is not None:
        lines += ["", f"**Accepted as it is, because:** {escaped(context.accepted, room.sentence)}"]
    worn = wear(context.holdout)
    kept, left = cut([*([worn] if worn else []), *context.warnings], min(room.listed, 12))
    warnings = [f"> - ⚠️ {escaped(warning, room.sentence)}" for warning in kept]
    return [*lines, "", *warnings, *more(left, "warning", "> - "), ""]


def _demands(verdict: Verdict, context: Context, room: Room) -> list[str]:
    checks = verdict.of("primary", "guard")
    if not checks:
        return []
    kept, left = cut(checks, room.checks)
    confidences = sorted({CONFIDENCE if check.confidence is None else check.confidence for check in kept})
    each = "" if len(confidences) == 1 else ", each at its own confidence"
    legend = (
        "A gain above 0 is the challenger's, whichever way the metric is better (↑ ↓). The interval's lower end is "
        f"the one-sided bound ({' or '.join(map(share, confidences))}{each}) that has to lie above the margin."
    )
    rows = [[f"**{check.kind}**" if check.kind == "primary" else check.kind, *_cells(check, context)] for check in kept]
    head = ("", "metric", "champion", "challenger", "gain", "interval", "margin", "outcome")
    return [*table(head, rows, range(2, 7)), *more(left, "guard"), legend]


def _cells(check: Check, context: Context, *between: str) -> list[str]:
    name = code(check.name)
    direction = arrow(metric_of(check, context), context.task) if check.kind in {"primary", "guard"} else ""
    champion, challenger, gain, interval, margin = written(check)
    bold = f"**{gain}**" if gain else ""
    outcome = f"{MARKS[check.result]} {check.result}"
    span = interval.replace(" ", NO_BREAK)
    return [f"{name} {direction}".strip(), *between, champion, challenger, bold, span, margin, outcome]


def _vetoes(verdict: Verdict, context: Context, room: Room) -> list[str]:
    words = tally(verdict)
    if not words:
        return []
    missing = [check.name for check in verdict.checks if check.result == "not run"]
    kept, left = cut(missing, SHOWN_SLICES)
    names = ", ".join(map(code, kept)) + (f" and {left:,} more" if left else "")
    return [
        "",
        f"**Also looked at:** {' · '.join(words)}.",
        *(["", f"**Not run:** {names}."] if missing else []),
        *_slices(verdict, context, room),
        *_compared(verdict, context, room, "fairness", "Gaps between groups"),
        *rates(context, room),
        *_compared(verdict, context, room, "robustness", "Under perturbation"),
        *_conditions(verdict, room),
    ]


def _slices(verdict: Verdict, context: Context, room: Room) -> list[str]:
    checks = ranked(verdict.of("slice"))
    if not checks:
        return []
    metric = context.slice_metric
    by = f", by {code(metric)} {arrow(metric, context.task)}" if metric else ""
    shown, rest = checks[:SHOWN_SLICES], checks[SHOWN_SLICES:]
    lines = ["", f"### Slices by harm{by}{_margin(checks)}", *_comparisons(shown, context), *_legend(verdict)]
    if rest:
        kept, left = cut(rest, room.listed)
        lines += folded(count(len(rest), "more slice"), [*_comparisons(kept, context), *more(left, "slice")])
    return lines


def _compared(verdict: Verdict, context: Context, room: Room, kind: Kind, title: str) -> list[str]:
    checks = ranked(verdict.of(kind))
    kept, left = cut(checks, room.listed // 2)
    body = [*_comparisons(kept, context), *more(left, VETOES[kind][0], several=VETOES[kind][1])]
    if any(check.result == "fail" for check in checks):
        return ["", f"### {title}{_margin(checks)}", *body]
    return folded(f"{title}: {len(checks):,} compared{_margin(checks)}, no harm shown", body) if checks else []


def _comparisons(checks: Sequence[Check], context: Context) -> list[str]:
    rows = []
    for check in checks:
        seen = f"{check.comparison.gain.rows:,}" if check.comparison else ""
        *cells, outcome = _cells(check, context, seen)
        why = f": {escaped(check.reason, 80)}" if check.result == "not run" else ""
        rows.append([*cells, probability(check.p_harm), f"{outcome}{why}"])
    head = ["", "rows", "champion", "challenger", "gain", "interval", "margin", "p", "outcome"]
    if _margin(checks):
        # one margin is said above: tables are read on narrow screens
        place = head.index("margin")
        head, rows = head[:place] + head[place + 1 :], [row[:place] + row[place + 1 :] for row in rows]
    return table(head, rows, range(1, len(head) - 1))


def _margin(checks: Sequence[Check]) -> str:
    """`, margin 0.02` where all have the same."""
    margins = {check.comparison.margin if check.comparison else None for check in checks}
    only = margins.pop() if len(margins) == 1 else None
    return "" if only is None else f", margin {only:,.4g}"


def _legend(verdict: Verdict) -> list[str]:
    """Why an interval beyond the margin need not be a veto."""
    asked = [check for check in verdict.of("slice", "fairness", "robustness") if check.p_harm is not None]
    if not asked:
        return []
    confidence = CONFIDENCE if asked[0].confidence is None else asked[0].confidence
    legend = (
        f"An interval ({share(2 * confidence - 1)}) is of that one alone. A veto needs harm beyond the margin "
        f"that is shown in spite of all {len(asked):,} looks for it: p (Holm, 1979) of {share(1 - confidence)} or less."
    )
    return [legend]


def _conditions(verdict: Verdict, room: Room) -> list[str]:
    checks = sorted(verdict.of("condition"), key=lambda check: list(MARKS).index(check.result))
    if not checks:
        return []
    kept, left = cut(checks, room.checks // 2)
    rows = [
        (code(check.name), escaped(check.reason, room.sentence), f"{MARKS[check.result]} {check.result}")
        for check in kept
    ]
    body = [*table(("condition", "found", "outcome"), rows), *more(left, "condition")]
    if any(check.result in {"fail", "inconclusive"} for check in checks):
        return ["", "### Conditions", *body]
    held = sum(check.result == "pass" for check in checks)
    return folded(f"Conditions: {held:,} of {len(checks):,} hold, none is broken", body)


def _foot(verdict: Verdict, context: Context) -> list[str]:
    lines = ["", f"Evidence {code(context.evidence, 80)}."]
    if verdict.outcome == "INCONCLUSIVE" and context.accepted is None:
        lines.append(
            "Weigh again on a longer holdout; or let exactly this evidence through by `weighlock accept --reason …`, "
            "a file that is reviewed."
        )
    elif verdict.outcome == "FAIL":
        lines.append(
            "A FAIL cannot be accepted: mend the challenger, or change the policy in a pull request of its own."
        )
    return lines
