"""Where DVC may still have a release's files: its cache on this machine, and its remote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.revisions import dvc_cache

if TYPE_CHECKING:
    from weighlock.releases.record import Release


class NotThereError(Exception):
    """A source does not have the files; the message says why."""


def from_cache(release: Release, root: Path) -> dict[str, bytes]:
    """The served model's files, path -> content, from DVC's cache.

    Raises:
        NotThereError: a file is not there, or DVC is not installed.
    """
    try:
        cache = dvc_cache(root)
    except ImportError:
        raise NotThereError("DVC is not installed here") from None
    found = {}
    for path, digest in release.served.files.items():
        file = cache / digest[:2] / digest[2:]
        try:
            found[path] = file.read_bytes()
        except OSError as error:
            raise NotThereError(f"`{path}` ({digest}) is not in `{cache}`: {error.strerror}") from None
    return found


def from_remote(release: Release, root: Path) -> dict[str, bytes]:
    """The same, from DVC's default remote.

    Raises:
        NotThereError: there is no remote, it does not answer, or a file is not there.
    """
    try:
        from dvc.config import NoRemoteError
        from dvc.exceptions import DvcException
        from dvc.repo import Repo
    except ImportError:
        raise NotThereError("DVC is not installed here") from None
    try:
        with Repo(str(root)) as repo:
            store = repo.cloud.get_remote_odb()
            return {path: _read(store, path, digest) for path, digest in release.served.files.items()}
    except NoRemoteError:
        raise NotThereError("DVC has no default remote (`dvc remote add --default NAME URL`)") from None
    except (DvcException, OSError, ValueError) as error:
        raise NotThereError(_said(error)) from error


def _read(store: object, path: str, digest: str) -> bytes:
    place = store.oid_to_path(digest)  # type: ignore[attr-defined]
    try:
        return bytes(store.fs.cat_file(place))  # type: ignore[attr-defined]
    except FileNotFoundError:
        raise NotThereError(f"`{path}` ({digest}) is not in it") from None


def _said(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
