"""A release's served model, brought to this machine from wherever it still is, and verified before it is put there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.files import digest_of, outputs
from weighlock.layout import MODEL, SIGNATURE
from weighlock.releases.find import folder_of
from weighlock.releases.github import from_github
from weighlock.releases.rebuild import rebuilt
from weighlock.releases.record import read_release
from weighlock.releases.sources import NotThereError, from_cache, from_remote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from weighlock.releases.record import Release

SOURCES: dict[str, Callable[[Release, Path], dict[str, bytes]]] = {
    "DVC's cache": from_cache,
    "DVC's remote": from_remote,
    "the GitHub release's assets": from_github,
}
REBUILD = "a rebuild"
HERE = "this machine"


@dataclass(frozen=True)
class Fetched:
    """Where a release's model is now.

    Attributes:
        folder: with its files.
        source: where it came from.
        failed: (source, reason) of each that was asked before.
    """

    folder: Path
    source: str
    failed: tuple[tuple[str, str], ...] = ()


def fetch_release(version: str, root: Path, *, rebuild: bool = True) -> Fetched:
    """Put a release's served model into `models/releases/<version>/`, whole and verified, or change nothing.

    Args:
        version: of a record in `releases/`.
        root: the repository.
        rebuild: where it is nowhere, run the pipeline of its commit.

    Raises:
        EvidenceError: there is no such release, or its model is nowhere to be had; each source is named with its
            reason.
        StorageError: the disk is full or read-only.
    """
    return fetch_recorded(read_release(version, root), root, rebuild=rebuild)


def fetch_recorded(release: Release, root: Path, *, rebuild: bool = True) -> Fetched:
    """The same, of a record that the working tree need not hold.

    Raises:
        EvidenceError, StorageError: as `fetch_release`.
    """
    version = release.version
    folder = root / folder_of(version)
    failed: list[tuple[str, str]] = []
    if folder.is_dir():
        try:
            verify(release, {path: (folder / _name(path)).read_bytes() for path in release.served.files})
            return Fetched(folder, HERE)
        except (NotThereError, OSError) as error:
            failed.append((f"`{folder_of(version)}`", str(error)))
    files, source, more = obtain(release, root, rebuild=rebuild)
    _put(files, release, root)
    return Fetched(folder, source, (*failed, *more))


def obtain(release: Release, root: Path, *, rebuild: bool) -> tuple[dict[str, bytes], str, tuple[tuple[str, str], ...]]:
    """The served model's files, path -> content, verified; where they came from, and who did not have them and why.

    Raises:
        EvidenceError: nobody has them.
    """
    failed: list[tuple[str, str]] = []
    for name, source in {**SOURCES, **({REBUILD: rebuilt} if rebuild else {})}.items():
        try:
            files = source(release, root)
            verify(release, files)
        except NotThereError as error:
            failed.append((name, str(error)))
        else:
            return files, name, tuple(failed)
    reasons = "".join(f"\n  - {name}: {reason}" for name, reason in failed)
    then = "Mend one of them (`docs/releases.md`)" if rebuild else "Leave `--no-rebuild` out to make it again"
    raise EvidenceError(
        f"the model of `{release.version}`, {release.served.digest}, is nowhere to be had:{reasons}\n{then}. Nothing "
        "was changed."
    )


def verify(release: Release, files: Mapping[str, bytes]) -> None:
    """See that these are the release's files, byte for byte.

    Raises:
        NotThereError: one is missing, or is another.
    """
    for path, stated in release.served.files.items():
        found = hashlib.md5(files[path], usedforsecurity=False).hexdigest() if path in files else "missing"
        if found != stated:
            raise NotThereError(f"`{_name(path)}` is {found}, but the record says {stated} (MD5)")
    by_name = {_name(path): content for path, content in files.items()}
    for name, stated in ((MODEL, release.served.digest), (SIGNATURE, release.served.signature)):
        content = by_name.get(name)
        digest = "missing" if content is None else digest_of(content)
        if digest != stated:
            raise NotThereError(f"`{name}` is {digest}, but the record says {stated}")


def _put(files: Mapping[str, bytes], release: Release, root: Path) -> None:
    with outputs(f"fetch-{release.version}", root) as out:
        folder = out.folder(folder_of(release.version))
        for path, content in files.items():
            (folder / _name(path)).write_bytes(content)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
