"""`params.yaml` as frozen models: one section a stage, each key explained in the file itself."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from weighlock.config import Strict, read_yaml

FILE = Path("params.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
_DURATION = re.compile(r"(\d+)\s*([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


def _duration(value: str) -> str:
    if not _DURATION.fullmatch(value) or not to_timedelta(value):
        raise ValueError("should be a duration such as 28d, 12h or 4w")
    return value


def _part(value: Any) -> Any:
    if isinstance(value, str):
        return _duration(value)
    if isinstance(value, float) and 0 < value < 1:
        return value
    raise ValueError("should be a duration such as 28d, or a share between 0 and 1 such as 0.2")


def _date(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return dt.date.fromisoformat(value)
    raise ValueError("should be a day such as 2013-08-31")


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("should be a time zone such as UTC or America/New_York") from None
    return value


def _dotted(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", value):
        raise ValueError("should be a dotted path such as package.module:name")
    return value


def to_timedelta(duration: str) -> dt.timedelta:
    """The length of a duration such as `28d`."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not a duration such as 28d")
    return dt.timedelta(hours=int(match[1]) * _HOURS[match[2]])


Duration = Annotated[str, AfterValidator(_duration)]
Part = Annotated[str | float, BeforeValidator(_part)]
Day = Annotated[dt.date, BeforeValidator(_date)]
Dotted = Annotated[str, AfterValidator(_dotted)]


class Sql(Strict):
    """A query; its address comes from the environment, so that no secret stands in a file."""

    url_env: str
    query: str
    timeout_seconds: Positive = 30


class Source(Strict):
    """Where the rows come from: exactly one of the three."""

    python: Dotted | None = None
    files: str | None = None
    sql: Sql | None = None

    @model_validator(mode="after")
    def _one(self) -> Source:
        if sum(v is not None for v in (self.python, self.files, self.sql)) != 1:
            raise ValueError("should have exactly one of `python`, `files`, `sql`")
        return self


class Csv(Strict):
    """How CSV files are written."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."


class Window(Strict):
    """The first and the last day whose rows are used, both included."""

    start: Day | None = None
    end: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.start and self.end and self.end < self.start:
            raise ValueError("should not end before it starts")
        return self


class DataParams(Strict):
    """`data`: which rows."""

    source: Source
    depends_on: str
    csv: Csv = Csv()
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    window: Window = Window()


class ValidateParams(Strict):
    """`validate`: when the data are too bad to go on."""

    max_bad_share: Share
    max_single_feature: Annotated[float, Field(gt=0.5, le=1)]


class SplitParams(Strict):
    """`split`: which rows are trained on, chosen with, and judged by."""

    by: Literal["time", "group", "hash"]
    validation: Part
    holdout: Part

    @model_validator(mode="after")
    def _fits(self) -> SplitParams:
        if self.by != "time" and not (isinstance(self.validation, float) and isinstance(self.holdout, float)):
            raise ValueError("should give shares, not durations, where `by` is group or hash")
        if isinstance(self.validation, float) and isinstance(self.holdout, float):
            if self.validation + self.holdout >= 1:
                raise ValueError("should leave rows to train on: validation + holdout must stay below 1")
        elif isinstance(self.validation, float) or isinstance(self.holdout, float):
            raise ValueError("should give validation and holdout in the same way: two durations or two shares")  # noqa: TRY004
        return self


class Range(Strict):
    """What a search may draw a number from; whole numbers where `low` is one."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError("should have low < high, and low > 0 where it is logarithmic")
        return self


class LearnerParams(Strict):
    """One learner: how often the search may try it, and in what space."""

    trials: Positive
    fixed: dict[str, Any] = {}
    space: dict[str, Range | list[Any]] = {}


class SearchParams(Strict):
    """How candidates are compared before validation."""

    folds: Annotated[int, Field(ge=2)]
    max_rows: Positive


class ThresholdParams(Strict):
    """The rule that sets the operating threshold on validation."""

    rule: Literal["f1", "youden", "cost", "fixed"]
    false_negative_cost: Annotated[float, Field(gt=0)] = 1.0
    value: Annotated[float, Field(gt=0, lt=1)] = 0.5


class TrainParams(Strict):
    """`train`: what is tried and how the winner is chosen."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    metric: str
    max_categories: Annotated[int, Field(ge=2)]
    search: SearchParams
    learners: Annotated[dict[str, LearnerParams], Field(min_length=1)]
    calibration: Literal["auto", "never"]
    threshold: ThresholdParams


class EvaluateParams(Strict):
    """`evaluate`: what is reported."""

    baseline: Literal["prior", "last"]
    slices: list[str]
    max_slices: Annotated[int, Field(ge=2)]
    bins: Annotated[int, Field(ge=2)]


class RefitParams(Strict):
    """`refit`: whether the shipped model sees all rows, and how far it may stray."""

    when: Literal["always", "never"]
    min_rank_correlation: Annotated[float, Field(ge=-1, le=1)] = 0.9


def _refit(value: Any) -> Any:
    return {"when": value} if isinstance(value, str) else value


class Params(Strict):
    """What the stages read of `params.yaml`; the other sections belong to their own commands, which check them."""

    data: DataParams
    validate_: Annotated[ValidateParams, Field(alias="validate")]
    split: SplitParams
    train: TrainParams
    evaluate: EvaluateParams
    refit: Annotated[RefitParams, BeforeValidator(_refit)]
    gate: Any = None
    serve: Any = None
    monitoring: Any = None
    watch: Any = None
    release: Any = None
    deploy: Any = None


def read_params(path: Path = FILE) -> Params:
    """Read `params.yaml`.

    Raises:
        ConfigError: a key is unknown, misspelt, missing or of the wrong type; it is named.
    """
    return read_yaml(path, Params)
