"""Validate: weigh every row against `schema.yaml`; bad ones go to quarantine, with their reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from weighlock.conform import FAILURE, carried, conform
from weighlock.errors import DataError
from weighlock.files import outputs
from weighlock.layout import QUARANTINE, RAW, VALID, VALIDATION, VALIDATION_PAGE
from weighlock.leakage import single_feature_scores
from weighlock.params import Params, read_params, to_timedelta
from weighlock.schema import Schema, read_schema
from weighlock.tables import read_table, write_table
from weighlock.validation_page import render

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARIES = ("numpy", "pandas", "pandera", "pyarrow")


@dataclass(frozen=True)
class Validation:
    """The good rows, the bad ones with their `reason`, and what was seen on the way."""

    valid: pd.DataFrame
    quarantine: pd.DataFrame
    report: dict[str, Any]


def run() -> None:
    """Read `data/raw/`; write the valid rows, the quarantine and the reports.

    Where the data are too bad to go on, the quarantine and the reports are written all the same.
    """
    params, schema = read_params(), read_schema()
    schema.require_no_outcome()
    validation = validate(read_table(Path(RAW), "weighlock stage ingest"), schema, params)
    problems = validation.report["problems"]
    with outputs("validate") as out:
        write_table(validation.quarantine, out.path(QUARANTINE))
        out.json(VALIDATION, validation.report)
        out.path(VALIDATION_PAGE).write_text(render(validation.report), encoding="utf-8")
        if not problems:
            write_table(validation.valid, out.path(VALID))
    if problems:
        raise DataError(
            "\n".join(
                ["the data are not fit to train on:", *(f"  - {p}" for p in problems), f"See `{VALIDATION_PAGE}`."]
            )
        )
    report = validation.report
    print(f"{report['rows']:,} rows, {report['quarantined']:,} quarantined ({report['bad_share']:.3%})")


def validate(raw: pd.DataFrame, schema: Schema, params: Params) -> Validation:
    """Tell good rows from bad ones and look for what makes the whole unfit.

    Raises:
        DataError: a column is missing or entirely of another type.
    """
    frame, failures = conform(raw, schema)
    failures = pd.concat([failures, check_rows(frame, schema)], ignore_index=True)
    failures = failures.drop_duplicates(["row", "column"])  # an unreadable cell is null: its first reason tells
    bad = failures["row"].unique()
    valid = frame.drop(index=frame.index[bad]).reset_index(drop=True)
    reasons = (failures["column"] + " " + failures["reason"]).groupby(failures["row"]).agg("; ".join)
    name = "reason" if "reason" not in raw.columns else "quarantine_reason"
    quarantine = raw.iloc[reasons.index].assign(**{name: reasons.to_numpy()}).reset_index(drop=True)
    scores = single_feature_scores(valid[list(schema.features)], valid[schema.target], schema.task)
    counts = failures.groupby(["column", "reason"]).size()
    report = {
        "rows": len(frame),
        "quarantined": len(bad),
        "bad_share": len(bad) / len(frame),
        "failures": [
            {"column": c, "reason": r, "rows": int(n)}
            for (c, r), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
        "columns": _describe(valid, schema, scores),
        "problems": list(_problems(valid, schema, params, len(bad) / len(frame), failures, scores)),
    }
    return Validation(valid, quarantine, report)


def check_rows(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Nullability, ranges, allowed categories and unique keys, by pandera; failures as `conform` gives them."""
    import pandera.pandas as pa

    columns = {}
    for name, column in schema.columns.items():
        checks = []
        if column.min is not None:
            checks.append(pa.Check.ge(column.min, error=f"is below {column.min:g}"))
        if column.max is not None:
            checks.append(pa.Check.le(column.max, error=f"is above {column.max:g}"))
        if column.values != "open":  # noqa: PD011  (of the schema, not of pandas)
            checks.append(pa.Check.isin(column.values, error="is not an allowed category"))
        columns[name] = pa.Column(checks=checks, nullable=column.nullable)
    for name in carried(frame, schema):
        columns[name] = pa.Column(nullable=False)
    failures = [pd.DataFrame(columns=FAILURE)]
    try:
        pa.DataFrameSchema(columns).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        reason = cases["check"].replace("not_nullable", "is missing")
        failures.append(pd.DataFrame({"row": cases["index"].astype(int), "column": cases["column"], "reason": reason}))
    key = schema.key
    if key:
        # Of identical rows the first stays; where rows of one key differ, nobody knows which is right.
        repeats = frame[frame[key].notna() & frame[key].duplicated(keep=False)]
        again = repeats.index[repeats.duplicated()]
        distinct = repeats.drop(index=again)
        differ = distinct.index[distinct[key].duplicated(keep=False)]
        for rows, reason in (
            (again, "repeats an identical row"),
            (differ, "stands in several rows that differ"),
        ):
            failures.append(pd.DataFrame({"row": rows, "column": key, "reason": reason}))
    return pd.concat([f for f in failures if len(f)] or failures[:1], ignore_index=True).astype({"row": int})


