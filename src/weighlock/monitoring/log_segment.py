"""Segments: the append-only files in which the prediction log grows, one for each process that writes.

A segment is a line of JSON for each row, or for all rows of a large request. Its writer holds a lock on it (flock) for
as long as it lives, so that anyone can tell whether more may come. What `write(2)` has returned for is in the page
cache: `kill -9` loses none of it; a power cut may lose what the kernel had not yet written.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from weighlock.errors import StorageError
from weighlock.locks import try_lock
from weighlock.monitoring.log_record import Row, decode

DEFAULT_FOLDER = Path("log")
SEGMENTS = "segments"
SUFFIX = ".jsonl"
MAX_BYTES = 64 << 20
READ = 1 << 20
_DAY = 86_400
_TRIES = 8
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


class LogFailure(StorageError):  # noqa: N818  (the word of `serve.on_log_failure`)
    """The log cannot be written: none of the records that were given stands in it."""


class LogWriter:
    """The one writer of a segment; not for use by several threads at once."""

    def __init__(self, folder: Path, worker: str, max_bytes: int, clock: Callable[[], float]) -> None:
        self._folder = folder / SEGMENTS
        self._worker = _ODD.sub("-", worker) or "worker"
        self._max_bytes = max_bytes
        self._clock = clock
        self._file = -1
        self._size = 0
        self._day = 0
        self._torn = False
        self.path = self._folder

    @classmethod
    def open(
        cls, folder: Path, worker: str, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time
    ) -> LogWriter:
        """Start a segment in `folder`/segments.

        Args:
            folder: the log's; it is made where it is missing.
            worker: names the process among those of one server; need not be unique.
            max_bytes: a segment that has grown to this is closed, and a new one begun.
            clock: seconds since the epoch; a new UTC day begins a new segment.

        Raises:
            LogFailure: the folder cannot be written, or its file system has no locks.
        """
        writer = cls(folder, worker, max_bytes, clock)
        writer._begin()
        return writer

    def append(self, records: Sequence[bytes]) -> None:
        """Write the lines that `encode` made of one request's rows; as `write`.

        Raises:
            LogFailure: the disk is full, read-only or broken.
            ValueError: a record holds a newline.
        """
        if not records:
            return
        data = b"\n".join(records) + b"\n"
        if data.count(b"\n") != len(records):
            raise ValueError("a record of the prediction log is one line")
        self.write(data)

    def write(self, lines: bytes) -> None:
        """Write whole lines, each with its newline, such as `encode_lines` makes, all of them in one write(2).

        When this returns they are with the kernel and outlive the process. When it raises, none of them counts, the
        segment ends in a whole line (or the next one starts on a new line), and the next call tries anew.

        Raises:
            LogFailure: the disk is full, read-only or broken.
        """
        if not lines:
            return
        if self._file < 0 or self._size >= self._max_bytes or self._clock() // _DAY != self._day or self._lost():
            self._begin()
        try:
            self._write(b"\n" + lines if self._torn else lines)
        except OSError as error:
            self._repair()
            raise self._failure(error) from error
        self._torn = False

    def close(self) -> None:
        """Give the segment up: from here on it can be compacted. Closing twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        written = 0
        while written < len(data):
            written += os.write(self._file, view[written:])
        self._size += written

    def _repair(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
        except OSError:  # what was written of the lines stays: a torn line, which readers pass over
            self._torn = True
            with contextlib.suppress(OSError):
                self._size = os.fstat(self._file).st_size

    def _lost(self) -> bool:
        """Whether someone has removed the segment: what is written to it now would be gone with the process."""
        return os.fstat(self._file).st_nlink == 0

    def _begin(self) -> None:
        seconds = self._clock()
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file, path = _create(self._folder, self._worker, seconds)
        except OSError as error:
            raise self._failure(error) from error
        self.close()
        self._file, self.path, self._size, self._torn = file, path, 0, False
        self._day = int(seconds // _DAY)

    def _failure(self, error: OSError) -> LogFailure:
        return LogFailure(
            f"the prediction log `{self.path}` cannot be written: {error.strerror or error}. Free some space or mend "
            "the rights; the next row is tried again."
        )


def _create(folder: Path, worker: str, seconds: float) -> tuple[int, Path]:
    """A new locked file; its name holds when, where and by whom, and sorts by time."""
    host = _ODD.sub("-", socket.gethostname()) or "host"
    when = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06}Z"
    for _ in range(_TRIES):
        path = folder / f"{when}-{host}-{worker}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # Between these two a compaction may have taken the empty file for one that was given up.
            if try_lock(file) and os.fstat(file).st_nlink:
                return file, path
        except OSError:
            os.close(file)
            path.unlink(missing_ok=True)
            raise
        os.close(file)
    raise OSError(f"{folder}: no segment could be begun, as another process keeps removing them")


class Segments:
    """The rows of a log's segments; after (or while) they are iterated over, what could not be read is counted.

    Attributes:
        torn: lines that a crash or a full disk cut off. No answer left for them.
        foreign: lines of JSON that are no row of this log, as another version may have written.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.torn = 0
        self.foreign = 0

    def __iter__(self) -> Iterator[Row]:
        for path in self.paths:
            for _, line in lines(path):
                yield from self.rows(line)

    def rows(self, line: bytes) -> list[Row]:
        """A line's rows; none where it cannot be read, which is counted."""
        if line.startswith(b" ") or not line:  # forgotten, or on its way there
            return []
        try:
            return decode(line)
        except msgspec.ValidationError:
            self.foreign += 1
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.torn += 1
        except (ValueError, RecursionError):  # a time that is none; what is nested beyond reason
            self.foreign += 1
        return []


def read_segments(folder: Path) -> Segments:
    """The rows of every segment of the log in `folder`, oldest segment first; an unreadable line is passed over.

    A line that is still being written counts as torn.
    """
    return Segments(segment_paths(folder))


def segment_paths(folder: Path) -> list[Path]:
    """Every segment of the log in `folder`, oldest first."""
    return sorted((folder / SEGMENTS).glob(f"*{SUFFIX}"))


def lines(path: Path, start: int = 0, *, whole: bool = False) -> Iterator[tuple[int, bytes]]:
    """The lines of a segment with the offset of each, without their newlines.

    Args:
        path: the segment; one that is gone has none.
        start: the offset of the first line.
        whole: leave out what follows the last newline, which its writer may be writing.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        rest, offset = b"", start
        while block := file.read(READ):
            *complete, rest = (rest + block).split(b"\n")
            for line in complete:
                yield offset, line
                offset += len(line) + 1
        if rest and not whole:
            yield offset, rest


@contextlib.contextmanager
def given_up(path: Path) -> Iterator[bool]:
    """Whether a segment's writer has closed it or died; while this lasts, no one else takes it for that."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield try_lock(file)
    finally:
        os.close(file)


def blank(path: Path, places: Sequence[tuple[int, int]]) -> None:
    """Overwrite lines of a segment with spaces, each given by its offset and length.

    The writer of a live segment only ever appends, so the two never meet. A line that begins with a space is read as
    none, so one that a crash left half blank is known for what it is, and blanked by whoever comes next.
    """
    if not places:
        return
    file = os.open(path, os.O_WRONLY)
    try:
        for offset, length in places:
            spaces, done = b" " * length, 0
            while done < length:
                done += os.pwrite(file, spaces[done:], offset + done)
        os.fsync(file)
    finally:
        os.close(file)
