"""The report's parts below the verdict: models, standard errors, flipped rows, params, data and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from weighlock.decisions.context import Context, Flip, Said
from weighlock.decisions.figures import CONFIDENCE, UNKNOWN, count, figures_of, number, probability, share
from weighlock.decisions.markdown import VALUE, code, escaped, folded, image, table
from weighlock.decisions.verdict import Check, Result, Verdict

if TYPE_CHECKING:
    from weighlock.statistics.paired import Estimate

MARKS: dict[Result, str] = {
    "fail": "❌",
    "inconclusive": "❔",
    "pass": "✅",
    "not run": "⚪",
}  # worst first, then unknown
DISTANCE = (
    "Distance: of numbers Wasserstein's, in standard deviations of the champion's rows; of others Jensen–Shannon's."
)
SHORT_DIGEST = len("sha256:") + 12
Row = TypeVar("Row")


@dataclass(frozen=True)
class Room:
    """How many rows a list may have, and a sentence characters."""

    checks: int
    listed: int
    flips: int
    features: int
    sentence: int


def cut(rows: Sequence[Row], most: int) -> tuple[list[Row], int]:
    """The first rows, and how many are left out; checks that did not pass are never left out for one that did."""
    if len(rows) <= most:
        return list(rows), 0
    worst = list(MARKS)
    ranks = [worst.index(row.result) if isinstance(row, Check) else 0 for row in rows]
    kept = sorted(sorted(range(len(rows)), key=lambda i: (ranks[i], i))[:most])
    return [rows[i] for i in kept], len(rows) - most


def more(left: int, one: str, before: str = "", several: str | None = None) -> list[str]:
    """A line that says how many were left out, where any were."""
    return ["", f"{before}… and {count(left, f'more {one}', several and f'more {several}')}", ""] if left else []


def models(context: Context, room: Room) -> list[str]:
    """Which two models on which rows."""
    rows = [
        (
            f"**{role}**",
            code(side.name),
            side.model,
            code(side.digest[:SHORT_DIGEST]) if side.digest else UNKNOWN,
            code(side.trained_until) if side.trained_until else UNKNOWN,
            escaped(side.why, room.sentence),
        )
        for role, side in (("challenger", context.challenger), ("champion", context.champion))
        if side is not None
    ]
    holdout = context.holdout
    lines = ["", "### Weighed", *table(("", "name", "model", "digest", "trained up to", "why this one"), rows)]
    span = f" of {code(holdout.start)} to {code(holdout.end)}" if holdout.start and holdout.end else ""
    units = "each row by itself" if holdout.unit == "row" else count(holdout.units, holdout.unit)
    blocks = f" in blocks of {holdout.block}" if holdout.block > 1 else ""
    lines.append(
        f"Holdout: {count(holdout.rows, 'row')}{span}, {units}{blocks}; {code(holdout.digest[:SHORT_DIGEST])}."
    )
    if holdout.weighed is not None:
        lines.append(
            f"Weighed on these rows so far: {count(holdout.weighed, 'model')} of a budget of {holdout.budget:,}."
        )
    return lines


def errors(verdict: Verdict, context: Context, room: Room) -> list[str]:
    """The naive and the honest standard error, and what the rows are worth."""
    checks = [check for check in verdict.of("primary", "guard") if check.comparison]
    if not checks:
        return []
    unit = context.holdout.unit
    kept, left = cut(checks, room.checks)
    rows = [_error(check) for check in kept]
    honest = "honest error" if unit == "row" else f"error by {unit}s"
    head = ("metric", "gain", honest, "naive error", "rows", "worth", "likeness", "p")
    why = "" if unit == "row" else f"Rows of one {unit} stand or fall together, so the naive error is too small. "
    legend = (
        f"The naive error takes each row by itself. {why}“Worth” is how many independent rows would say as much; "
        f"“likeness” the correlation of neighbouring {unit}s; “p” that of no harm, corrected (Holm, 1979)."
    )
    first = next((c.comparison for c in checks if c.comparison), None)
    worth = (
        f"{first.gain.rows:,} rows are worth {first.gain.effective_rows:,.0f} for the primary metric" if first else ""
    )
    return folded(f"Standard errors: {worth}", [*table(head, rows, range(1, 8)), *more(left, "metric"), legend])


def _error(check: Check) -> tuple[str, ...]:
    if check.comparison is None:
        return (code(check.name),)
    gain, figures = check.comparison.gain, figures_of(check.comparison)
    return (
        code(check.name),
        figures.signed(gain.value),
        number(gain.error, 3),
        number(gain.naive_error, 3),
        f"{gain.rows:,}",
        f"{gain.effective_rows:,.0f}",
        f"{gain.autocorrelation:.2f}",
        probability(check.p_harm),
    )


def flips(context: Context, room: Room) -> list[str]:
    """The rows of which the models differ most."""
    turns = context.turns
    if not context.flips and turns is None:
        return []
    title = "Rows that moved most"
    if turns is not None:
        title += (
            f": {turns.flipped:,} of {count(turns.rows, 'label')} flipped, "
            f"{turns.to_right:,} to right, {turns.to_wrong:,} to wrong"
        )
        title += "" if turns.p is None else f" (McNemar's exact p {probability(turns.p)})"
    kept, left = cut(context.flips, room.flips)
    rows = [
        [code(f.key), code(f.truth), _said(f.champion), _said(f.challenger), f.nearer, _features(f, room)] for f in kept
    ]
    head = ["row", "truth", "champion", "challenger", "nearer", "features"]
    if not any(flip.features for flip in kept):
        head, rows = head[:-1], [row[:-1] for row in rows]
    return folded(title, [*table(head, rows), *more(left, "row")] if rows else ["None did."])


def _said(said: Said) -> str:
    return number(said.score) if said.label is None else f"{code(said.label)} {said.score:.3f}"


def _features(flip: Flip, room: Room) -> str:
    kept, left = cut(flip.features, room.features)
    texts = [escaped(f"{name} = {value}", VALUE) for name, value in kept]
    return ", ".join(texts) + (f" … and {left} more" if left else "")


def rates(context: Context, room: Room) -> list[str]:
    """What the gaps between groups are made of: each model's figure in each group, with its interval."""
    kept, left = cut(context.rates, room.listed // 2)
    rows = [
        [code(rate.group), rate.measure, f"{rate.rows:,}", _spanned(rate.champion), _spanned(rate.challenger)]
        for rate in kept
    ]
    head = ("group", "figure", "rows", "champion", "challenger")
    body = [*table(head, rows, (2, 3, 4)), *more(left, "figure"), "", f"Intervals of {CONFIDENCE:.0%}."]
    return folded(f"Figures by group: {count(len(context.rates), 'figure')}", body) if rows else []


def _spanned(figure: Estimate) -> str:
    low, high = figure.interval(CONFIDENCE)
    return f"{number(figure.value, 3)} ({number(low, 3)} to {number(high, 3)})"


def params(context: Context, room: Room) -> list[str]:
    """What changed in `params.yaml`."""
    if context.params is None:
        return ["", "Params: not compared, those of one side are not at hand."]
    if not context.params:
        return ["", "Params: the same."]
    kept, left = cut(context.params, room.listed)
    rows = [(code(change.key), _value(change.old), _value(change.new)) for change in kept]
    body = [*table(("key", "champion", "challenger"), rows), *more(left, "key")]
    return folded(f"Params: {count(len(context.params), 'key')} changed", body)


def _value(text: str | None) -> str:
    return "not set" if text is None else code(text)


def data(context: Context, room: Room) -> list[str]:
    """How the two training sets differ."""
    changes = context.data
    if changes is None:
        return ["", "Training data: not compared, those of one side are not at hand."]
    old, new = changes.old, changes.new
    ratio = f" ({100 * (new.rows / old.rows - 1):+.1f}%)" if old.rows else ""
    rows = [("rows", f"{old.rows:,}", f"{new.rows:,}"), ("of them in both", f"{changes.shared:,}", "")]
    if old.first and old.last and new.first and new.last:
        rows += [("oldest", code(old.first), code(new.first)), ("newest", code(old.last), code(new.last))]
    said = number if context.task == "regression" else share
    before = dict(old.target)
    rows += [(f"{code(context.target)}: {code(n)}", said(before.get(n, math.nan)), said(v)) for n, v in new.target]
    body = table(("", "champion", "challenger"), rows, (1, 2))
    for word, names in (("Added", changes.added), ("Removed", changes.removed)):
        named, left = cut(names, room.listed // 2)
        body += _listed(word, [code(name) for name in named], left)
    retyped, left = cut(changes.retyped, room.listed // 2)
    body += _listed("Type changed", [f"{code(n)} from {code(a)} to {code(b)}" for n, a, b in retyped], left)
    kept, left = cut(changes.drift, room.listed // 2)
    drift = [
        (code(d.feature), code(d.kind), "" if d.distance is None else f"{d.distance:.3g}",
         share(d.old_missing), share(d.new_missing))
        for d in kept
    ]  # fmt: skip
    if drift:
        head = ("feature", "type", "distance", "missing before", "missing now")
        body += [*table(head, drift, (2, 3, 4)), *more(left, "feature"), "", DISTANCE]
    columns = len(changes.added) + len(changes.removed) + len(changes.retyped)
    said_columns = f"{count(columns, 'column')} changed" if columns else "the same columns"
    return folded(f"Training data: {old.rows:,} → {count(new.rows, 'row')}{ratio}, {said_columns}", body)


def _listed(word: str, names: Sequence[str], left: int) -> list[str]:
    return ["", f"{word}: {', '.join(names)}" + (f" … and {left:,} more" if left else "")] if names else []


def plots(context: Context, room: Room) -> list[str]:
    """The pictures; the report says everything without them."""
    kept, left = cut(context.plots, room.features)
    body = [line for title, file in kept for line in (f"**{escaped(title, VALUE)}**", "", image(title, file), "")]
    return folded("Plots", [*body, *more(left, "plot")]) if body else []
