"""A year under a policy: who answers when, what the watch said, what was retrained, refused and promoted. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["alarm", "retraining", "promotion", "refusal"]
WEEK = dt.timedelta(days=7)
BOOTSTRAP = "trained on what there was before the first day"


@dataclass(frozen=True)
class Policy:
    """What is done about the passing of time.

    Attributes:
        retrains: never; on each retraining day; or on those before which the watch has asked for it.
        gated: whether a retrained model has to pass the gate.
    """

    name: str
    retrains: Literal["never", "always", "triggered"]
    gated: bool = False


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("never", "never"),
        Policy("always", "always"),
        Policy("triggered", "triggered"),
        Policy("gated", "triggered", gated=True),
    )
}


@dataclass(frozen=True)
class Calendar:
    """Days of a replay.

    Attributes:
        first, last: that are lived, both included.
        delay: days after which the outcome of a row is known.
    """

    first: dt.date
    last: dt.date
    delay: int

    @property
    def retraining_days(self) -> list[dt.date]:
        """The first day of each month but the first one."""
        days = (self.first + dt.timedelta(days=n) for n in range(1, (self.last - self.first).days + 1))
        return [day for day in days if day.day == 1]

    @property
    def look_days(self) -> list[dt.date]:
        """Every retraining day, and the 8th, 15th and 22nd of each month."""
        days = (self.first + dt.timedelta(days=n) for n in range(1, (self.last - self.first).days + 1))
        return [day for day in days if day.day in {1, 8, 15, 22}]

    def newest(self, day: dt.date) -> dt.date:
        """The newest day whose outcomes are all known on the morning of `day`."""
        return day - dt.timedelta(days=1 + self.delay)


@dataclass(frozen=True)
class Version:
    """A model that answers: `end` is the last day it was trained on, `since` the first that it answers."""

    name: str
    end: dt.date
    since: dt.date


@dataclass(frozen=True)
class Event:
    """Something that happened on the morning of a day, in words."""

    day: dt.date
    kind: Kind
    said: str


@dataclass(frozen=True)
class Seen:
    """What the watch says: its outcome and its reasons."""

    outcome: str
    said: str


@dataclass(frozen=True)
class Judged:
    """What the gate says, or why there is nothing to weigh."""

    passed: bool
    said: str


class World(Protocol):
    """What takes time and files."""

    def train(self, end: dt.date) -> str | None:
        """Train up to a day; why it was refused."""

    def look(self, day: dt.date, version: Version, since_retraining: dt.timedelta | None, *, thorough: bool) -> Seen:
        """The watch's look at the days before this morning; a thorough one asks what a retraining would gain, too."""

    def weigh(self, end: dt.date, champion: Version) -> Judged:
        """The gate's verdict on what was trained up to a day."""


@dataclass
class Life:
    """What came of a policy."""

    policy: Policy
    versions: list[Version]
    events: list[Event] = field(default_factory=list)

    @property
    def champion(self) -> Version:
        """The version that answers now."""
        return self.versions[-1]

    def count(self, kind: Kind) -> int:
        """How often something happened."""
        return sum(event.kind == kind for event in self.events)


def live(policy: Policy, calendar: Calendar, world: World) -> Life:
    """Live the days under a policy, day by day, with what was known on each.

    Raises:
        ValueError: nothing could be trained before the first day.
    """
    start = calendar.newest(calendar.first)
    if refused := world.train(start):
        raise ValueError(f"there is no model to begin with: {refused}")
    life = Life(policy, [Version("v1", start, calendar.first)])
    asked: str | None = None
    retrained: dt.date | None = None
    for day in calendar.look_days:
        may_retrain = day in calendar.retraining_days
        if policy.retrains == "triggered":
            since = None if retrained is None else day - retrained
            seen = world.look(day, life.champion, since, thorough=may_retrain)
            if seen.outcome not in {"OK", "UNKNOWN"}:
                life.events.append(Event(day, "alarm", f"{seen.outcome}: {seen.said}"))
            asked = None if seen.outcome == "BROKEN" else seen.said if seen.outcome == "RETRAIN" else asked
        elif policy.retrains == "always":
            asked = "a month has passed"
        if may_retrain and asked is not None:
            retrained = day
            _retrain(life, day, calendar.newest(day), asked, world)
            asked = None
    return life


def _retrain(life: Life, day: dt.date, end: dt.date, why: str, world: World) -> None:
    life.events.append(Event(day, "retraining", f"up to {end}: {why}"))
    if refused := world.train(end):
        life.events.append(Event(day, "refusal", refused))
        return
    said = "without a gate"
    if life.policy.gated:
        judged = world.weigh(end, life.champion)
        said = judged.said
        if not judged.passed:
            life.events.append(Event(day, "refusal", said))
            return
    life.versions.append(Version(f"v{len(life.versions) + 1}", end, day))
    life.events.append(Event(day, "promotion", f"{life.champion.name}: {said}"))
