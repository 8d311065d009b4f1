"""Compaction: each row once, whenever the process dies, whoever still writes, whatever the values."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.logged import KEY, MODEL, Log, dies_at, feedback, record, together

from weighlock.errors import ConfigError, EvidenceError, StorageError
from weighlock.monitoring.log_compact import taken
from weighlock.monitoring.log_record import Feedback, Record, encode
from weighlock.monitoring.log_store import LABELS, Store, current, next_name
from weighlock.monitoring.log_table import to_rows, to_table


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


# --- what comes out


def test_rows_are_in_the_days_of_their_own_time(log: Log) -> None:
    rows = [record("a"), record("b", days=0.5), record("c", days=-0.51), feedback("a", days=2)]
    log.write(*rows)

    done = log.compact()

    assert done.written == {"predictions": 3, "labels": 1}
    assert {name.rpartition("/")[0] for kind in ("predictions", "labels") for name in log.store.names(kind)} == {
        "predictions/day=2026-01-31", "predictions/day=2026-02-01", "predictions/day=2026-01-30",
        "labels/day=2026-02-02",
    }  # fmt: skip
    assert log.segments() == []
    assert log.in_days() + log.in_days(LABELS) == [rows[2], rows[0], rows[1], rows[3]]


def test_a_request_of_many_rows_gives_each_row_once_however_often_it_is_taken(log: Log) -> None:
    rows = [record("a", "jo", label="late"), record("b", "jo", flags=["range:distance"], features={"distance": -1})]
    live = log.write(together(*rows), close=False)
    assert log.compact().written["predictions"] == 2
    live.path.with_suffix(".taken").unlink()

    done = log.compact()

    assert (done.written["predictions"], done.repeated) == (0, 2)
    assert [row.id for row in log.cat()] == ["a", "b"]
    assert [(row.label, row.flags) for row in log.in_days()] == [("late", []), (None, ["range:distance"])]


def test_what_stands_in_parquet_is_what_was_logged(log: Log) -> None:
    rows = [
        record("a", "x/../y", flags=["unseen:carrier", "range:distance"], request="r\0", label="late"),
        record("b", score=None, scores={"low": 0.5, "high": 0.5}, features={"id": "1", "time": "\n", "a.b": True}),
        record(
            "c", score=None, value=-1e300, features={"id": None, "time": "\ud800".encode("utf-8", "replace").decode()}
        ),
        record("d", features={}),
    ]
    log.write(*rows)
    log.compact()

    read = {row.id: row for row in log.in_days() if isinstance(row, Record)}
    for row in rows:
        features = {name: value for name, value in read[row.id].features.items() if value is not None}
        assert features == {name: value for name, value in row.features.items() if value is not None}
        assert (
            encode(row)[: encode(row).index(b'"features"')] == encode(read[row.id])[: encode(row).index(b'"features"')]
        )
        for name in ("entity", "request", "score", "value", "scores", "label", "flags"):
            assert getattr(read[row.id], name) == getattr(row, name)


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ([1, 2.5, None], [1.0, 2.5, None]),
        ([True, False, None], [True, False, None]),
        ([True, 2], [1.0, 2.0]),
        (["a", 1, 2.5, True, None], ["a", "1", "2.5", "true", None]),
        ([10**400, 1], [str(10**400), "1"]),
        ([None, None], [None, None]),
    ],
)
def test_values_of_one_feature_share_a_type(values: list[object], stored: list[object]) -> None:
    rows = [record(f"{i:02}", features={"x": value, "y": 1.0}) for i, value in enumerate(values)]

    read = [row.features["x"] for row in to_rows(to_table(rows)) if isinstance(row, Record)]

    assert read == stored
    assert list(map(type, read)) == list(map(type, stored))


def test_rows_without_any_feature_can_be_stored(log: Log) -> None:
    log.write(
        record("a", features={}), Feedback("a", "late", record("a").time), Feedback("a", None, record("b", days=1).time)
    )
    log.compact()

    assert [row.id for row in log.cat()] == ["a"]
    assert [row.truth for row in log.cat(LABELS) if isinstance(row, Feedback)] == ["late", None]


# --- again, and again


def test_a_row_that_is_logged_twice_is_stored_once(log: Log) -> None:
    log.write(record("a"), record("a"))
    log.write(record("a"), record("b"))
    log.compact()
    log.write(record("b"), record("c"))

    done = log.compact()

    assert (done.written["predictions"], done.repeated) == (1, 1)
    assert log.ids() == ["a", "b", "c"]


def test_a_prediction_may_be_told_several_truths(log: Log) -> None:
    told = [feedback("a", truth=False), feedback("a", truth=True, days=0.1)]
    log.write(*told, told[0])
    log.compact()
    log.write(*told)
    log.compact()

    assert log.in_days(LABELS) == told


def test_a_live_segment_gives_its_whole_lines_and_stays(log: Log) -> None:
    writer = log.write(record("a"), close=False)
    with writer.path.open("ab") as file:
        file.write(encode(record("b"))[:50])

    done = log.compact()

    assert (done.active, done.removed, done.torn, log.ids()) == (1, 0, 0, ["a"])
    with writer.path.open("ab") as file:
        file.write(encode(record("b"))[50:] + b"\n")
    writer.append([encode(record("c"))])
    assert log.compact().repeated == 0
    assert log.ids() == ["a", "b", "c"]
    writer.close()
    assert log.compact().removed == 1
    assert (log.ids(), log.segments()) == (["a", "b", "c"], [])
    assert list((log.folder / "segments").iterdir()) == []


def test_a_torn_last_line_is_counted_and_dropped_once_its_writer_is_dead(log: Log) -> None:
    writer = log.write(record("a"))
    writer.path.write_bytes(writer.path.read_bytes() + encode(record("b"))[:-5])

    assert (log.compact().torn, log.ids(), log.segments()) == (1, ["a"], [])


def test_a_segment_with_lines_of_another_version_stays(log: Log) -> None:
    writer = log.write(record("a"))
    writer.path.write_bytes(writer.path.read_bytes() + b'{"kind":"explanation"}\n' + encode(record("b")) + b"\n")

    for _ in range(2):
        done = log.compact()
        assert (done.foreign, done.kept) == (1, [writer.path.name])
    assert log.ids() == ["a", "b"]
    assert b"explanation" in writer.path.read_bytes()


def test_a_lost_note_of_what_was_taken_does_no_harm(log: Log) -> None:
    writer = log.write(record("a"), close=False)
    log.compact()
    assert taken(writer.path) > 0
    writer.path.with_suffix(".taken").write_text("")
    log.compact()

    assert log.ids() == ["a"]


def test_many_rows_are_written_in_pieces(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.monitoring.log_compact.CHUNK", 3)
    monkeypatch.setattr("weighlock.monitoring.log_compact._OPEN", 2)
    for part in range(5):
        log.write(*(record(f"{part}{i}") for i in range(4)))

    log.compact()

    assert log.ids() == [f"{part}{i}" for part in range(5) for i in range(4)]
    assert log.segments() == []


# --- crashes


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 50), max_size=4), st.booleans())
def test_whenever_it_dies_each_row_is_there_once_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, deaths: list[int], live: bool
) -> None:
    log = Log(tmp_path_factory.mktemp("log"))
    names = itertools.count()
    written = []
    for death in [*deaths, 10**6]:
        rows = [record(f"{next(names):03}", days=day) for day in (0, 0, 1)]
        log.write(*rows, feedback(rows[0].id), close=not live)
        written += [row.id for row in rows]
        with dies_at(death, monkeypatch):
            log.compact()
        assert [row.id for row in log.cat()] == sorted(written, key=lambda n: (int(n) % 3 == 2, n))

    assert log.ids() == sorted(written)
    assert log.ids(LABELS) == written[::3]
    assert list(log.folder.rglob(".*")) == []


def test_a_disk_that_fills_up_leaves_the_segments(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(record("a"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("weighlock.monitoring.log_store.os.fsync", full)
        with pytest.raises(StorageError, match="cannot be written: No space left on device"):
            log.compact()
    assert len(log.segments()) == 1
    assert list(log.folder.rglob(".*")) == []
    log.compact()
    assert log.ids() == ["a"]


def test_a_generation_that_was_replaced_does_not_count_and_is_removed(log: Log) -> None:
    log.write(record("a"), record("b"))
    log.compact()
    (name,) = log.store.names("predictions")
    table = log.store.read_table(name)
    log.store.write_table(next_name(name), table.slice(1))

    assert [row.id for row in log.cat()] == ["b"]
    log.compact()
    assert log.store.names("predictions") == [next_name(name)]
    assert current([next_name(next_name(name)), name, "x/day=1/note.txt"]) == ([next_name(next_name(name))], [name])


# --- time


def test_days_older_than_the_retention_go_and_late_rows_with_them(log: Log) -> None:
    log.write(record("old", days=-3), record("new"), feedback("old", days=-3))
    log.compact()
    log.write(record("late", days=-3))

    done = log.compact(retention=2)

    assert done.days == ["labels of 2026-01-28", "predictions of 2026-01-28"]
    assert (done.expired, log.ids(), log.ids(LABELS)) == (1, ["new"], [])
    assert log.compact(days=4000, retention=None).days == []
    assert log.ids() == ["new"]


def test_a_clock_that_steps_back_only_changes_the_day(log: Log) -> None:
    log.write(record("a"), record("b", days=-1), record("c"))
    log.compact(days=-1)

    assert [row.id for row in log.cat()] == ["b", "a", "c"]


# --- where


def test_days_can_be_in_an_object_store(tmp_path: Path) -> None:
    log = Log(tmp_path, to=f"memory://{tmp_path.name}-bucket/days")
    log.write(record("a", "jo"), record("b"))
    log.compact()
    assert [row.id for row in log.cat()] == ["a", "b"]
    assert fsspec.filesystem("memory").find(f"/{tmp_path.name}-bucket/days/predictions")

    log.forget("jo")

    assert log.ids() == ["b"]
    log.write(record("c", "jo"))
    assert log.compact().forgotten == 1


def test_a_place_that_cannot_write_whole_files_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot write a file in one step"):
        Store("http://localhost/log")
    with pytest.raises(ConfigError, match="cannot be opened"):
        Store("nowhere://x")


def test_without_a_log_there_is_nothing_to_compact(log: Log) -> None:
    with pytest.raises(EvidenceError, match="holds no prediction log"):
        log.compact()


def test_a_file_that_is_no_parquet_is_named(log: Log) -> None:
    log.write(record("a"))
    log.compact()
    (name,) = log.store.names("predictions")
    (log.folder / name).write_bytes(b"torn")
    log.write(record("b"))

    with pytest.raises(EvidenceError, match=r"\.0\.parquet` is no Parquet file"):
        log.compact()
    assert len(log.segments()) == 1


def test_times_are_in_parquet_as_instants(log: Log) -> None:
    log.write(record("a"))
    log.compact()
    (name,) = log.store.names("predictions")

    table = log.store.read_table(name)

    assert table["time"].to_pylist() == [dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)]
    assert table["model"].to_pylist() == [{"name": MODEL.name, "version": MODEL.version, "digest": MODEL.digest}]
    assert KEY.name
