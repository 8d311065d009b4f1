"""Files as git knows them: mode and blob, in a commit's tree, in the index and in the working tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import RepositoryError
from weighlock.releases.repository import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "100644"


@dataclass(frozen=True)
class Entry:
    """A file: its mode, and the id of the blob with its content."""

    mode: str
    blob: str


Entries = dict[str, Entry | None]  # by path from the working tree's top; None: no such file


def of_tree(top: Path, commit: str, paths: Iterable[str]) -> Entries:
    """What a commit holds at these paths."""
    found: Entries = dict.fromkeys(paths)
    listed = ask(top, "--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", *found)
    for path, (mode, _, blob) in _lines(listed):
        found[path] = Entry(mode, blob)
    return found


def of_index(top: Path, paths: Iterable[str]) -> Entries:
    """What is staged at these paths.

    Raises:
        RepositoryError: one of them has a conflict.
    """
    found: Entries = dict.fromkeys(paths)
    listed = ask(top, "--literal-pathspecs", "ls-files", "-z", "--stage", "--", *found)
    for path, (mode, blob, stage) in _lines(listed):
        if stage != "0":
            raise RepositoryError(f"`{path}` has a conflict. Resolve it first; nothing was changed.")
        found[path] = Entry(mode, blob)
    return found


def of_files(top: Path, entries: Entries) -> Entries:
    """What the working tree holds at the paths of `entries`, by whose modes it goes."""
    found: Entries = dict.fromkeys(entries)
    there = [path for path in entries if (top / path).is_file()]
    listed = "".join(f"{path}\n" for path in there).encode()
    blobs = ask(top, "hash-object", "--no-filters", "--stdin-paths", stdin=listed).splitlines() if there else []
    for path, blob in zip(there, blobs, strict=True):
        entry = entries[path]
        found[path] = Entry(entry.mode if entry else FILE, blob)
    return found


def index_info(entries: Entries) -> bytes:
    """The entries as `git update-index -z --index-info` takes them."""
    lines = (f"{e.mode} {e.blob}\t{path}" if e else f"0 {'0' * 40}\t{path}" for path, e in entries.items())
    return "".join(f"{line}\0" for line in lines).encode()


def _lines(listed: str) -> Iterator[tuple[str, list[str]]]:
    for line in filter(None, listed.split("\0")):
        fields, _, path = line.partition("\t")
        yield path, fields.split()
