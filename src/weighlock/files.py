"""Writing files so that a reader sees the old ones or the new ones, never half of either."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}


class Outputs:
    """A staging folder in which a stage's outputs grow until all of them are complete."""

    def __init__(self, root: Path, staging: Path) -> None:
        self.root = root
        self._staging = staging
        self._paths: list[str] = []

    def path(self, relative: str) -> Path:
        """Where to write the output `relative`; it appears at its place on publishing."""
        self._paths.append(relative)
        target = self._staging / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def folder(self, relative: str) -> Path:
        """Like `path`, for an output that is a folder."""
        target = self.path(relative)
        target.mkdir(exist_ok=True)
        return target

    def json(self, relative: str, content: Any) -> None:
        """Write `content` as an output in JSON, keys in the order given, NaN refused."""
        self.path(relative).write_text(to_json(content), encoding="utf-8")

    def publish(self) -> None:
        """Move every output to its place; one that is already there is replaced whole."""
        for relative in self._paths:
            source, target = self._staging / relative, self.root / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(source)
            if target.is_dir():
                # A folder cannot be replaced in one step: between these two there is none, never half.
                target.rename(self._staging / f"{len(self._paths)}.old")
            source.replace(target)


@contextmanager
def outputs(name: str, root: Path | None = None) -> Iterator[Outputs]:
    """Collect the outputs of the step `name` below `root` and publish them all at the end.

    Nothing is published when the body raises. What an earlier, killed run left behind is swept first.

    Raises:
        StorageError: the disk is full, read-only or not ours to write; nothing was changed.
    """
    root = root or Path.cwd()
    staging = root / f".staging-{name}"
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        out = Outputs(root, staging)
        yield out
        out.publish()
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = error.filename or root
        raise StorageError(
            f"`{name}` stopped at `{where}`: {error.strerror or error}. Nothing was changed. "
            "Free some space or mend the rights, then run it again."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replace the file `path` by `text` in one step."""
    with outputs(f"write-{path.name}", path.parent) as out:
        out.path(path.name).write_text(text, encoding="utf-8")


def to_json(content: Any) -> str:
    """`content` as JSON with a final newline; raises ValueError for NaN and infinities."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path, made_by: str) -> Any:
    """The content of a JSON file that the command `made_by` writes.

    Raises:
        EvidenceError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvidenceError(f"`{path}` is missing. Run `{made_by}` first.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise EvidenceError(f"`{path}` is not JSON ({error}). Run `{made_by}` again.") from error


def file_digest(path: Path) -> str:
    """`sha256:…` of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def digest_of(content: bytes) -> str:
    """`sha256:…` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _sync(path: Path) -> None:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    for file in files:
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
