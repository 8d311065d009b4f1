"""`params.yaml: monitoring`: where the prediction log is, what is logged of a row, and for how long it is kept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from weighlock.config import Strict, parse
from weighlock.monitoring.log_record import HashKey, LogParams
from weighlock.params import FILE, Duration, Share, read_params, to_timedelta


class LogPolicy(Strict):
    """`monitoring.log`."""

    sample: Share = 1.0
    hash: list[str] = []
    drop: list[str] = []
    retention: Duration | None = "90d"

    def params(self, key: HashKey | None) -> LogParams:
        """As the service takes it.

        Raises:
            ConfigError: columns are to be hashed without a key, or hashed and dropped.
        """
        return LogParams(self.sample, frozenset(self.hash), frozenset(self.drop), key)


class OutcomesPolicy(Strict):
    """`monitoring.outcomes`: what `weighlock label` joins where it is called without any, as the clock calls it.

    Attributes:
        files: CSV or Parquet: a path, a glob or a URL.
        sql, url_env: a query instead, and the variable that holds the database's address.
        by, truth, told, when, within: as the options of `weighlock label` of these names.
    """

    files: Annotated[str, Field(min_length=1)] | None = None
    sql: Annotated[str, Field(min_length=1)] | None = None
    url_env: str = "DATABASE_URL"
    by: str = "id"
    truth: str | None = None
    told: str | None = None
    when: str | None = None
    within: Duration | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.files is None) == (self.sql is None):
            raise ValueError("names either `files` or `sql`")
        return self

    @property
    def source(self) -> str:
        """Where they come from, in words."""
        return self.files or f"a query of the database in ${self.url_env}"


class MonitoringParams(Strict):
    """`monitoring`."""

    log_url: Annotated[str, Field(min_length=1)] | None = None
    outcomes: OutcomesPolicy | None = None
    log: LogPolicy = LogPolicy()


def read_monitoring(path: Path = FILE) -> MonitoringParams:
    """Read `params.yaml: monitoring`; without that section, its defaults.

    Raises:
        ConfigError: a key is wrong; it is named.
    """
    content = read_params(path).monitoring
    return parse(content, MonitoringParams, f"{path}: monitoring") if content else MonitoringParams()


def read_retention(path: Path = FILE) -> dt.timedelta | None:
    """How long a row is kept; None for ever.

    Raises:
        ConfigError: `params.yaml` is missing or wrong.
    """
    retention = read_monitoring(path).log.retention
    return to_timedelta(retention) if retention else None


def read_log_url(path: Path = FILE) -> str | None:
    """Where the log's days are; None where that is not set, or there is no `params.yaml`.

    Raises:
        ConfigError: `params.yaml` is wrong.
    """
    return read_monitoring(path).log_url if path.exists() else None
