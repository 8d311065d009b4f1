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


def history_of(ledger: Ledger) -> History:
    """The changes of all environments in a ledger.

    A merge is a change where it holds what none of its sides has said last: where it undoes one side's newer change,
    or makes one of its own.
    """
    events: list[Event] = []
    stable: dict[str, Sets] = {}
    seen: dict[str, Sets] = {}  # commit -> path -> every blob that its line has held
    for entry in ledger.entries:
        parents = ledger.parents(entry)
        if len(parents) == 1 and entry.tree is parents[0].tree:
            stable[entry.id], seen[entry.id] = stable[parents[0].id], seen[parents[0].id]
            continue
        paths = sorted({path for one in (entry, *parents) for path in one.tree if environment_of(path)})
        for path in paths:
            changed, before = _changed(entry, path, [(parent.tree.get(path), seen[parent.id]) for parent in parents])
            if changed:
                events.append(_event(ledger, entry, path, before))
        held = {path: frozenset({entry.tree[path]}) for path in paths if path in entry.tree}
        seen[entry.id] = joined([seen[parent.id] for parent in parents], held)
        runs = {environment_of(path) or "": ledger.environment(entry.tree, path) for path in held}
        now = {name: frozenset({e.stable}) for name, e in runs.items() if isinstance(e, Environment) and e.stable}
        stable[entry.id] = joined([stable[parent.id] for parent in parents], now)
    return History(ledger, tuple(events), stable)


def joined(parents: list[Sets], own: Sets) -> Sets:
    """The union of what the parents' lines have and what is a commit's own."""
    keys = {*own, *(key for parent in parents for key in parent)}
    return {key: NONE.union(own.get(key, NONE), *(parent.get(key, NONE) for parent in parents)) for key in keys}


def _changed(entry: Entry, path: str, sides: list[tuple[str | None, Sets]]) -> tuple[bool, str | None]:
    """Whether a commit changes the file, and the blob that it changes."""
    new = entry.tree.get(path)
    if len(sides) < 2:
        old = sides[0][0] if sides else None
        return new != old, old

    def passed(blob: str | None, line: Sets) -> bool:
        return blob is None or blob in line.get(path, NONE)

    # a side is stale where the other has had the same and moved on from it
    fresh = [
        blob
        for blob, line in sides
        if not any(passed(blob, other) and not passed(its, line) for its, other in sides if its != blob)
    ]
    return new not in fresh, fresh[0] if fresh else sides[0][0]


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
