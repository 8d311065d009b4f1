"""Were records written once and whole, and left alone? Releases, their evidence, and acceptances, in git's history."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from weighlock.deployment.findings import Finding, Kind
from weighlock.deployment.ledger import Entry, Ledger
from weighlock.errors import EvidenceError
from weighlock.files import digest_of
from weighlock.releases import acceptance, evidence, record
from weighlock.releases.acceptance import evidence_digest
from weighlock.releases.record import Release
from weighlock.releases.tags import parse_tag
from weighlock.revisions import LOCK

PARAMS = "params.yaml"
_PATHS = (
    re.compile(rf"{record.FOLDER}/(v[1-9]\d*)\.yaml"),
    re.compile(rf"{evidence.FOLDER}/(v[1-9]\d*)/.+", re.DOTALL),
    re.compile(rf"{acceptance.FOLDER}/[0-9a-f]{{64}}\.yaml()"),
)
_RESTORE = "Bring it back as it was in a commit of its own: `git checkout {commit} -- {path}`."
_NEW = "Records are not mended: make a new release of the same models (`weighlock release`) and promote that."


def record_findings(ledger: Ledger) -> list[Finding]:
    """What is wrong with records, oldest first."""
    ledger.load(_wanted(ledger))
    found = [*_changed(ledger), *_incomplete(ledger), *_tags(ledger)]
    return sorted(found, key=lambda finding: ledger.place[finding.entry.id])


@cache
def version_of(path: str) -> str | None:
    """The release that a record or its evidence is of; empty for an acceptance, None where it may be edited."""
    match = next(filter(None, (pattern.fullmatch(path) for pattern in _PATHS)), None)
    return match[1] if match else None


def _wanted(ledger: Ledger) -> Iterator[str]:
    for entry in ledger.entries:
        for path, (_, blob) in entry.changes.items():
            if blob and version_of(path) is not None:
                yield blob


def _changed(ledger: Ledger) -> Iterator[Finding]:
    """Records that a commit edits or removes, on whichever line of history."""
    ever: dict[str, frozenset[str]] = {}  # commit -> the records that its line has held
    for entry in ledger.entries:
        parents = ledger.parents(entry)
        if parents and all(parent.tree is entry.tree for parent in parents):
            ever[entry.id] = ever[parents[0].id]
            continue
        for path in sorted({path for parent in parents for path in parent.tree if version_of(path) is not None}):
            held = [parent.tree.get(path) for parent in parents]
            new = entry.tree.get(path)
            # a side that has held it before has lost it before, and that commit is named
            if new is None and not any(
                blob is None and path in ever[p.id] for blob, p in zip(held, parents, strict=True)
            ):
                yield _removed(entry, path, next(blob for blob in held if blob))
            elif new is not None and new not in held:
                yield _finding("edited", entry, path, f"`{path}` was edited.", _RESTORE)
        own = frozenset(path for path in entry.tree if version_of(path) is not None)
        ever[entry.id] = own.union(*(ever[parent.id] for parent in parents))


def _removed(entry: Entry, path: str, blob: str) -> Finding:
    for other, (old, new) in entry.changes.items():
        if new == blob and old is None:
            return _finding("renamed", entry, path, f"`{path}` was renamed to `{other}`.", _RESTORE)
    return _finding("removed", entry, path, f"`{path}` was removed.", _RESTORE)


def _finding(kind: Kind, entry: Entry, path: str, what: str, todo: str) -> Finding:
    parent = f"{entry.id[:9]}^"
    return Finding(kind, entry, path, what, todo.format(commit=parent, path=path), version_of(path) or None)


@dataclass(frozen=True)
class _Added:
    """A record in the commit that added it."""

    ledger: Ledger
    entry: Entry
    path: str
    version: str

    def finding(self, kind: Kind, what: str, todo: str = _NEW) -> Finding:
        return Finding(kind, self.entry, self.path, what, todo, self.version)


def _incomplete(ledger: Ledger) -> Iterator[Finding]:
    """Records that were not whole when they were added."""
    added = {
        (path, blob): _Added(ledger, entry, path, match[1])
        for entry in reversed(ledger.entries)  # the first to add it is the last to be put here
        for path, (old, blob) in entry.changes.items()
        if blob and old is None and (match := _PATHS[0].fullmatch(path))
    }
    found = {key: ledger.release(one.entry.tree, one.version) for key, one in added.items()}
    ledger.load(
        f"{release.commit}:./{path}"
        for release in found.values()
        for path in (LOCK, PARAMS)
        if release and release.commit in ledger.place
    )
    for (_, blob), one in added.items():
        yield from _faults(one, blob)


def _faults(added: _Added, blob: str) -> Iterator[Finding]:
    number = int(added.version[1:])
    if number > 1 and record.path_of(f"v{number - 1}") not in added.entry.tree:
        what = f"`{added.version}` was recorded where there is no `v{number - 1}`."
        yield added.finding("gap", what, "Find out where that one is; versions have no gaps.")
    try:
        release = added.ledger.read_release(blob, added.path)
    except EvidenceError as error:
        verdict = "`verdict" in str(error)
        yield added.finding("no verdict" if verdict else "torn", " ".join(str(error).split()))
        return
    if release.version != added.version:
        yield added.finding("torn", f"`{added.path}` says that it is {release.version}.")
    yield from _unproven(added, release)
    yield from _strayed(added, release)


def _unproven(added: _Added, release: Release) -> Iterator[Finding]:
    """What its evidence does not show."""
    tree, ledger = added.entry.tree, added.ledger
    for path, digest in release.evidence.items():
        content = ledger.text(tree[path]) if path in tree else None
        if content is None:
            yield added.finding("no verdict", f"its evidence `{path}` was not committed with it.")
        elif digest_of(content) != digest:
            yield added.finding("no verdict", f"its evidence `{path}` is not the file whose digest it names.")
        elif path.endswith(f"/{evidence.GATE}") and (fault := _verdict_fault(content, release)):
            yield added.finding("no verdict", f"`{path}` {fault}.")
    if not any(path.endswith(f"/{evidence.GATE}") for path in release.evidence):
        yield added.finding("no verdict", f"it names no `{evidence.GATE}` among its evidence.")
    accepted = f"{acceptance.FOLDER}/{release.verdict.evidence.removeprefix('sha256:')}.yaml"
    if release.verdict.outcome == "INCONCLUSIVE" and accepted not in tree:
        yield added.finding("no verdict", f"it is INCONCLUSIVE, and `{accepted}`, which would accept it, is not there.")


def _verdict_fault(content: bytes, release: Release) -> str | None:
    """What keeps a gate's verdict from being this release's."""
    try:
        verdict = json.loads(content)
        said = (verdict["outcome"], verdict["bootstrap"], verdict["evidence"])
        digests = verdict["challenger"]["digests"]
        weighed = (digests.get("weighed"), digests.get("served"))
        digest = evidence_digest(verdict)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"is no verdict of the gate ({type(error).__name__})"
    if digest != verdict["evidence"]:
        return "is not as the gate wrote it"
    if said != (release.verdict.outcome, release.verdict.bootstrap, release.verdict.evidence):
        return f"says {said[0]}, of other evidence than the record does"
    if weighed != (release.weighed.digest, release.served.digest):
        return "is about other models than the record"
    return None


def _strayed(added: _Added, release: Release) -> Iterator[Finding]:
    """Whether the commit that it was made of is in its past, with the `dvc.lock` and `params.yaml` that it names."""
    ledger = added.ledger
    place = ledger.place.get(release.commit)
    if place is None or place >= ledger.place[added.entry.id]:
        yield added.finding(
            "rewritten",
            f"it was made of {release.commit[:9]}, which is not in the history before it.",
            "History was rewritten, or the branch squashed: compare with another clone, or release anew.",
        )
        return
    for path, digest in ((LOCK, release.lock), (PARAMS, release.params)):
        content = ledger.text(f"{release.commit}:./{path}")
        if digest_of(content) != digest:
            yield added.finding("torn", f"`{path}` of {release.commit[:9]}, of which it was made, has another digest.")


def _tags(ledger: Ledger) -> Iterator[Finding]:
    """Releases whose tag is on a commit that is not in this history, or that does not hold the record.

    A tag of a release that is not here at all says nothing: this branch may be older than it.
    """
    for tag, commit in ledger.tags.items():
        named = parse_tag(tag)
        path = record.path_of(named[1]) if named else ""
        if named is None or path not in ledger.head.tree:
            continue
        made = next(entry for entry in reversed(ledger.entries) if path in entry.changes)
        tagged = ledger.by_id.get(commit)
        if tagged is None:
            yield Finding(
                "rewritten", made, path, f"the tag `{tag}` is on {commit[:9]}, which is not in this history.",
                "History was rewritten: compare with another clone.", named[1],
            )  # fmt: skip
        elif path not in tagged.tree:
            yield Finding(
                "torn", made, path, f"the tag `{tag}` is on {commit[:9]}, which does not hold `{path}`.",
                "Tags are not moved: look who has put it there.", named[1],
            )  # fmt: skip
