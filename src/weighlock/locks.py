"""Locks on files: the kernel frees them, however their holder ends. Needs the standard library alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def try_lock(file: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file where nobody holds it; it goes with the last descriptor that shares it.

    Args:
        file: its descriptor.
        shared: others may take it so, too; what is locked for one alone refuses both.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock of a folder, or of a file that is made where it is missing, and hold it.

    Raises:
        OSError: it cannot be opened.
    """
    file = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
