"""Was each promotion allowed when it was made? Release, verdict, order, blocks, steps and author, in git's history."""

from __future__ import annotations

from collections.abc import Iterator

from weighlock.deployment.environment import Environment, path_of
from weighlock.deployment.findings import Finding, Kind
from weighlock.deployment.history import NONE, Event, History, Sets, joined
from weighlock.deployment.ledger import environment_of
from weighlock.deployment.policy import DeployParams
from weighlock.deployment.trailers import trailers_of
from weighlock.deployment.transitions import skipped
from weighlock.deployment.wording import described, percents
from weighlock.files import digest_of
from weighlock.releases import record

_BACK = "Take it back: `weighlock rollback {environment} --reason …`."


def move_findings(history: History, policy: DeployParams) -> list[Finding]:
    """What is wrong with changes of environments, oldest first."""
    found = [finding for event in history.events for finding in _of_event(history, policy, event)]
    found += _unblocked(history)
    return sorted(found, key=lambda finding: history.ledger.place[finding.entry.id])


def _of_event(history: History, policy: DeployParams, event: Event) -> Iterator[Finding]:
    if event.fault:
        yield _finding("unreadable", event, event.fault, "Mend the file.")
    if event.after is None:
        return
    if not event.entry.author.strip(" <>"):
        yield _finding("no author", event, "nobody is named as its author.", "Say who it was, and promote again.")
    for version in event.arrived:
        yield from _arrival(history, policy, event, version)
    yield from _untold(event, event.after)
    yield from _other_record(history, event)


def _arrival(history: History, policy: DeployParams, event: Event, version: str) -> Iterator[Finding]:
    """A release that begins to run here."""
    name = event.environment
    if record.path_of(version) not in event.entry.tree:
        yield _finding(
            "no release",
            event,
            f"`{version}` runs in {name} without a record `{record.path_of(version)}`.",
            _BACK,
            version,
        )
    earlier = policy.before(name) if name in policy.environments else None
    parents = history.ledger.parents(event.entry)
    if earlier is None or not any(path_of(earlier) in parent.tree for parent in parents):
        return
    if not any(version in history.stable[parent.id].get(earlier, NONE) for parent in parents):
        yield _finding("order", event, f"`{version}` came to {name} before it was stable in {earlier}.", _BACK, version)


def _untold(event: Event, after: Environment) -> Iterator[Finding]:
    """Steps that were passed over in silence, and messages that say something else than was done."""
    if event.before is not None:
        passed = skipped(event.before, after)
        if passed and event.said.get("Skipped") != percents(passed):
            yield _finding(
                "skipped",
                event,
                f"{percents(passed)} of {event.environment}'s steps were passed over, and the commit does not say so.",
                "Look whether it holds: `weighlock status {environment}`.",
            )
    told = event.said.get("To")
    if told is not None and told != described(after):
        yield _finding(
            "untold", event, f"the commit says “{told}”, but made it “{described(after)}”.",
            "Someone has edited the commit or its message: ask its author.",
        )  # fmt: skip


def _other_record(history: History, event: Event) -> Iterator[Finding]:
    """Whether the record that was promoted is the one that is there."""
    version, _, digest = event.said.get("Record", "").partition(" ")
    blob = event.entry.tree.get(record.path_of(version))
    if digest and blob and digest_of(history.ledger.text(blob)) != digest:
        yield _finding(
            "rewritten", event, f"the record of `{version}` that the commit names is not the one that it holds.",
            "History was rewritten: compare with another clone.", version,
        )  # fmt: skip


def _unblocked(history: History) -> Iterator[Finding]:
    """Releases that were blocked and are no more, though no commit says that someone wanted it."""
    active: dict[str, Sets] = {}  # commit -> environment -> blocks on its line, each a version and who blocked it
    ever: dict[str, Sets] = {}
    ledger = history.ledger
    for entry in ledger.entries:
        parents = ledger.parents(entry)
        if len(parents) == 1 and parents[0].tree is entry.tree:
            active[entry.id], ever[entry.id] = active[parents[0].id], ever[parents[0].id]
            continue
        lines = [(active[parent.id], ever[parent.id]) for parent in parents]
        held = {name: _carried(name, lines) for line, _ in lines for name in line}
        for path in entry.tree:
            name, state = environment_of(path), ledger.environment(entry.tree, path) if environment_of(path) else None
            if name is None or not isinstance(state, Environment):
                continue  # where the file is gone, its blocks are not
            blocked, carried = {one.release for one in state.blocked}, held.get(name, NONE)
            told = trailers_of(entry.message, name).get("Unblocked", "").split(", ")
            for version in sorted({_version(block) for block in carried} - blocked - set(told)):
                yield Finding(
                    "blocked", entry, path_of(name),
                    f"`{version}` was blocked in {name}, and is no more without a word.",
                    f"Block it again; `weighlock promote {version} {name} --unblock --reason …` says why not.", version,
                )  # fmt: skip
            kept = {block for block in carried if _version(block) in blocked}
            new = {f"{version} {entry.id}" for version in blocked - {_version(block) for block in kept}}
            held[name] = frozenset(kept | new)
        active[entry.id], ever[entry.id] = held, joined([line for _, line in lines], held)


def _version(block: str) -> str:
    return block.partition(" ")[0]


def _carried(name: str, lines: list[tuple[Sets, Sets]]) -> frozenset[str]:
    """What the parents' lines have blocked, but for what one of them has let go."""
    blocked = NONE.union(*(active.get(name, NONE) for active, _ in lines))
    freed = NONE.union(*(ever.get(name, NONE) - active.get(name, NONE) for active, ever in lines))
    return blocked - freed


def _finding(kind: Kind, event: Event, what: str, todo: str, version: str | None = None) -> Finding:
    return Finding(
        kind, event.entry, path_of(event.environment), what, todo.format(environment=event.environment), version
    )
