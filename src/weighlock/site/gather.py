"""Everything that the pages show, gathered once: from git's newest commit, and from folders with the gate's and the
watch's reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weighlock.deployment.history import Event, History, history_of
from weighlock.deployment.ledger import read_ledger
from weighlock.deployment.status import Name, Status, status_of
from weighlock.errors import WeighlockError
from weighlock.releases.card.blocks import value
from weighlock.site.looks import Look, read_looks
from weighlock.site.weighings import Recorded, Weighed, recorded, weighed


@dataclass(frozen=True)
class Period:
    """A stretch of time in which a release was in one of an environment's two places; `end` is None where it is."""

    version: str
    variant: Name
    start: dt.datetime
    end: dt.datetime | None


@dataclass(frozen=True)
class Place:
    """An environment.

    Attributes:
        name: such as production.
        status: what git wants there; None where that cannot be said, and `fault` says why.
        events: what changed it, oldest first.
        periods: what ran there, oldest first.
        looks: at it, oldest window first.
    """

    name: str
    status: Status | None
    fault: str | None
    events: tuple[Event, ...]
    periods: tuple[Period, ...]
    looks: tuple[Look, ...]


@dataclass(frozen=True)
class Facts:
    """All of it.

    Attributes:
        name: what the model is called.
        at: the present.
        history: of the newest commit.
        places: the environments; the last that a release comes to stands first.
        releases: newest first.
        weighings: the gate's verdicts, newest rows first.
        watch: the folder that was searched for looks, as it was given.
        problems: what does not read, in words.
    """

    name: str
    at: dt.datetime
    history: History
    places: tuple[Place, ...]
    releases: tuple[Recorded, ...]
    weighings: tuple[Weighed, ...]
    watch: str
    problems: tuple[str, ...]

    def release(self, version: str) -> Recorded | None:
        """One of them; None where it has no record that reads."""
        return next((one for one in self.releases if one.release.version == version), None)


def gather(root: Path, at: dt.datetime, watch: Path, gates: Iterable[Path]) -> Facts:
    """The facts of a clone.

    Args:
        root: the repository.
        at: the present, with its zone.
        watch: a folder with `watch.json` at any depth.
        gates: folders with `gate.json` at any depth.

    Raises:
        EvidenceError: the clone has no history, or a shallow one.
    """
    history = history_of(read_ledger(root))
    releases, unread = recorded(history)
    weighings, odd = weighed(history, releases, gates)
    looks = read_looks(watch)
    places = [place_of(history, name, looks.by_environment.get(name, ())) for name in history.environments]
    strangers = [
        f"{value(name)}: the watch has looked at it, and it is no environment of this repository."
        for name in sorted(looks.by_environment.keys() - set(history.environments))
    ]
    return Facts(
        releases[-1].release.name if releases else root.resolve().name,
        at,
        history,
        tuple(sorted(places, key=lambda place: (place.name != "production", place.name))),
        tuple(reversed(releases)),
        tuple(weighings),
        _told(watch, root),
        (*unread, *odd, *looks.problems, *strangers),
    )


def periods(events: Iterable[Event]) -> tuple[Period, ...]:
    """What ran when, of the changes of one environment, oldest first."""
    found: list[Period] = []
    running: dict[Name, tuple[str, dt.datetime]] = {}
    for event in events:
        state = event.after
        now: dict[Name, str | None] = {
            "stable": state.stable if state else None,
            "candidate": state.candidate.release if state and state.candidate else None,
        }
        for variant, version in now.items():
            before = running.get(variant)
            if before and before[0] != version:
                found.append(Period(before[0], variant, before[1], max(event.entry.at, before[1])))
                del running[variant]
            if version and (before is None or before[0] != version):
                running[variant] = (version, event.entry.at)
    found += [Period(version, variant, start, None) for variant, (version, start) in running.items()]
    return tuple(sorted(found, key=lambda period: (period.start, period.variant != "stable")))


def place_of(history: History, name: str, looks: tuple[Look, ...]) -> Place:
    """An environment, and the looks at it."""
    events = tuple(history.of(name))
    status, fault = None, None
    try:
        status = status_of(history, name, {}, lambda _: (0, None))
    except WeighlockError as error:
        fault = str(error)
    return Place(name, status, fault, events, periods(events), looks)


def _told(folder: Path, root: Path) -> str:
    """A folder as the pages name it: nobody needs to know where on a machine a clone is."""
    try:
        return folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return folder.name
