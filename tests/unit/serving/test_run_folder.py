"""Folders of counts: a dead service's goes at the next start, a living one's never."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weighlock.serving import run_folder as module
from weighlock.serving.run_folder import OWNER, run_folder, sweep

# A service that says where it counts and waits.
SERVICE = """
import sys, time
from pathlib import Path
from weighlock.serving.run_folder import run_folder
with run_folder(Path(sys.argv[1])) as folder:
    (folder / "0.metrics").write_bytes(b"counts")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", SERVICE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_folder_lives_as_long_as_its_service(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o77 == 0
    assert list(tmp_path.iterdir()) == []


def test_the_next_start_removes_that_of_a_killed_service_and_spares_the_living(
    tmp_path: Path, service: subprocess.Popen[str]
) -> None:
    left = Path(service.stdout.readline().strip())
    with run_folder(tmp_path) as other:
        assert (left / "0.metrics").exists()  # alive
        service.send_signal(signal.SIGKILL)
        service.wait()
        with run_folder(tmp_path) as third:
            assert sorted(tmp_path.iterdir()) == sorted([other, third])


def test_a_worker_that_outlives_its_supervisor_keeps_the_folder(tmp_path: Path) -> None:
    with run_folder(tmp_path) as folder:
        left = tmp_path / "weighlock-left"
        folder.rename(left)  # as if its owner had been killed: the lock is gone, the folder is not
        folder.mkdir()
    with (left / "0.metrics").open("w") as counts:
        fcntl.flock(counts, fcntl.LOCK_EX)
        assert sweep(tmp_path) == []
    assert sweep(tmp_path) == [left]


def test_what_is_not_plainly_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / OWNER).touch()
    place = tmp_path / "temporary"
    place.mkdir()
    (place / "weighlock-a").mkdir()  # nobody's: a service that has just begun, or somebody else's notes
    (place / "weighlock-b").write_text("a file")
    (place / "weighlock-c").symlink_to(elsewhere)
    (place / "weighlock-d").mkdir()
    (place / "weighlock-d" / OWNER).symlink_to(elsewhere / OWNER)
    assert sweep(place) == []
    (place / "weighlock-a" / OWNER).touch()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # another user's
    assert sweep(place) == []
    monkeypatch.undo()
    assert sweep(place) == [place / "weighlock-a"]
    assert (elsewhere / OWNER).exists()


def test_a_start_whose_folder_is_swept_before_it_has_its_lock_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locking = module.try_lock
    swept: list[Path] = []

    def late(file: int) -> bool:
        monkeypatch.setattr(module, "try_lock", locking)
        swept.extend(sweep(tmp_path))
        return locking(file)

    monkeypatch.setattr(module, "try_lock", late)
    with run_folder(tmp_path) as folder:
        assert len(swept) == 1
        assert list(tmp_path.iterdir()) == [folder]
