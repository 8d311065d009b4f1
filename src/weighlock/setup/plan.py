"""From a table to a plan: the `Params` and the `Schema` that suit it, and what was assumed on the way."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from weighlock.conform import as_category
from weighlock.errors import DataError
from weighlock.params import DataParams, Params, Source, SplitParams, ValidateParams, Window
from weighlock.schema import Schema, Task
from weighlock.setup.columns import infer_column
from weighlock.setup.outcome import Outcome, infer_outcome
from weighlock.setup.policy import (
    deploy_policy,
    gate_policy,
    log_policy,
    release_policy,
    serve_policy,
    watch_policy,
)
from weighlock.setup.training import evaluate_params, refit_params, train_params
from weighlock.setup.trial import find_split, with_room_for_bad_rows, without_suspects
from weighlock.stages.ingest import partition
from weighlock.times import local_days

if TYPE_CHECKING:
    from weighlock.setup.table import Table

LEAST_ROWS = 40
MAX_BAD_SHARE = 0.01
MAX_SINGLE_FEATURE = 0.98
SHOWN_COLUMNS = 30


@dataclass(frozen=True)
class Roles:
    """The columns that are no features, by what they are for."""

    target: str
    time: str | None = None
    group: str | None = None
    key: str | None = None

    @property
    def names(self) -> list[str]:
        """Those that are named."""
        return [n for n in (self.target, self.time, self.group, self.key) if n]


@dataclass(frozen=True)
class Plan:
    """What `weighlock init` writes, and what it says about it.

    Attributes:
        outcome: the task, and why.
        observed: by feature, what was seen of it.
        left_out: by column, the reason.
        scores: how well each column alone predicts the target.
        parts: rows in train, validation and holdout.
        quarantined: what goes there, in words.
    """

    table: Table
    params: Params
    schema: Schema
    outcome: Outcome
    observed: dict[str, str]
    left_out: dict[str, str]
    scores: dict[str, float]
    parts: dict[str, int]
    quarantined: str


def make_plan(table: Table, roles: Roles, task: Task | None = None) -> Plan:
    """Infer everything, trying it out on the rows.

    Raises:
        DataError: a named column is not there, or no model can be made of this table; the message says why.
    """
    require_roles(table.frame, roles)
    outcome = infer_outcome(table.frame[roles.target], task)
    data, rows = _ingested(table, roles)
    usable = _usable(rows, roles, outcome)
    found = {str(n): infer_column(usable[n]) for n in table.frame.columns if n not in roles.names}
    left_out = {name: finding.said for name, finding in found.items() if finding.column is None}
    features = {name: finding.column for name, finding in found.items() if finding.column is not None}
    if not features:
        raise DataError("no column can be a feature:\n" + "\n".join(f"  - `{n}`: {r}" for n, r in left_out.items()))
    schema = Schema(
        task=outcome.task, target=roles.target, classes=outcome.classes, key=roles.key, time=roles.time,
        group=roles.group, freshness=_freshness(rows[roles.time], data.timezone) if roles.time else None,
        features=features,
    )  # fmt: skip
    schema, scores = without_suspects(rows, schema, MAX_SINGLE_FEATURE)
    params, valid, quarantined = with_room_for_bad_rows(rows, schema, _params(data, schema, usable, scores))
    split, parts = find_split(valid, schema, data.timezone)
    params = params.model_copy(update={"split": split})
    observed = {name: found[name].said for name in features}
    return Plan(table, params, schema, outcome, observed, left_out, scores, parts, quarantined)


def require_roles(frame: pd.DataFrame, roles: Roles) -> None:
    """Refuse names that the table does not have, one column in two roles, and a key that is none.

    Raises:
        DataError: with the nearest name, or all of them.
    """
    columns = list(frame.columns)
    for role in ("target", "time", "group", "key"):
        name = getattr(roles, role)
        if name and name not in columns:
            near = difflib.get_close_matches(name, columns, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"It has: {', '.join(columns[:SHOWN_COLUMNS])}."
            raise DataError(f"`--{role} {name}`: the table has no such column. {hint}")
    if len(set(roles.names)) < len(roles.names):
        raise DataError("target, time, group and key must be a column each.")
    if roles.key and frame[roles.key].duplicated().mean() > MAX_BAD_SHARE:
        repeated = frame[roles.key][frame[roles.key].duplicated()]
        raise DataError(
            f"`--key {roles.key}` does not tell rows apart: {len(repeated):,} rows repeat another's, such as "
            f"{repeated.iloc[0]!r}. Name another column, or leave `--key` out. If it names what rows are about, it is "
            "the `--group`."
        )


def _ingested(table: Table, roles: Roles) -> tuple[DataParams, pd.DataFrame]:
    """`data` of the params, its window pinned to the days that there are, and the rows as `ingest` will give them."""
    data = DataParams(source=Source(files=table.path), depends_on=table.path, csv=table.csv)
    months = partition(table.frame.copy(), data, time=roles.time, key=roles.key)
    rows = pd.concat(months.values(), ignore_index=True)
    if roles.time is None:
        return data, rows
    days = local_days(rows[roles.time], data.timezone)
    return data.model_copy(update={"window": Window(start=days.min().date(), end=days.max().date())}), rows


def _usable(rows: pd.DataFrame, roles: Roles, outcome: Outcome) -> pd.DataFrame:
    """The rows that can be learnt from; columns are judged by these alone."""
    labels = as_category(rows[roles.target])
    usable = labels.notna() if outcome.classes is None else labels.isin(outcome.classes)
    for name in (roles.key, roles.group):
        if name:
            usable &= as_category(rows[name]).notna()
    if usable.sum() < LEAST_ROWS:
        raise DataError(f"{usable.sum()} rows have an outcome; it takes {LEAST_ROWS} to train, to choose and to judge.")
    return rows[usable]


def _params(data: DataParams, schema: Schema, usable: pd.DataFrame, scores: dict[str, float]) -> Params:
    train = train_params(schema.task, len(usable))
    return Params.model_validate(
        {
            "data": data,
            "validate": ValidateParams(max_bad_share=MAX_BAD_SHARE, max_single_feature=MAX_SINGLE_FEATURE),
            "split": SplitParams(by="hash", validation=0.2, holdout=0.2),  # until it is known which rows are valid
            "train": train,
            "evaluate": evaluate_params(usable, schema, scores, len(usable) // 5),
            "refit": refit_params(len(usable)),
            "gate": gate_policy(schema, train.metric),
            "serve": serve_policy(),
            "monitoring": {"log_url": None, "outcomes": None, "log": log_policy()},
            "release": release_policy(schema.target),
            "deploy": deploy_policy(schema.task),
            "watch": watch_policy(_least_gain(usable[schema.target], schema)),
        }
    )


def _least_gain(target: pd.Series, schema: Schema) -> float:
    """A hundredth of log loss; of values, a fiftieth of their standard deviation, to one digit."""
    spread = float(pd.to_numeric(target, errors="coerce").std()) if schema.task == "regression" else 0.5
    return float(f"{spread / 50:.0e}") if spread > 0 else 0.01


def _freshness(times: pd.Series, timezone: str) -> str:
    """A day more than the longest pause between two days that have rows; two days at least."""
    distinct = local_days(times, timezone).drop_duplicates().sort_values()
    longest = int(distinct.diff().dt.days.max()) if len(distinct) > 1 else 1
    return f"{max(longest, 1) + 1}d"
