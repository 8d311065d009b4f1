"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weighlock.errors import EvidenceError, StorageError
from weighlock.files import digest_of, file_digest, outputs, read_json, to_json, write_text


def test_outputs_appear_together_at_the_end(tmp_path: Path) -> None:
    with outputs("step", tmp_path) as out:
        out.path("a/one.txt").write_text("1")
        folder = out.folder("b")
        (folder / "two.txt").write_text("2")
        assert not (tmp_path / "a").exists()

    assert (tmp_path / "a/one.txt").read_text() == "1"
    assert (tmp_path / "b/two.txt").read_text() == "2"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_a_failed_step_leaves_the_old_outputs(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("old")

    with pytest.raises(RuntimeError), outputs("step", tmp_path) as out:  # noqa: PT012
        out.path("one.txt").write_text("new")
        raise RuntimeError

    assert (tmp_path / "one.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["one.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/gone.txt").write_text("old")

    with outputs("step", tmp_path) as out:
        (out.folder("raw") / "new.txt").write_text("new")

    assert [p.name for p in (tmp_path / "raw").iterdir()] == ["new.txt"]


KILLED = """
import os, sys, time
from pathlib import Path
from weighlock.files import outputs
with outputs("step", Path(sys.argv[1])) as out:
    out.path("one.txt").write_text("new")
    print("written", flush=True)
    time.sleep(60)
"""


def test_a_killed_step_leaves_the_old_outputs_and_the_next_sweeps_up(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("old")
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    assert (tmp_path / "one.txt").read_text() == "old"
    with outputs("step", tmp_path) as out:
        out.path("one.txt").write_text("newer")
    assert (tmp_path / "one.txt").read_text() == "newer"
    assert [p.name for p in tmp_path.iterdir()] == ["one.txt"]


def test_a_full_disk_says_so_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("old")

    with pytest.raises(StorageError, match=r"No space left on device.*Nothing was changed"), outputs("step", tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert (tmp_path / "one.txt").read_text() == "old"


def test_a_write_past_the_limit_of_the_system_is_caught_for_real(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(StorageError, match="Nothing was changed"), outputs("step", tmp_path) as out:
            out.path("one.txt").write_bytes(b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)

    assert list(tmp_path.iterdir()) == []


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), outputs("step", tmp_path):
        raise IsADirectoryError(errno.EISDIR, "is a directory")


def test_text_is_replaced_in_one_step(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")

    assert (tmp_path / "a.txt").read_text() == "two"
    assert os.listdir(tmp_path) == ["a.txt"]  # noqa: PTH208


def test_json_refuses_what_json_cannot_hold() -> None:
    assert to_json({"b": 1, "a": "é"}) == '{\n  "b": 1,\n  "a": "é"\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"a": float("nan")})


def test_missing_and_torn_json_say_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="Run `dvc repro` first"):
        read_json(tmp_path / "a.json", "dvc repro")
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(EvidenceError, match="is not JSON"):
        read_json(tmp_path / "a.json", "dvc repro")


def test_sha256_of_known_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert (
        file_digest(tmp_path / "a")
        == digest_of(b"abc")
        == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
