"""The plan tried out in memory: what ingest, validate and split would say of it, before anything is written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from weighlock.conform import conform
from weighlock.errors import DataError
from weighlock.layout import PARTS
from weighlock.leakage import single_feature_scores
from weighlock.learners.search import make_folds
from weighlock.params import Params, SplitParams
from weighlock.schema import Schema
from weighlock.stages.split import assign, check
from weighlock.stages.validate import validate
from weighlock.times import local_days

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

HALF = 0.5
FOLDS = 3
SHARES = (0.2, 0.15, 0.25, 0.3, 0.35)  # of validation and of holdout each, in the order in which they are tried
LEAST_DAYS = 10  # shorter spans are split by shares: a fifth of them is no whole number of days
LEAST_TRAIN_SHARE = 0.4


def without_suspects(rows: pd.DataFrame, schema: Schema, limit: float) -> tuple[Schema, dict[str, float]]:
    """The schema with what predicts the target almost alone among `others`; and each column's score.

    Args:
        rows: as ingest gives them.
        limit: `validate.max_single_feature`.

    Raises:
        DataError: no other feature is left.
    """
    typed, failures = conform(rows, schema)
    typed = typed.drop(index=failures["row"].unique())
    scores = single_feature_scores(typed[list(schema.features)], typed[schema.target], schema.task)
    suspects = {n: c for n, c in schema.features.items() if scores.get(n, 0.0) > limit}
    features = {n: c for n, c in schema.features.items() if n not in suspects}
    if not features:
        raise DataError(
            f"each feature ({', '.join(f'`{n}`' for n in suspects)}) predicts `{schema.target}` almost alone. Are they "
            "made of it? Bring columns that are known before the outcome."
        )
    others = {n: c.model_copy(update={"known": "after"}) for n, c in suspects.items()}
    return schema.model_copy(update={"features": features, "others": others}), scores


def with_room_for_bad_rows(rows: pd.DataFrame, schema: Schema, params: Params) -> tuple[Params, pd.DataFrame, str]:
    """Validate in memory; `validate.max_bad_share` is raised where these very rows ask for it.

    Returns:
        The params, the valid rows, and what goes to quarantine, in words ("" for nothing).

    Raises:
        DataError: the rows are not fit to train on.
    """
    lenient = params.validate_.model_copy(update={"max_bad_share": 1.0})
    validation = validate(rows, schema, params.model_copy(update={"validate_": lenient}))
    report = validation.report
    said = "; ".join(f"`{f['column']}` {f['reason']} ({f['rows']:,} rows)" for f in report["failures"][:3])
    problems = list(report["problems"])
    if report["bad_share"] > HALF:
        problems = [f"{report['bad_share']:.0%} of the rows would be quarantined ({said})"]
    if problems:
        raise DataError("no model can be made of this table:\n" + "\n".join(f"  - {p}" for p in problems))
    share = max(params.validate_.max_bad_share, math.ceil(report["bad_share"] * 150) / 100)
    limits = params.validate_.model_copy(update={"max_bad_share": share})
    return params.model_copy(update={"validate_": limits}), validation.valid, said


def find_split(rows: pd.DataFrame, schema: Schema, timezone: str) -> tuple[SplitParams, dict[str, int]]:
    """The first split of several that is sound, and the rows of each part.

    Args:
        rows: the valid ones.

    Raises:
        DataError: none is sound.
    """
    reason = ""
    for params in _candidates(rows, schema, timezone):
        try:
            part = assign(rows, schema, params, timezone)
            check(rows, part, schema)
            make_folds(rows[part == "train"].reset_index(drop=True), schema, FOLDS, seed=0)
        except DataError as error:
            reason = reason or str(error)
            continue
        sizes = {name: int((part == name).sum()) for name in PARTS}
        if params.by != "time" or sizes["train"] >= LEAST_TRAIN_SHARE * len(rows):
            return params, sizes
    hint = ""
    if schema.group:
        groups = rows[schema.group].nunique()
        hint = f" There are {groups} groups of `{schema.group}`; whole groups go to one part"
        hint += ", that of their newest row. Leave out `--time` or `--group`." if schema.time else "."
    raise DataError(f"the rows cannot be split into train, validation and holdout: {reason}{hint}")


def _candidates(rows: pd.DataFrame, schema: Schema, timezone: str) -> Iterator[SplitParams]:
    by: Any = "time" if schema.time else "group" if schema.group else "hash"
    if schema.time:
        days = local_days(rows[schema.time], timezone)
        span = (days.max() - days.min()).days + 1
        if span >= LEAST_DAYS:
            duration = f"{round(span * SHARES[0])}d"
            yield SplitParams(by=by, validation=duration, holdout=duration)
    for share in SHARES:
        yield SplitParams(by=by, validation=share, holdout=share)
