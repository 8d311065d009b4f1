"""The folder in which the workers of one service count together: made at its start, removed at its end.

A supervisor that is killed cannot remove its own, so the next start does. A lock, which dies with its holder, says
whose folder is in use: the supervisor's on `owner`, and each worker's on its counts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from weighlock.locks import try_lock

PREFIX = "weighlock-"
OWNER = "owner"
_TRIES = 8


@contextmanager
def run_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder for the present process's workers, once those of dead services are gone.

    Args:
        parent: where such folders are; by default the system's temporary folder.

    Raises:
        OSError: it cannot be made.
    """
    place = parent or Path(tempfile.gettempdir())
    sweep(place)
    with ExitStack() as held:
        folder = _begin(place, held)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(place: Path) -> list[Path]:
    """Remove the folders of this user's services that are dead; which these were. What cannot be told stays."""
    return [folder for folder in sorted(place.glob(f"{PREFIX}*")) if _sweep(folder)]


def _begin(place: Path, held: ExitStack) -> Path:
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        file = _open(folder / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        # Between these two another start may have taken the folder for one whose owner is dead.
        if try_lock(file) and os.fstat(file).st_nlink:
            held.callback(os.close, file)
            return folder
        os.close(file)
    raise OSError(f"{place}: no folder could be made, as another process keeps removing them")


def _sweep(folder: Path) -> bool:
    with ExitStack() as held:
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                return False
            for path in (folder / OWNER, *folder.glob("*.metrics")):
                file = _open(path, os.O_RDWR)
                held.callback(os.close, file)
                if not try_lock(file):
                    return False
        except OSError:  # it is none of ours, or its owner removes it
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
