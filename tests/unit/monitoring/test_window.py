"""The log by window: each row once, models apart, the latest truth that was known, whatever lies about."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.logged import KEY, MODEL, START, Log, feedback, record

from weighlock.errors import ConfigError, EvidenceError
from weighlock.monitoring import window_files
from weighlock.monitoring.log_record import Feedback, Model, Record, instant
from weighlock.monitoring.log_store import PREDICTIONS, Store, current, next_name
from weighlock.monitoring.log_table import to_table
from weighlock.monitoring.window import Part, Window, coverage, last_days, read_window, versions_in
from weighlock.monitoring.window_rows import typed
from weighlock.scoring.signature import Feature, Signature

DAY = dt.timedelta(days=1)
OTHER = Model("flights", "v4", "sha256:11")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def window(log: Log, days: float = 1, **options: Any) -> Window:
    return read_window(log.folder, START, START + days * DAY, key=KEY, **options)


def ids(part: Part) -> list[str]:
    return list(part.rows["id"].to_pylist())


def truths(part: Part) -> list[Any]:
    return list(part.rows["truth"].to_pylist())


# --- which rows


def test_rows_of_days_and_segments_are_there_once_in_the_order_of_time(log: Log) -> None:
    log.write(record("b", days=0.3), record("a", days=0.3), record("c"), record("before", days=-0.001), record("d"))
    log.compact()
    log.write(record("d"), record("e", days=0.9999), record("at the end", days=1))

    found = window(log)

    assert ids(found.one()) == ["c", "d", "a", "b", "e"]
    assert found.repeated == 1
    assert found.one().model == MODEL
    assert found.one().rows["score"].to_pylist() == [0.25] * 5


def test_only_the_folders_of_the_windows_days_are_opened(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(*(record(str(day), days=day) for day in range(-3, 6)))
    log.compact()
    opened = []
    parquet = Store.parquet
    monkeypatch.setattr(Store, "parquet", lambda self, name: opened.append(name) or parquet(self, name))

    window(log, days=1)

    assert sorted(name.split("/")[1] for name in opened) == ["day=2026-01-31", "day=2026-02-01"]


def test_an_empty_window_has_no_part(log: Log) -> None:
    log.write(record("a", days=5))

    found = window(log)

    assert (len(found), found.labelled, found.parts, versions_in(found), coverage(found, "UTC")) == (0, 0, (), [], [])
    with pytest.raises(EvidenceError, match=r"no prediction was logged from 2026-01-31 12:00"):
        found.one()


def test_two_versions_in_one_window_are_kept_apart(log: Log) -> None:
    rows = [record(f"a{i}", days=i / 10) for i in range(4)]
    others = [record(f"b{i}", days=i / 10 + 0.05, model=OTHER, features={"speed": 1.0}) for i in range(3)]
    log.write(*rows, *others, feedback("b1", "true", 2))
    log.compact()

    found = window(log)

    assert [(v.model, v.rows, v.labelled) for v in versions_in(found)] == [(MODEL, 4, 0), (OTHER, 3, 1)]
    assert versions_in(found)[1].first == START + 0.05 * DAY
    assert versions_in(found)[1].last == START + 0.25 * DAY
    assert found.of("v4") is found.parts[1]
    assert found.of("sha256:00") is found.parts[0]
    assert found.of("v5") is None
    with pytest.raises(EvidenceError, match=r"several models answered .*v3 \(4 rows\), v4 \(3 rows\)"):
        found.one()
    assert ids(window(log, versions=["v4"]).one()) == ["b0", "b1", "b2"]


def test_one_version_of_two_models_is_not_one(log: Log) -> None:
    log.write(record("a"), record("b", model=Model("flights", "v3", "sha256:22")))

    with pytest.raises(EvidenceError, match="`v3` stands for several models"):
        window(log).of("v3")


def test_only_the_features_that_are_asked_for_are_read(log: Log) -> None:
    log.write(record("a"), record("b", features={"a.b": 1.0, "a": 2.0, "carrier": "UA"}))
    log.compact()
    log.write(record("c"))

    assert window(log, columns=["carrier", "nowhere"]).one().features.column_names == ["carrier"]
    assert window(log, columns=["a"]).one().features.to_pydict() == {"a": [None, 2.0, None]}
    assert window(log, columns=[]).one().features.column_names == []
    assert len(window(log, columns=[]).one()) == 3


def test_scores_of_classes_are_columns(log: Log) -> None:
    log.write(record("a", score=None, scores={"low": 0.25, "high": 0.75}), record("b", score=None, scores={"low": 1.0}))
    log.compact()

    scores = window(log).one().scores
    assert scores is not None
    assert scores.to_pydict() == {"low": [0.25, 1.0], "high": [0.75, None]}


def test_a_url_has_days_and_a_folder_of_its_own_for_segments(log: Log) -> None:
    url = "memory://window/days"
    fsspec.filesystem("memory").rm("/window", recursive=True) if fsspec.filesystem("memory").exists("/window") else None
    away = Log(log.folder, to=url)
    away.write(record("a"), feedback("a", "true"))
    away.compact()
    away.write(record("b"))

    assert ids(read_window(url, START, START + DAY).one()) == ["a"]
    assert ids(read_window(url, START, START + DAY, segments=log.folder).one()) == ["a", "b"]


# --- truths


def test_the_latest_truth_counts_and_only_what_was_known_then(log: Log) -> None:
    log.write(record("a"), record("b"), record("c"), feedback("a", "false", 1), feedback("b", "true", 1.5))
    log.compact()
    log.write(feedback("a", "true", 2), feedback("b", "true", 3), feedback("of another", "true", 1))

    now = window(log)
    assert truths(now.one()) == ["true", "true", None]
    assert now.contradicted == 1
    assert now.one().rows["truth_time"].to_pylist()[0] == START + 2 * DAY

    then = window(log, known=START + DAY)
    assert truths(then.one()) == ["false", None, None]
    assert then.contradicted == 0
    assert truths(window(log, known=START).one()) == [None, None, None]


def test_truths_of_regression_are_numbers_and_of_classes_names(log: Log) -> None:
    log.write(record("a", score=None, value=1.0), feedback("a", 2.5), record("n", score=None, value=2.0))
    assert truths(window(log).one()) == [2.5, None]
    assert window(log, known=START - DAY).one().rows["truth"].type == pa.float64()


def test_a_truth_told_as_true_is_the_class_true(log: Log) -> None:
    log.write(record("a"), feedback("a", truth=True))
    assert truths(window(log).one()) == ["true"]


# --- what is odd


def test_columns_of_several_types_are_of_one(log: Log) -> None:
    log.write(record("a", features={"x": 3, "y": True, "z": None}))
    log.compact()
    log.write(record("b", days=0.1, features={"x": "far", "y": 0.5, "z": "new"}))

    features = window(log).one().features
    assert features.to_pydict() == {"x": ["3", "far"], "y": [1.0, 0.5], "z": [None, "new"]}


def signature(**kinds: str) -> Signature:
    features = tuple(Feature(name, kind, nullable=True) for name, kind in kinds.items())
    return Signature("binary", "late", features, ("false", "true"), 0.5, {}, "sha256:00")


def test_a_log_of_another_signature_is_named(log: Log) -> None:
    log.write(record("a", features={"distance": 1.5, "carrier": 7, "gone": 1.0, "nulls": None}))

    found = typed(window(log).one().features, signature(distance="number", carrier="category", dest="category"))

    assert (found.missing, found.extra, found.fits) == (("dest",), ("gone",), False)
    assert found.frame.to_dict("list") == {"distance": [1.5], "carrier": ["7"]}


def test_what_is_not_of_its_type_is_counted_and_hashes_are_told(log: Log) -> None:
    hashed = KEY.hash("entity", "x")
    log.write(
        record("a", features={"n": "1e3", "b": True, "h": hashed}),
        record("b", features={"n": "many", "b": None, "h": None}),
        record("c", features={"n": None, "b": "false", "h": hashed}),
    )

    found = typed(window(log).one().features, signature(n="number", b="boolean", h="number"))

    assert found.fits
    assert found.unreadable == {"n": 1}
    assert found.hidden == ("h",)
    assert found.frame["n"].tolist()[0] == 1000
    assert found.frame["b"].isna().tolist() == [False, True, False]
    assert found.frame["b"].dropna().tolist() == [1.0, 0.0]


def test_another_models_columns_in_the_same_file_are_not_extra(log: Log) -> None:
    log.write(record("a", features={"distance": 1.0}), record("b", model=OTHER, features={"speed": None}))
    log.compact()

    part = window(log).of("v3")
    assert part is not None
    assert typed(part.features, signature(distance="number")).fits


def test_a_torn_file_of_a_day_is_named(log: Log) -> None:
    log.write(record("a"))
    log.compact()
    (name,) = log.store.names(PREDICTIONS)
    (log.folder / name).write_bytes((log.folder / name).read_bytes()[:-20])

    with pytest.raises(EvidenceError, match=rf"{name}` is no Parquet file"):
        window(log)


def test_parquet_of_someone_else_is_named(log: Log) -> None:
    log.store.write_table("predictions/day=2026-01-31/theirs.0.parquet", pa.table({"id": ["a"]}))

    with pytest.raises(
        EvidenceError, match=r"theirs.0.parquet` is Parquet, but no predictions .* lacks `model`, `time`"
    ):
        window(log)


def test_other_files_are_passed_over_and_named(log: Log) -> None:
    writer = log.write(record("a"))
    log.compact()
    writer = log.write(record("b"))
    writer.path.write_bytes(writer.path.read_bytes() + b'{"kind": "other"}\n{"kind": "predic')
    for name in ("predictions/day=2026-01-31/notes.txt", "labels/README", "predictions/x.0.parquet"):
        log.store.write(name, b"hello")

    found = window(log)

    assert ids(found.one()) == ["a", "b"]
    assert (found.torn, found.foreign) == (1, 1)
    assert found.foreign_files == (
        "predictions/day=2026-01-31/notes.txt", "predictions/x.0.parquet", "labels/README",
    )  # fmt: skip


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_what_replaced_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(record("a"), record("b"))
    log.compact()
    (name,) = log.store.names(PREDICTIONS)
    listed = current

    def and_then_erased(names: list[str]) -> tuple[list[str], list[str]]:
        found = listed(names)
        if name in found[0]:
            log.store.write_table(next_name(name), to_table([record("b")]))
            log.store.remove(name)
        return found

    monkeypatch.setattr(window_files, "current", and_then_erased)
    assert ids(window(log).one()) == ["b"]


def test_rows_of_the_forgotten_that_are_on_their_way_are_left_out(log: Log) -> None:
    log.write(record("old", "jo"))
    log.forget("jo", days=0.5)
    log.write(record("a", "jo", days=0.1), record("b", "jo", days=0.9), record("c", "al"))

    assert ids(window(log).one()) == ["c", "b"]
    with pytest.raises(ConfigError, match="WEIGHLOCK_LOG_HASH_KEY"):
        read_window(log.folder, START, START + DAY)


# --- clocks


def test_times_need_a_zone_and_an_order(log: Log) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        read_window(log.folder, START.replace(tzinfo=None), START)
    with pytest.raises(ValueError, match="before it starts"):
        read_window(log.folder, START, START - DAY)


@pytest.mark.parametrize(
    ("at", "days", "hours", "first"),
    [
        ("2013-03-11T12:00", 1, 23, "2013-03-10T05:00"),  # clocks go forward on the 10th
        ("2013-11-04T12:00", 1, 25, "2013-11-03T04:00"),
        ("2013-11-04T03:00", 2, 48, "2013-11-01T04:00"),  # still the 3rd in New York
        ("2013-03-15T12:00", 7, 167, "2013-03-08T05:00"),
    ],
)
def test_days_are_local_ones(at: str, days: int, hours: int, first: str) -> None:
    start, end = last_days(dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC), days, "America/New_York")

    assert start == dt.datetime.fromisoformat(first).replace(tzinfo=dt.UTC)
    assert end - start == dt.timedelta(hours=hours)


def test_coverage_is_by_local_day(log: Log) -> None:
    log.write(*(record(str(hour), days=hour / 24) for hour in range(24)), feedback("0", "true"), feedback("20", "true"))

    found = coverage(window(log), "America/New_York")

    assert [(d.day.isoformat(), d.predictions, d.labelled) for d in found] == [
        ("2026-01-31", 17, 1), ("2026-02-01", 7, 1),
    ]  # fmt: skip
    assert coverage(window(log).one(), "America/New_York") == found


# --- all of it against a second implementation


rows = st.lists(
    st.one_of(
        st.builds(
            lambda name, day, model: record(f"p{name}", days=day / 4, model=(MODEL, OTHER)[model]),
            st.integers(0, 8), st.integers(-3, 6), st.integers(0, 1),
        ),
        st.builds(
            lambda name, truth, day: feedback(f"p{name}", truth, day / 4),
            st.integers(0, 8), st.sampled_from(["true", "false"]), st.integers(-3, 9),
        ),
    ),
    max_size=14,
)  # fmt: skip


@given(rows, rows, st.integers(-2, 8))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_a_plain_reader_finds_it(tmp_path_factory: Any, first: list[Any], second: list[Any], known: int) -> None:
    unique = {row.id: row for row in reversed([*first, *second]) if isinstance(row, Record)}
    one_time = [row if isinstance(row, Feedback) else unique[row.id] for row in (*first, *second)]
    told = {(r.id, r.time): r for r in one_time if isinstance(r, Feedback)}  # two in one instant: the last
    log = Log(tmp_path_factory.mktemp("log"))
    log.write(*one_time[: len(first)])
    log.compact()
    log.write(*one_time[len(first) :])
    at = START + known / 4 * DAY

    found = read_window(log.folder, START, START + DAY, known=at)

    expected = {}
    for row in sorted(
        (r for r in unique.values() if START <= instant(r.time) < START + DAY), key=lambda r: (r.time, r.id)
    ):
        mine = sorted((f for f in told.values() if f.id == row.id and instant(f.time) <= at), key=lambda f: f.time)
        expected.setdefault(row.model, []).append((row.id, mine[-1].truth if mine else None))
    assert {p.model: list(zip(ids(p), truths(p), strict=True)) for p in found.parts} == expected
