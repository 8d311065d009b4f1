"""`params.yaml: watch`, strictly: what the watch compares with, and from where on it speaks up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from weighlock.config import Strict, parse
from weighlock.decisions.trigger import Rules as TriggerRules
from weighlock.decisions.watch import SHARES, Rules
from weighlock.params import FILE, Duration, Share, read_params, to_timedelta
from weighlock.statistics.drift_distance import Measure
from weighlock.statistics.drift_faults import FaultLimits

Size = Annotated[float, Field(ge=0)]
MOST_DAYS = 400


class FloorParams(Strict):
    """`watch.floors`: effects below these are never called drift."""

    shift: Size = 0.1
    mix: Size = 0.05
    nulls: Share = 0.02

    @property
    def by_measure(self) -> dict[Measure, float]:
        """As `drifts` takes them."""
        return {"shift": self.shift, "mix": self.mix, "nulls": self.nulls}


class FaultParams(Strict):
    """`watch.faults`: from where on a feed is broken."""

    nulls: Share = 0.05
    outside: Share = 0.01
    unseen: Share = 0.05
    jump: Annotated[float, Field(gt=0)] = 1.0


def _whole_days(value: str) -> str:
    days = to_timedelta(value).total_seconds() / 86400
    if not days.is_integer() or days > MOST_DAYS:
        raise ValueError(f"should be whole days, such as 7d, at most {MOST_DAYS}")
    return value


class WatchParams(Strict):
    """`watch`: the policy."""

    window: Duration = "7d"
    reference: Literal["release", "before", "season"] = "release"
    history: Duration = "28d"
    regret: Duration = "28d"
    false_alarms: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    important: Share = 0.005
    floors: FloorParams = FloorParams()
    faults: FaultParams = FaultParams()
    margin: Size = 0.01
    max_age: Duration | None = "75d"
    cooldown: Duration = "14d"
    sample: Annotated[int, Field(ge=100, le=100_000)] = 5000
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7

    @field_validator("window", "history", "regret")
    @classmethod
    def _days(cls, value: str) -> str:
        return _whole_days(value)

    @property
    def days(self) -> int:
        """Of the window."""
        return to_timedelta(self.window).days

    @property
    def regret_days(self) -> int:
        """With labels, on which a twin is tried: the window's at least."""
        return max(self.days, to_timedelta(self.regret).days)

    @property
    def rules(self) -> Rules:
        """What decides."""
        age = to_timedelta(self.max_age) if self.max_age else None
        return Rules(
            self.false_alarms, self.important, self.margin, TriggerRules(age, to_timedelta(self.cooldown))
        )  # fmt: skip

    @property
    def limits(self) -> FaultLimits:
        """Of faults."""
        return FaultLimits(self.false_alarms * SHARES["faults"], **self.faults.model_dump())


def read_watch(path: Path = FILE) -> WatchParams:
    """Read `params.yaml: watch`; without that section, its defaults.

    Raises:
        ConfigError: a key is wrong; it is named.
    """
    content = read_params(path).watch
    return parse(content, WatchParams, f"{path}: watch") if content else WatchParams()


def with_window(policy: WatchParams, window: str | None) -> WatchParams:
    """The policy with another window.

    Raises:
        ConfigError: it is no number of whole days.
    """
    if window is None:
        return policy
    return parse({**policy.model_dump(), "window": window}, WatchParams, "--window")
