"""How environments came to be what they are: each change of a `deploy/<env>.yaml`, in order, with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from weighlock.deployment.environment import Environment, path_of
from weighlock.deployment.ledger import Entry, Ledger, environment_of
from weighlock.deployment.render import folder_of, render
from weighlock.deployment.trailers import trailers_of
from weighlock.deployment.wording import one_line
from weighlock.errors import ConfigError, WeighlockError
from weighlock.releases.record import Release

NONE: frozenset[str] = frozenset()
Sets = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Event:
    """A commit that changed an environment.

    Attributes:
        entry: the commit.
        environment: such as production.
        before, after: its states; None where there was no file, or one that does not read.
        said: the commit's trailers about it.
        fault: why the file does not read.
    """

    entry: Entry
    environment: str
    before: Environment | None
    after: Environment | None
    said: Mapping[str, str]
    fault: str | None = None

    @property
    def arrived(self) -> list[str]:
        """The releases that run since then, and did not before."""
        known = self.before.releases if self.before else []
        return [version for version in (self.after.releases if self.after else []) if version not in known]


@dataclass(frozen=True)
class History:
    """What git's history says about environments.

    Attributes:
        ledger: the commits.
        events: the changes, oldest first.
        stable: commit -> environment -> every release that was stable there up to then, this commit included.
    """

    ledger: Ledger
    events: tuple[Event, ...]
    stable: Mapping[str, Sets]

    @cached_property
    def environments(self) -> list[str]:
        """Those of the newest commit."""
        return sorted(name for path in self.ledger.head.tree if (name := environment_of(path)))

    def of(self, environment: str) -> list[Event]:
        """The changes of an environment, oldest first."""
        return [event for event in self.events if event.environment == environment]

    def past(self, environment: str) -> list[str]:
        """What was stable there, oldest first; what runs now is the last."""
        found: list[str] = []
        for event in self.of(environment):
            version = event.after.stable if event.after else None
            if version and found[-1:] != [version]:
                found.append(version)
        return found

    def ever_stable(self, environment: str) -> frozenset[str]:
        """Every release that is or was stable there."""
        return self.stable[self.ledger.head.id].get(environment, NONE)

    def state(self, environment: str) -> Environment:
        """What the newest commit wants there.

        Raises:
            WeighlockError: its file does not read.
        """
        found = self.ledger.environment(self.ledger.head.tree, path_of(environment))
        if isinstance(found, WeighlockError):
            raise found
        if found is None:
            known = ", ".join(self.environments) or "none"
            raise ConfigError(f"There is no environment `{environment}` in git; it holds {known}.")
        return found

    def releases(self, state: Environment) -> dict[str, Release]:
        """The newest commit's records of what runs in a state, by version; without those that do not read."""
        found = {version: self.ledger.release(self.ledger.head.tree, version) for version in state.releases}
        return {version: release for version, release in found.items() if release}

    def rendered(self, environment: str, state: Environment) -> dict[str, str]:
        """What a state renders to with these records: path in the repository -> text.

        Raises:
            EvidenceError, ConfigError: as `render`.
        """
        files = render(environment, state, self.releases(state))
        return {f"{folder_of(environment)}/{path}": text for path, text in files.items()}


@dataclass(frozen=True)
class _Line:
    """A file on a line of history: what it holds, the commit that made it so, and all that ever changed it."""

    blob: str | None = None
    origin: str = ""
    passed: frozenset[str] = frozenset({""})

    def older_than(self, other: _Line) -> bool:
        """Whether the other line has had this, and moved on."""
        return self.origin in other.passed and other.origin not in self.passed


def history_of(ledger: Ledger) -> History:
    """The changes of all environments in a ledger.

    A merge is a change where it holds what none of its sides has said last: where it undoes one side's newer change,
    or makes one of its own.
    """
    events: list[Event] = []
    stable: dict[str, Sets] = {}
    lines: dict[str, dict[str, _Line]] = {}
    for entry in ledger.entries:
        parents = ledger.parents(entry)
        if len(parents) == 1 and entry.tree is parents[0].tree:
            stable[entry.id], lines[entry.id] = stable[parents[0].id], lines[parents[0].id]
            continue
        now: dict[str, frozenset[str]] = {}
        lines[entry.id] = {}
        for path in sorted({path for one in (entry, *parents) for path in one.tree if environment_of(path)}):
            line, before = _line(entry, path, [lines[parent.id].get(path, _Line()) for parent in parents])
            lines[entry.id][path] = line
            if line.origin == entry.id:
                event = _event(ledger, entry, path, before)
                if event.fault or event.before != event.after:  # else comments alone have changed
                    events.append(event)
            state = ledger.environment(entry.tree, path)
            if isinstance(state, Environment) and state.stable:
                now[environment_of(path) or ""] = frozenset({state.stable})
        stable[entry.id] = joined([stable[parent.id] for parent in parents], now)
    return History(ledger, tuple(events), stable)


def joined(parents: list[Sets], own: Sets) -> Sets:
    """The union of what the parents' lines have and what is a commit's own."""
    keys = {*own, *(key for parent in parents for key in parent)}
    return {key: NONE.union(own.get(key, NONE), *(parent.get(key, NONE) for parent in parents)) for key in keys}


def _line(entry: Entry, path: str, sides: list[_Line]) -> tuple[_Line, str | None]:
    """A file's line up to a commit, and what it held before, where the commit changes it."""
    new = entry.tree.get(path)
    sides = sides or [_Line()]
    passed = sides[0].passed.union(*(side.passed for side in sides))
    fresh = [side for side in sides if not any(side.older_than(other) for other in sides)]
    for side in fresh:
        if side.blob == new:
            return _Line(new, side.origin, passed), None
    return _Line(new, entry.id, passed | {entry.id}), fresh[0].blob


def _event(ledger: Ledger, entry: Entry, path: str, before: str | None) -> Event:
    name = environment_of(path) or path
    old = ledger.environment({path: before} if before else {}, path)
    new = ledger.environment(entry.tree, path)
    return Event(
        entry=entry,
        environment=name,
        before=old if isinstance(old, Environment) else None,
        after=new if isinstance(new, Environment) else None,
        said=trailers_of(entry.message, name),
        fault=one_line(str(new)) if isinstance(new, WeighlockError) else None,
    )
