"""Git's history of environments and records, read at once: every commit with what it holds below `deploy/` and
`releases/`. Offline, and from git alone: neither working tree nor index is looked at."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

from weighlock.deployment.environment import FOLDER, Environment, parse_environment
from weighlock.errors import EvidenceError, WeighlockError
from weighlock.releases import record
from weighlock.releases.record import Release, parse_release
from weighlock.revisions import git

_ENVIRONMENT = re.compile(rf"{FOLDER}/([a-z][a-z0-9-]*)\.yaml")
# what a user's configuration could add to git's answers is switched off
_LOG = (
    "--no-replace-objects", "-c", "log.showSignature=false", "-c", "log.showRoot=true", "log",
    "--encoding=UTF-8", "--no-color", "--no-notes",
    "--topo-order", "--reverse", "--full-history", "--sparse",  # every commit, whatever it touches
    "--raw", "-z", "--no-renames", "--no-abbrev", "--diff-merges=first-parent", "--relative", "--no-ext-diff",
    "--format=%H%n%P%n%an%n%ae%n%cI%n%B",
)  # fmt: skip
_NONE = "0" * 40

Tree = Mapping[str, str]  # path -> blob


@dataclass(frozen=True)
class Entry:
    """A commit.

    Attributes:
        id, parents, message: git's.
        author: `Name <mail>`.
        at: when it was committed, in UTC.
        changes: path -> the blobs before (at the first parent) and after; None: no such file.
        tree: what it holds below `deploy/` and `releases/`.
    """

    id: str
    parents: tuple[str, ...]
    author: str
    at: dt.datetime
    message: str
    changes: Mapping[str, tuple[str | None, str | None]]
    tree: Tree = field(repr=False)

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True)
class Ledger:
    """The history of one commit.

    Attributes:
        root: the repository's.
        entries: the commits, parents before children.
        tags: tag -> the commit that it is on, for all of the repository's.
    """

    root: Path
    entries: tuple[Entry, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)
    _parsed: dict[str, Environment | WeighlockError] = field(default_factory=dict, repr=False)
    _releases: dict[str, Release | EvidenceError] = field(default_factory=dict, repr=False)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """The entries by their commits."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def place(self) -> dict[str, int]:
        """How many entries stand before each commit."""
        return {entry.id: place for place, entry in enumerate(self.entries)}

    @property
    def head(self) -> Entry:
        """The newest commit."""
        return self.entries[-1]

    def parents(self, entry: Entry) -> list[Entry]:
        """A commit's parents."""
        return [self.by_id[parent] for parent in entry.parents]

    def text(self, blob: str) -> bytes:
        """A file's content; `load` it first, where many are wanted."""
        self.load([blob])
        return self.contents[blob]

    def load(self, objects: Iterable[str]) -> None:
        """Bring contents by blob, or by `commit:path`, with one call of git; what does not exist is empty."""
        wanted = sorted({name for name in objects if name not in self.contents})
        if wanted:
            self.contents.update(zip(wanted, _cat(self.root, wanted), strict=True))

    def environment(self, tree: Tree, path: str) -> Environment | WeighlockError | None:
        """The environment at a path of a tree: None where there is none, the error where it does not read."""
        blob = tree.get(path)
        if blob is None:
            return None
        if blob not in self._parsed:
            try:
                self._parsed[blob] = parse_environment(self.text(blob), path)
            except WeighlockError as error:
                self._parsed[blob] = error
        return self._parsed[blob]

    def read_release(self, blob: str, path: str) -> Release:
        """The release of a record.

        Raises:
            EvidenceError: it is no record.
        """
        if blob not in self._releases:
            try:
                self._releases[blob] = parse_release(self.text(blob), path)
            except EvidenceError as error:
                self._releases[blob] = error
        found = self._releases[blob]
        if isinstance(found, EvidenceError):
            raise found
        return found

    def release(self, tree: Tree, version: str) -> Release | None:
        """A tree's record of a release; None where there is none that reads."""
        path = record.path_of(version)
        try:
            return self.read_release(tree[path], path) if path in tree else None
        except EvidenceError:
            return None


@cache
def environment_of(path: str) -> str | None:
    """`production` of `deploy/production.yaml`; None of other paths."""
    match = _ENVIRONMENT.fullmatch(path)
    return match[1] if match else None


def read_ledger(root: Path, commit: str = "HEAD") -> Ledger:
    """The history of a commit.

    Raises:
        EvidenceError: there is no such commit, or the clone is shallow, so that its history is cut off.
    """
    if git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        raise EvidenceError(
            "This clone is shallow: its history is cut off, and with it what should be verified. Run `git fetch "
            "--unshallow` (in a workflow: `fetch-depth: 0`)."
        )
    done = git(root, *_LOG, "--end-of-options", commit, "--", FOLDER, record.FOLDER)
    if done.returncode or not done.stdout:
        raise EvidenceError(f"`{root}` has no history of `{commit}`: {done.stderr.decode(errors='replace').strip()}")
    ledger = Ledger(root, tuple(_entries(done.stdout)), dict(_tags(root)))
    ledger.load(
        blob for entry in ledger.entries for path, (_, blob) in entry.changes.items() if blob and environment_of(path)
    )
    return ledger


def _entries(log: bytes) -> Iterator[Entry]:
    """The commits of git's answer. NUL ends each part of it, and is in none of them, whatever a message says."""
    trees: dict[str, Tree] = {}
    parts = log.split(b"\0")
    at = 0
    while at < len(parts) - 1:
        head, at = parts[at], at + 1
        changes: dict[str, tuple[str | None, str | None]] = {}
        while at < len(parts) - 1 and parts[at].lstrip(b"\n").startswith(b":"):
            _, _, old, new, _ = parts[at].lstrip(b"\n").decode().split(" ")
            path = parts[at + 1].decode(errors="surrogateescape")
            changes[path] = (None if old == _NONE else old, None if new == _NONE else new)
            at += 2
        commit, parents, name, mail, time, message = head.decode(errors="replace").lstrip("\n").split("\n", 5)
        before = trees[parents.split()[0]] if parents else MappingProxyType({})
        trees[commit] = _applied(before, changes)
        yield Entry(
            id=commit,
            parents=tuple(parents.split()),
            author=f"{name} <{mail}>",
            at=dt.datetime.fromisoformat(time).astimezone(dt.UTC),
            message=message.strip(),
            changes=changes,
            tree=trees[commit],
        )


def _applied(before: Tree, changes: Mapping[str, tuple[str | None, str | None]]) -> Tree:
    if not changes:
        return before  # the same object: most commits touch neither
    tree = dict(before)
    for path, (_, blob) in changes.items():
        if blob is None:
            tree.pop(path, None)
        else:
            tree[path] = blob
    return MappingProxyType(tree)


def _tags(root: Path) -> Iterator[tuple[str, str]]:
    listed = git(root, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname) %(*objectname)", "refs/tags")
    for line in listed.stdout.decode(errors="replace").splitlines():
        name, *objects = line.split()
        yield name, objects[-1]  # of an annotated tag, the commit; of another, the only one


def _cat(root: Path, objects: list[str]) -> Iterator[bytes]:
    asked = "".join(f"{name}\n" for name in objects).encode()
    out = git(root, "--no-replace-objects", "cat-file", "--batch", stdin=asked).stdout
    at = 0
    for _ in objects:
        end = out.index(b"\n", at)
        words = out[at:end].split(b" ")
        at = end + 1
        if words[-1] == b"missing":
            yield b""
            continue
        size = int(words[-1])
        yield out[at : at + size]
        at += size + 1
