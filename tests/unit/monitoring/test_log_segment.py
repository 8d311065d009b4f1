"""Segments: what was appended is there, whatever happens to the process, the disk or the clock."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.monitoring import log_segment
from weighlock.monitoring.log_segment import given_up, lines, segment_paths
from weighlock.monitoring.prediction_log import (
    Feedback,
    LogFailure,
    LogWriter,
    Model,
    Record,
    encode,
    now,
    read_segments,
)

MODEL = Model("flights", "v3", "sha256:00")


def record(name: str, **change: object) -> Record:
    base = Record(name, "2026-01-31T05:15:00.000001Z", MODEL, {"distance": 500.0, "carrier": "UA"}, score=0.25)
    return msgspec.structs.replace(base, **change)


def ids(folder: Path) -> list[str]:
    return [row.id for row in read_segments(folder)]


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    rows = [record("a", flags=["unseen:carrier"]), record("b", entity="x/y", features={"new": None, "n": 3, "t": True})]
    told = Feedback("a", truth=True, time=now())
    writer = LogWriter.open(tmp_path, "0")

    writer.append([encode(row) for row in rows])
    writer.append([encode(told)])
    writer.append([])

    assert list(read_segments(tmp_path)) == [*rows, told]


def test_one_request_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter.open(tmp_path, "0")
    calls: list[int] = []
    write = os.write
    monkeypatch.setattr(log_segment.os, "write", lambda file, data: calls.append(len(data)) or write(file, data))

    writer.append([encode(record(str(i))) for i in range(100)])

    assert len(calls) == 1
    assert len(ids(tmp_path)) == 100


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(st.dictionaries(st.text(), VALUES), st.text(), st.text())
def test_any_value_survives_but_lone_surrogates(
    tmp_path_factory: pytest.TempPathFactory, features: dict[str, object], entity: str, flag: str
) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = LogWriter.open(folder, "w\n/0")
    written = record("a", features=features, entity=entity, flags=[flag])

    writer.append([encode(written), encode(record("b"))])
    writer.close()

    segments = read_segments(folder)
    assert list(segments) == [written, record("b")]
    assert segments.torn == 0


def test_hostile_values_are_one_line_each(tmp_path: Path) -> None:
    hostile = ["\n{}\n", "\0", "\ud800x", "../../etc", "\u2028", '"}\n{"kind":"prediction"', "é" * 70_000]
    writer = LogWriter.open(tmp_path, "0")

    writer.append([encode(record("a", features={text: text}, entity=text)) for text in hostile])

    read = list(read_segments(tmp_path))
    assert [row.entity for row in read] == [text.replace("\ud800", "\ufffd") for text in hostile]
    assert sum(1 for _ in lines(writer.path)) == len(hostile)


def test_a_line_break_in_a_record_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path, "0")

    with pytest.raises(ValueError, match="is one line"):
        writer.append([b"{}", b"{}\n{}"])
    assert writer.path.read_bytes() == b""


def test_lines_that_are_made_already_are_written_as_records_are(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path, "0")

    writer.write(b"")
    writer.write(encode(record("a")) + b"\n" + encode(record("b")) + b"\n")
    writer.append([encode(record("c"))])

    assert [row.id for row in read_segments(tmp_path)] == ["a", "b", "c"]


@given(st.integers(0, 400))
def test_a_segment_cut_off_anywhere_gives_every_whole_line(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer = LogWriter.open(folder, "0")
    writer.append([encode(record(name)) for name in "abc"])
    writer.close()
    content = writer.path.read_bytes()
    writer.path.write_bytes(content[:kept])

    segments = read_segments(folder)

    read = [row.id for row in segments]
    whole = content[:kept].count(b"\n")
    rest = content[:kept].rpartition(b"\n")[2]
    complete = rest.endswith(b"}") and rest + b"\n" in content  # all but the newline is there
    assert read == list("abc")[: whole + complete]
    assert segments.torn == (bool(rest) and not complete)


def test_lines_of_another_version_are_told_from_torn_ones(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path, "0")
    times = [encode(record("x", time=time)) for time in ("yesterday", "2026-13-45T00:00:00Z")]
    odd = [b'{"kind":"other"}', b"[1]", b"[" * 5000, *times]
    writer.append([*odd, b'{"kind":"predic', b"\0\0\0", b"\xff", b"", b"   ", encode(record("a"))])

    segments = read_segments(tmp_path)

    assert [row.id for row in segments] == ["a"]
    assert (segments.foreign, segments.torn) == (len(odd), 3)


# --- the disk


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("NOT TESTED: a full disk. It takes root to mount one.")
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("NOT TESTED: a full disk. This machine mounts none.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_a_request_whole_and_goes_on_when_there_is_room(tiny: Path) -> None:
    writer = LogWriter.open(tiny, "0")
    request = [encode(record(f"{i}", entity="e" * 1000)) for i in range(7)]
    done = 0
    with contextlib.suppress(LogFailure):
        while True:
            writer.append(request)
            done += 1

    assert len(ids(tiny)) == done * 7  # nothing of the one that failed
    assert writer.path.read_bytes().endswith(b"}\n")
    with pytest.raises(LogFailure, match="No space left on device"):
        writer.append(request)
    subprocess.run(["mount", "-o", "remount,size=1m", str(tiny)], check=True)
    writer.append(request)
    segments = read_segments(tiny)
    assert len(list(segments)) == (done + 1) * 7
    assert segments.torn == 0


def test_a_disk_that_turns_read_only_is_said_and_forgiven(tiny: Path) -> None:
    writer = LogWriter.open(tiny, "0")
    writer.append([encode(record("a"))])
    writer.close()
    subprocess.run(["mount", "-o", "remount,ro", str(tiny)], check=True)

    with pytest.raises(LogFailure, match="Read-only file system"):
        writer.append([encode(record("b"))])
    with pytest.raises(LogFailure, match="Read-only file system"):
        LogWriter.open(tiny, "1")

    subprocess.run(["mount", "-o", "remount,rw", str(tiny)], check=True)
    writer.append([encode(record("c"))])
    assert ids(tiny) == ["a", "c"]


def test_where_a_torn_line_cannot_be_cut_off_the_next_one_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter.open(tmp_path, "0")
    writer.append([encode(record("a"))])
    write = os.write

    def broken(file: int, data: memoryview) -> int:
        if len(data) > 20:
            return write(file, data[:20])
        raise OSError(errno.EIO, "Input/output error")

    def no(file: int, size: int) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(log_segment.os, "write", broken)
        patch.setattr(log_segment.os, "ftruncate", no)
        with pytest.raises(LogFailure, match="Input/output error"):
            writer.append([encode(record("b"))])
    writer.append([encode(record("c"))])
    writer.append([encode(record("d"))])

    segments = read_segments(tmp_path)
    assert [row.id for row in segments] == ["a", "c", "d"]
    assert segments.torn == 1


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter.open(tmp_path, "0")
    write = os.write
    monkeypatch.setattr(log_segment.os, "write", lambda file, data: write(file, data[:7]))

    writer.append([encode(record("a")), encode(record("b"))])

    assert ids(tmp_path) == ["a", "b"]


def test_a_file_where_the_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")

    with pytest.raises(LogFailure, match="cannot be written"):
        LogWriter.open(tmp_path / "log", "0")


def test_a_segment_that_someone_removed_is_begun_anew(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path, "0")
    writer.append([encode(record("a"))])
    shutil.rmtree(tmp_path)

    writer.append([encode(record("b"))])

    assert ids(tmp_path) == ["b"]


# --- several at once


def test_two_servers_on_one_folder_share_no_file(tmp_path: Path) -> None:
    first, second = (LogWriter.open(tmp_path, "0", clock=lambda: 1000.0) for _ in range(2))
    for name in "abc":
        first.append([encode(record(name))])
        second.append([encode(record(name.upper()))])

    assert first.path != second.path
    assert sorted(ids(tmp_path)) == sorted("abcABC")


def test_a_segment_is_given_up_when_its_writer_closes_it(tmp_path: Path) -> None:
    writer = LogWriter.open(tmp_path, "0")
    with given_up(writer.path) as free:
        assert not free

    writer.close()
    writer.close()
    with given_up(writer.path) as free:
        assert free


def test_a_segment_taken_before_its_writer_locked_it_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = log_segment.try_lock, []

    def late(file: int) -> bool:
        if not taken:
            taken.append(segment_paths(tmp_path)[0])
            taken[0].unlink()
        return lock(file)

    monkeypatch.setattr(log_segment, "try_lock", late)
    writer = LogWriter.open(tmp_path, "0")
    writer.append([encode(record("a"))])

    assert writer.path != taken[0]
    assert ids(tmp_path) == ["a"]


def test_kill_9_loses_nothing_that_append_returned_for(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from weighlock.monitoring.prediction_log import *\n"
        "writer = LogWriter.open(Path(sys.argv[1]), '0')\n"
        "for i in range(10**9):\n"
        "    rows = [Record(f'{i}-{j}', now(), Model('m', 'v', 'd'), {'x': 1.0}) for j in range(3)]\n"
        "    writer.append([encode(row) for row in rows]); print(i, flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline().strip() for _ in range(300)]
        process.send_signal(signal.SIGKILL)
        answered += process.stdout.read().split()

    assert {f"{i}-{j}" for i in answered for j in range(3)} <= set(ids(tmp_path))
    with given_up(segment_paths(tmp_path)[0]) as free:
        assert free


# --- rotation and the clock


def test_a_segment_that_is_full_or_of_another_day_makes_room_for_the_next(tmp_path: Path) -> None:
    time = [86_400.0 * 20_000 - 1]
    writer = LogWriter.open(tmp_path, "0", max_bytes=600, clock=lambda: time[0])
    paths = []
    for step in (0, 0, 0, 0, 2, -2):  # 2: past midnight; -2: the clock steps back
        time[0] += step
        writer.append([encode(record("a"))])
        paths.append(writer.path)

    assert len({p.name[:8] for p in paths}) == 2
    assert len(set(paths)) == 4
    with given_up(paths[0]) as free:
        assert free
    assert len(ids(tmp_path)) == 6


def test_the_modules_of_the_image_load_none_of_what_it_lacks() -> None:
    script = (
        "import sys, weighlock.monitoring.prediction_log, weighlock.serving.keys\n"
        "lacks = {'pandas', 'pyarrow', 'pydantic', 'fsspec', 'yaml', 'scipy', 'sklearn'}\n"
        "print(sorted(lacks & set(sys.modules)))"
    )

    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "[]"
