"""Where the compacted days are: a local folder, or an object store that fsspec knows.

A file is written whole or not at all, and never changed: erasing writes the next generation of it
(`…-4f1c.0.parquet`, then `…-4f1c.1.parquet`) and removes the one before. So two machines that compact into one store
lose nothing of each other's, and a crash between the two steps shows no row twice.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import io
import os
import re
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from weighlock.errors import ConfigError, EvidenceError, StorageError
from weighlock.monitoring.log_segment import given_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# What writes a file in one step. Others would show half of one to whoever reads meanwhile.
WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"}
FOLDERS = (PREDICTIONS, LABELS, FORGOTTEN) = ("predictions", "labels", "forgotten")
_HALF = re.compile(r"\..+\.(parquet|json)\.[0-9a-f]{8}")
_NAME = re.compile(r"(?P<stem>.*)\.(?P<generation>\d+)\.parquet")
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")


class Store:
    """Files by their names relative to one folder."""

    def __init__(self, where: str) -> None:
        """Open a folder or URL; nothing is made yet.

        Raises:
            ConfigError: fsspec does not know the URL, or its store cannot write a file in one step.
        """
        import fsspec

        self.where = where
        try:
            self._fs, self._root = fsspec.core.url_to_fs(where)
        except (ValueError, ImportError, OSError) as error:
            raise ConfigError(f"`{where}` cannot be opened: {error}.") from error
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._local = "file" in protocols
        if not self._local and not protocols & WHOLE:
            raise ConfigError(
                f"`{where}`: {sorted(protocols)[0]} cannot write a file in one step. Name a local folder or an object "
                f"store ({', '.join(sorted(WHOLE - {'memory'}))})."
            )

    def names(self, folder: str) -> list[str]:
        """The files below a folder, in order; none where there is none."""
        self._fs.invalidate_cache()
        with self._told("read"):
            try:
                found = self._fs.find(self._path(folder))
            except FileNotFoundError:
                return []
        start = len(self._root.rstrip("/")) + 1
        return sorted(path[start:] for path in found if not path.rpartition("/")[2].startswith("."))

    def read(self, name: str) -> bytes | None:
        """A file's content; None where it is gone."""
        with self._told("read"):
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        self._fs.invalidate_cache()
        with self._told("read"):
            return bool(self._fs.exists(self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, or raise StorageError."""
        with self._told("written"):
            if self._local:
                _replace(Path(self._path(name)), lambda file: file.write(content))
            else:
                self._fs.pipe_file(self._path(name), content)

    def write_with(self, name: str, fill: Callable[[IO[bytes]], object]) -> None:
        """Like `write`, for what does not fit into memory: `fill` writes it to a file."""
        with self._told("written"):
            if self._local:
                _replace(Path(self._path(name)), fill)
                return
            with tempfile.NamedTemporaryFile() as file:
                fill(file)
                file.flush()
                self._fs.put_file(file.name, self._path(name))

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is none to worry about."""
        with self._told("removed"):
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return
            if self._local:
                _remove_empty(Path(self._path(name)).parent)

    def sweep(self) -> int:
        """Remove the halves of files that killed processes left behind; how many there were."""
        if not self._local:
            return 0
        with self._told("swept"):
            ours = [path for folder in FOLDERS for path in Path(self._root, folder).rglob(".*")]
            halves = [path for path in ours if _HALF.fullmatch(path.name) and _abandoned(path)]
            for path in halves:
                path.unlink(missing_ok=True)
        return len(halves)

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write a Parquet file."""
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self.write(name, buffer.getvalue())

    def read_table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """A Parquet file, or those of its columns that it has; None where it is gone."""
        with self.parquet(name) as file:
            if file is None:
                return None
            return file.read(None if columns is None else [c for c in columns if c in file.schema_arrow.names])

    @contextmanager
    def parquet(self, name: str) -> Iterator[Any]:
        """An open pyarrow.parquet.ParquetFile; None where it is gone.

        Raises:
            EvidenceError: it is no Parquet file.
        """
        with self._told("read"):
            try:
                handle = self._fs.open(self._path(name), "rb")
            except FileNotFoundError:
                yield None
                return
        with handle:
            try:
                file = pq.ParquetFile(handle)
            except pa.ArrowInvalid as error:
                raise EvidenceError(
                    f"`{self.where}/{name}` is no Parquet file ({error}). Weighlock writes whole ones: move it away, "
                    "and find out what did this."
                ) from error
            yield file

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        # object stores raise errors of their own libraries, which have no common base
        try:
            yield
        except (FileNotFoundError, EvidenceError):
            raise
        except Exception as error:
            reason = getattr(error, "strerror", None) or error
            raise StorageError(f"`{self.where}` cannot be {verb}: {reason}.") from error


def new_name(kind: str, day: str, at: dt.datetime) -> str:
    """A name for a new file of a day; no other process makes the same."""
    return f"{kind}/day={day}/{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}.0.parquet"


def next_name(name: str) -> str:
    """The name of the next generation of a file."""
    stem, generation = _parts(name)
    return f"{stem}.{generation + 1}.parquet"


def current(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The Parquet files that count, and those that a later generation has replaced."""
    best: dict[str, int] = {}
    parquet = [name for name in names if _NAME.fullmatch(name)]
    for name in parquet:
        stem, generation = _parts(name)
        best[stem] = max(generation, best.get(stem, 0))
    kept = [name for name in parquet if best[_parts(name)[0]] == _parts(name)[1]]
    return kept, sorted(set(parquet) - set(kept))


def day_of(name: str) -> str:
    """The day of a file, from its folder: 2026-01-31; empty where it has none."""
    match = _DAY.search(name)
    return match[1] if match else ""


def _parts(name: str) -> tuple[str, int]:
    match = _NAME.fullmatch(name)
    assert match is not None  # noqa: S101  (only names that match come here)
    return match["stem"], int(match["generation"])


def _replace(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # by which `sweep` knows that it is being written
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _abandoned(path: Path) -> bool:
    try:
        with given_up(path) as free:
            return free
    except FileNotFoundError:
        return False


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