def _problems(
    valid: pd.DataFrame,
    schema: Schema,
    params: Params,
    share: float,
    failures: pd.DataFrame,
    scores: dict[str, float],
) -> Iterator[str]:
    limits = params.validate_
    if share > limits.max_bad_share:
        worst = failures.groupby(["column", "reason"]).size().sort_values(ascending=False)
        (column, reason), rows = worst.index[0], int(worst.iloc[0])
        yield (
            f"{share:.2%} of the rows are bad; `validate.max_bad_share` allows {limits.max_bad_share:.2%}. "
            f"Mostly: `{column}` {reason} ({rows:,} rows). They are in `{QUARANTINE}`."
        )
    if valid.empty:
        return
    if schema.freshness and params.data.window.end:
        end = pd.Timestamp(params.data.window.end, tz=params.data.timezone) + pd.Timedelta(days=1)
        newest = valid[schema.time].max()
        if newest < end - to_timedelta(schema.freshness):
            yield (
                f"the newest row is of {newest.tz_convert(params.data.timezone):%Y-%m-%d %H:%M}, more than "
                f"{schema.freshness} (`freshness` in `schema.yaml`) before the window's end "
                f"({params.data.window.end}). Did the source stop?"
            )
    levels = valid[schema.target].nunique()
    if levels == 1:
        yield f"the target `{schema.target}` is {valid[schema.target].iloc[0]} in every row: nothing can be learnt."
    for name in schema.features:
        known = valid[name].nunique()
        if known == 0:
            yield f"the feature `{name}` is null in every row. Mend the source or take it out of `schema.yaml`."
        elif known == 1 and valid[name].notna().all():
            yield f"the feature `{name}` is constant ({valid[name].iloc[0]}). Take it out of `schema.yaml`."
        if scores.get(name, 0) > limits.max_single_feature:
            yield (
                f"the feature `{name}` predicts the target almost alone (score {scores[name]:.3f}, limit "
                f"{limits.max_single_feature:g}): a leak? If it is known only after the outcome, move it to `others`; "
                "if not, raise `validate.max_single_feature`."
            )


def _describe(valid: pd.DataFrame, schema: Schema, scores: dict[str, float]) -> list[dict[str, Any]]:
    rows = []
    for name, column in schema.columns.items():
        values = valid[name].dropna()
        row: dict[str, Any] = {
            "column": name,
            "type": column.type,
            "feature": name in schema.features,
            "null_share": round(1 - len(values) / max(len(valid), 1), 6),
            "distinct": int(values.nunique()),
            "alone": scores.get(name),
        }
        if column.type == "category":
            row["most_frequent"] = list(values.value_counts().index[:3])
        elif len(values):
            row |= {"min": float(values.min()), "median": float(values.median()), "max": float(values.max())}
        rows.append(row)
    return rows
