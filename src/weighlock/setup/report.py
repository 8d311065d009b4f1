"""What `weighlock init` says: what it assumed and why, what it left out, what it did, what comes next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from weighlock.schema import Task
    from weighlock.setup.plan import Plan

TOPIC = 11  # the width of the left column
MOST_REMOVED = 6


def report(plan: Plan, removed: Sequence[Path]) -> Iterator[str]:
    """The lines for the terminal."""
    table, schema = plan.table, plan.schema
    kind = "Parquet" if table.path.endswith((".parquet", ".pq")) else f"CSV, {_dialect(plan)}"
    yield f"{table.path}: {len(table.frame):,} rows, {table.frame.shape[1]} columns ({kind})"
    yield ""
    yield "Assumed"
    yield from _topic("task", [f"{schema.task}: {plan.outcome.why[0]}", *plan.outcome.why[1:]])
    yield from _topic(
        "features",
        [_counted(plan), "ranges are what was observed, with half as much room on either side, but not across zero"],
    )
    yield from _topic("split", _split(plan))
    if plan.params.evaluate.slices:
        yield from _topic("slices", [", ".join(plan.params.evaluate.slices)])
    if plan.quarantined:
        yield from _topic(
            "quarantine",
            [plan.quarantined, f"the run stops above {plan.params.validate_.max_bad_share:.0%} of such rows"],
        )
    if schema.others:
        yield ""
        yield "Set aside, because they predict the target almost alone and so may be known only after it"
        yield from _listed({name: suspicion(schema.task, plan.scores[name]) for name in schema.others})
        yield (
            "  One that is known before: move it from `others` to `features`, without `known: after`, and raise\n"
            "  `validate.max_single_feature`."
        )
    if plan.left_out:
        yield ""
        yield "Left out"
        yield from _listed(plan.left_out)
    yield ""
    yield "Written    params.yaml, schema.yaml, and the plots of dvc.yaml"
    if removed:
        more = f" and {len(removed) - MOST_REMOVED} more" if len(removed) > MOST_REMOVED else ""
        yield f"Removed    of the old model: {', '.join(map(str, removed[:MOST_REMOVED]))}{more}"
    yield ""
    yield from _next(plan)


def suspicion(task: Task, score: float) -> str:
    """How well a column alone predicts the target, in words."""
    unit = {"regression": "R²", "binary": "AUC", "multiclass": "AUC of a class against the rest"}[task]
    return f"{unit} {score:.3f}"


def _next(plan: Plan) -> Iterator[str]:
    path = plan.table.path
    yield "Next"
    yield "  1. Read schema.yaml: only you know what is known before the outcome, and what values are possible."
    yield "  2. `dvc repro` trains, judges and exports; `weighlock summary` shows what came out."
    if plan.table.inside:
        yield f"  3. Commit it all, the rows as well: `git add {path}`, or `dvc add {path}` where it is large."
    else:
        yield "  3. The table is outside of the repository, so a clone lacks it: move it to `data/mine/`, `dvc add` it"
        yield "     and put its new path into `data.source.files` and `data.depends_on` of params.yaml."


def _dialect(plan: Plan) -> str:
    csv = plan.params.data.csv
    decimal = ", decimal comma" if csv.decimal == "," else ""
    return f"delimited by {csv.delimiter!r}, {csv.encoding}{decimal}"


def _counted(plan: Plan) -> str:
    kinds = Counter(column.type for column in plan.schema.features.values())
    nulls = sum(column.nullable for column in plan.schema.features.values())
    named = ", ".join(f"{rows} {kind}" for kind, rows in kinds.most_common())
    return f"{sum(kinds.values())}: {named}; {nulls or 'none'} of them may be null"


def _split(plan: Plan) -> list[str]:
    split, schema, window = plan.params.split, plan.schema, plan.params.data.window
    by = {
        "time": f"by `{schema.time}`, {window.start} to {window.end}, read as {plan.params.data.timezone}",
        "group": f"by `{schema.group}`: whole groups go to one part",
        "hash": f"by a hash of {f'`{schema.key}`' if schema.key else 'each row'}, for want of `--time` or `--group`",
    }[split.by]
    parts = ", ".join(f"{name} {rows:,}" for name, rows in plan.parts.items())
    size = split.holdout if isinstance(split.holdout, str) else f"{split.holdout:.0%}"
    lines = [by, f"{parts} rows: `split` asks for {size} of each of the latter two"]
    if split.by == "hash" and not schema.key:
        lines.append("without `--key` a row is known by its content, so one that is corrected is another row")
    return lines


def _topic(topic: str, lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {'' if number else topic:<{TOPIC}}{line}"


def _listed(reasons: dict[str, str]) -> Iterator[str]:
    width = min(max(map(len, reasons)), 30)
    for name, reason in reasons.items():
        yield f"  {name:<{width}}  {reason}"
