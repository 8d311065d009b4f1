"""`weighlock label`: outcomes find their predictions and are written once; a kill loses and doubles nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.logged import KEY, START, Log, dies_at, feedback, record

from weighlock.batch.inputs import find_inputs
from weighlock.errors import ConfigError, DataError, EvidenceError
from weighlock.monitoring import label_tell
from weighlock.monitoring.collect import LogPlace
from weighlock.monitoring.label import Labelled, label
from weighlock.monitoring.label_lag import label_lag
from weighlock.monitoring.label_match import Join, join_by
from weighlock.monitoring.label_outcomes import Columns, Outcomes, checked
from weighlock.monitoring.log_forget import forget
from weighlock.monitoring.log_forgotten import Tombstone
from weighlock.monitoring.log_record import Model
from weighlock.monitoring.log_store import LABELS
from weighlock.monitoring.window import read_window
from weighlock.params import Csv
from weighlock.scoring.signature import Feature, Signature

AT = START + dt.timedelta(days=10)
BINARY = Signature(
    "binary", "late", (Feature("carrier", "category", nullable=True),), ("false", "true"), 0.5, {}, "sha256:00"
)
VALUE = Signature("regression", "delay", BINARY.features, None, None, {}, "sha256:00")
BY_ID = Join(None, "id")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def outcomes(*pairs: tuple[Any, Any], signature: Signature = BINARY, **more: list[Any]) -> Outcomes:
    columns = {"key": [key for key, _ in pairs], "truth": [truth for _, truth in pairs], **more}
    table = {role: pd.Series(values, dtype=object, name=role) for role, values in columns.items()}
    return checked(table, "out.csv", signature, "UTC", Columns("key", "truth"))


def tell(log: Log, told: Outcomes, join: Join = BY_ID, days: float = 10, **options: Any) -> Labelled:
    given: dict[str, Any] = {"key": KEY, "numeric": False, **options}
    return label(LogPlace(log.to, log.folder), told, join, at=START + dt.timedelta(days=days), **given)


def truth_of(log: Log, days: float = 1, known: float | None = None) -> dict[str, Any]:
    """The truth of each prediction, by the reader that everything uses."""
    at = None if known is None else START + dt.timedelta(days=known)
    found = read_window(log.folder, START, START + dt.timedelta(days=days), known=at, key=KEY)
    return {i: t for p in found.parts for i, t in zip(*(p.rows[n].to_pylist() for n in ("id", "truth")), strict=True)}


def tally(done: Labelled) -> tuple[int, int, int, int]:
    return done.new, done.corrected, done.known, done.superseded


def files(log: Log) -> list[str]:
    return log.store.names(LABELS)


# --- what is told


def test_outcomes_are_told_once_and_the_last_word_counts(log: Log) -> None:
    log.write(record("a"), record("b"), record("c"))
    log.compact()
    log.write(record("d"))  # not compacted yet

    first = tell(log, outcomes(("a", "true"), ("b", True), ("d", "false"), ("nobody", "true")))
    assert tally(first) == (3, 0, 0, 0)
    assert first.unmatched == (4,)
    assert [name.split("/")[1] for name in files(log)] == ["day=2026-02-10"]
    before = files(log)

    assert tally(tell(log, outcomes(("a", "true"), ("b", True), ("d", "false")), days=11)) == (0, 0, 3, 0)
    assert files(log) == before

    assert tally(tell(log, outcomes(("a", "false"), ("c", "true")), days=12)) == (1, 1, 0, 0)
    assert truth_of(log) == {"a": "false", "b": "true", "c": "true", "d": "false"}
    assert truth_of(log, known=11) == {"a": "true", "b": "true", "c": None, "d": "false"}
    assert set(before) < set(files(log))  # nothing is edited in place


def test_an_export_that_is_read_again_does_not_undo_a_correction(log: Log) -> None:
    log.write(record("a"))
    tell(log, outcomes(("a", "true")))
    log.write(feedback("a", "false", days=11))

    assert tally(tell(log, outcomes(("a", "true")), days=12)) == (0, 0, 0, 1)
    assert truth_of(log) == {"a": "false"}
    log.compact()
    assert tally(tell(log, outcomes(("a", "true")), days=12)) == (0, 0, 0, 1)

    newer = outcomes(("a", "true"), told=["2026-02-12T12:00Z"])
    assert tally(tell(log, newer, days=13)) == (0, 1, 0, 0)
    assert truth_of(log) == {"a": "true"}


def test_rows_that_repeat_or_contradict_are_counted_and_the_last_counts(log: Log) -> None:
    log.write(*(record(name) for name in "abc"))
    told = outcomes(("a", "true"), ("a", "true"), ("b", "true"), ("b", "false"), ("c", None), (None, "true"))

    done = tell(log, told)

    assert (told.total, told.open, told.keyless, told.repeated, told.contradicted) == (6, 1, 1, 1, 1)
    assert tally(done) == (2, 0, 0, 0)
    assert truth_of(log) == {"a": "true", "b": "false", "c": None}


def test_times_of_their_own_decide_whatever_the_order(log: Log) -> None:
    log.write(record("a"), record("b"))
    late = outcomes(("a", "false"), ("b", "true"), told=["2026-02-03T00:00Z", "2026-02-03T00:00Z"])
    early = outcomes(("a", "true"), ("b", "true"), told=["2026-02-02T00:00Z", "2026-01-01T00:00Z"])

    tell(log, late)
    tell(log, early)
    before = files(log)
    assert tally(tell(log, early)) == (0, 0, 2, 0)
    assert tally(tell(log, late)) == (0, 0, 2, 0)

    assert files(log) == before
    assert truth_of(log) == {"a": "false", "b": "true"}
    assert truth_of(log, known=2) == {"a": "true", "b": "true"}
    # what is said to be told before the prediction was made is told with it
    assert {name.split("/")[1] for name in files(log)} == {f"day=2026-0{day}" for day in ("1-31", "2-02", "2-03")}


def test_a_correction_counts_though_another_machines_clock_ran_ahead(log: Log) -> None:
    log.write(record("a"), feedback("a", "true", days=10.01))

    assert tally(tell(log, outcomes(("a", "false")))) == (0, 1, 0, 0)
    assert truth_of(log) == {"a": "false"}


def test_truths_of_regression_are_numbers(log: Log) -> None:
    log.write(record("a", score=None, value=1.0), record("b", score=None, value=1.0))

    done = tell(log, outcomes(("a", "1.5"), ("b", 2), signature=VALUE), numeric=True)

    assert tally(done) == (2, 0, 0, 0)
    assert truth_of(log) == {"a": 1.5, "b": 2.0}
    assert tally(tell(log, outcomes(("a", 1.5), ("b", 2.0), signature=VALUE), numeric=True)) == (0, 0, 2, 0)


def test_outcomes_of_another_task_are_refused(log: Log) -> None:
    log.write(record("a", score=None, value=1.0))

    with pytest.raises(EvidenceError, match=r"1 of the predictions are of `v3`, which does not answer"):
        tell(log, outcomes(("a", "true")))
    assert files(log) == []


def test_many_small_files_are_looked_up_together(log: Log) -> None:
    for day in range(6):
        log.write(record(f"a{day}", days=day, features={"nr": str(day) if day % 2 else day}))
        log.compact()
        tell(log, outcomes((f"a{day}", "true")), days=day)

    join = Join("nr", "features.nr")
    assert tally(tell(log, outcomes(*((str(day), day < 3) for day in range(6))), join)) == (0, 3, 3, 0)
    assert list(truth_of(log, days=6).values()) == ["true"] * 3 + ["false"] * 3


# --- what is refused


@pytest.mark.parametrize(
    ("truth", "signature", "message"),
    [
        ("maybe", BINARY, r"`out.csv`, row 2: `truth` is 'maybe', which is none of the model's classes false, true"),
        (1, BINARY, "row 2: `truth` is '1'"),
        ("x", VALUE, r"row 2: `truth` is 'x', which is no finite number"),
        (float("inf"), VALUE, "row 2: `truth` is 'inf'"),
    ],
)
def test_a_truth_that_is_none_is_refused_with_its_row(truth: Any, signature: Signature, message: str) -> None:
    good = 1 if signature is VALUE else "true"
    with pytest.raises(DataError, match=message):
        outcomes(("a", good), ("b", truth), ("c", good), signature=signature)


def test_classes_are_known_as_csv_spells_them() -> None:
    digits = Signature("binary", "late", BINARY.features, ("0", "1"), 0.5, {}, "sha256:00")
    assert outcomes(("a", "True"), ("b", "FALSE")).frame["truth"].tolist() == ["true", "false"]
    assert outcomes(("a", "1.0"), ("b", 0), signature=digits).frame["truth"].tolist() == ["1", "0"]


def test_a_truth_without_the_time_that_was_asked_for_is_refused() -> None:
    with pytest.raises(DataError, match=r"row 2: there is a truth, but no time in `told`"):
        outcomes(("a", "true"), ("b", "true"), ("c", None), told=["2026-01-01", None, None])


def test_a_time_that_is_none_is_refused_with_its_row() -> None:
    with pytest.raises(DataError, match=r"row 3: `told` is 'soon', which is no time"):
        outcomes(("a", "true"), ("b", None), ("c", "true"), told=["2026-01-01", None, "soon"])
    with pytest.raises(DataError, match="mixes time zones"):
        outcomes(("a", "true"), ("b", "true"), told=["2026-01-01T00:00", "2026-01-01T00:00Z"])


def test_an_hour_that_clocks_repeat_counts_as_its_second_time() -> None:
    table = {
        "key": pd.Series(["a"]),
        "truth": pd.Series(["true"]),
        "told": pd.Series(["2013-11-03 01:30"], name="told"),
    }
    told = checked(table, "x", BINARY, "America/New_York", Columns("key", "truth", "told"))
    assert told.frame["told"].tolist() == [pd.Timestamp("2013-11-03T06:30Z")]


# --- what is joined by what


def test_what_can_be_joined_by_what() -> None:
    assert join_by("id", BINARY, scored=False) == Join(None, "id")
    assert join_by("nr=id", BINARY, scored=False) == Join("nr", "id")
    assert join_by("entity", BINARY, scored=False) == Join("entity", "entity")
    assert join_by("flight=entity", BINARY, scored=False) == Join("flight", "entity")
    assert join_by("carrier", BINARY, scored=False) == Join("carrier", "features.carrier")
    assert join_by("flight", BINARY, scored=True) == Join("flight", "id", scored=True)
    with pytest.raises(ConfigError, match=r"the prediction log holds no `flight`.*--by flight=entity.*--scored OUT"):
        join_by("flight", BINARY, scored=False)
    with pytest.raises(ConfigError, match="name the key's column alone"):
        join_by("flight=entity", BINARY, scored=True)


def test_by_entity_each_prediction_about_it_has_the_truth(log: Log) -> None:
    shadow = Model("flights", "v4", "sha256:11")
    log.write(
        record("a", "f1"), record("asked again", "f1", days=0.1), record("candidate", "f1", model=shadow),
        record("b", "f2"), record("none"),
    )  # fmt: skip

    done = tell(log, outcomes(("f1", "true"), ("f3", "true")), Join("flight", "entity"))

    assert (done.predictions, done.unmatched) == (3, (2,))
    assert truth_of(log) == {"a": "true", "asked again": "true", "candidate": "true", "b": None, "none": None}


def test_rows_of_one_request_cannot_be_told_apart_by_it(log: Log) -> None:
    log.write(record("a", request="r1"), record("b", request="r1"), record("c", request="r2"))

    done = tell(log, outcomes(("r1", "true"), ("r2", "false")), Join("r", "request"))

    assert (done.ambiguous, done.unmatched, tally(done)) == (1, (), (1, 0, 0, 0))
    assert truth_of(log) == {"a": None, "b": None, "c": "false"}


def test_by_a_feature_in_clear_or_hashed(log: Log) -> None:
    log.write(record("a", features={"nr": 7}), record("b", features={"nr": KEY.hash("nr", 8)}), record("c"))
    join = Join("nr", "features.nr")

    assert tally(tell(log, outcomes(("7", "true"), ("8", "false")), join)) == (2, 0, 0, 0)
    assert truth_of(log) == {"a": "true", "b": "false", "c": None}
    with pytest.raises(ConfigError, match=r"hashes of `nr`, and `WEIGHLOCK_LOG_HASH_KEY` is not set"):
        tell(log, outcomes(("7", "true")), join, key=None)


def test_by_a_key_that_the_scored_file_carries(log: Log, tmp_path: Path) -> None:
    log.write(record("p-1"), record("p-2"), record("p-3"))
    pa_csv = tmp_path / "scores.csv"
    pa_csv.write_text("prediction_id,flight,score\np-1,007,.5\np-2,008,.5\np-9,009,.5\n")
    scored = find_inputs(str(pa_csv), Csv())

    done = tell(
        log, outcomes(("007", "true"), ("8", "true"), ("009", "true")), Join("flight", "id", scored=True), scored=scored
    )

    assert truth_of(log) == {"p-1": "true", "p-2": None, "p-3": None}
    assert done.unmatched == (2, 3)  # 8 is not 008, and p-9 was never logged
    with pytest.raises(DataError, match="has no column `order`"):
        tell(log, outcomes(("007", "true")), Join("order", "id", scored=True), scored=scored)


def test_of_an_entity_that_comes_back_each_prediction_has_the_outcome_that_came_next(log: Log) -> None:
    log.write(*(record(f"day {day}", "jo", days=day) for day in (0, 1, 5, 8)))
    told = outcomes(
        ("jo", "true"), ("jo", "false"), ("jo", "true"),
        when=["2026-02-02T12:00Z", "2026-02-06T12:00Z", "2026-01-01T00:00Z"],
    )  # fmt: skip

    done = tell(log, told, Join("c", "entity"), within=dt.timedelta(days=1))

    assert done.unmatched == (3,)
    assert truth_of(log, days=9) == {"day 0": None, "day 1": "true", "day 5": "false", "day 8": None}


# --- people who have been forgotten


def test_nothing_is_told_about_the_forgotten(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(record("a", "jo"), record("b", "al"))
    log.compact()

    def and_meanwhile(*args: Any) -> Any:
        written = label_tell.write(*args)
        log.store.write(Tombstone.of("jo", AT, KEY).name, b"{}\n")  # by another machine
        return written

    monkeypatch.setattr("weighlock.monitoring.label.write", and_meanwhile)
    tell(log, outcomes(("a", "true"), ("b", "true")))

    assert log.ids(LABELS) == ["b"]
    done = tell(log, outcomes(("jo", "true"), ("al", "true")), Join("c", "entity"))
    assert (done.forgotten, done.unmatched, log.ids(LABELS)) == (1, (), ["b"])


def test_labels_go_with_those_who_are_forgotten(log: Log) -> None:
    log.write(record("a", "jo"), record("b", "al"))
    log.compact()
    tell(log, outcomes(("a", "true"), ("b", "true")))

    erased = forget(log.folder, log.store, "jo", at=AT, key=KEY)

    assert len(erased.labels) == 1
    assert log.ids(LABELS) == ["b"]


# --- kill -9, and every order of telling


@pytest.mark.parametrize("timed", [True, False])
def test_killed_at_any_step_it_is_finished_by_doing_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, timed: bool
) -> None:
    monkeypatch.setattr(label_tell, "CHUNK", 2)
    names = "abcde"
    times = {"told": [f"2026-02-0{1 + i // 3}T00:00Z" for i in range(5)]} if timed else {}
    told = outcomes(*((name, "true") for name in names), **times)
    for step in range(100):
        log = Log(tmp_path / f"log{step}")
        log.write(*(record(name) for name in names))
        log.compact()
        with dies_at(step, monkeypatch) as done:
            tell(log, told)
        tell(log, told)

        assert log.ids(LABELS) == sorted(names)
        assert set(truth_of(log).values()) == {"true"}
        assert list((log.folder / "labels").rglob(".*")) == []
        if "killed" not in done:
            break
    assert step > 8


runs = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 5)), min_size=1, max_size=5),
    min_size=1, max_size=4,
)  # fmt: skip


@given(runs, st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_and_however_often_files_are_read_the_last_word_counts(
    tmp_path_factory: Any, told: list[list[tuple[int, bool, int]]], random: Any
) -> None:
    by_instant = {(key, day): truth for run in told for key, truth, day in run}
    expected = {f"p{key}": "true" if truth else "false" for (key, _), truth in sorted(by_instant.items())}
    log = Log(tmp_path_factory.mktemp("log"))
    log.write(*(record(f"p{key}") for key in range(4)))

    # of one instant there is one truth: others are a contradiction that no order can settle
    files_read = [
        outcomes(
            *((f"p{key}", by_instant[key, day]) for key, _, day in run),
            told=[f"2026-02-0{1 + day}T00:00Z" for _, _, day in run],
        )
        for run in told
    ]
    for one in [*random.sample(files_read, len(files_read)), *random.choices(files_read, k=2)]:
        last = tell(log, one)

    assert {name: truth for name, truth in truth_of(log).items() if truth} == expected
    assert tally(last)[:2] == (0, 0)
    assert len(log.in_days(LABELS)) == len(by_instant)


# --- label lag


def test_lag_is_the_share_of_old_predictions_without_a_label(log: Log) -> None:
    log.write(record("a"), record("b", days=1), record("c", days=2), record("new", days=9), feedback("a", "true", 3))
    log.compact()
    log.write(record("a"), feedback("c", "true", 4), feedback("new", "true", 9))
    place = LogPlace(log.to, log.folder)

    lag = label_lag(place, AT, dt.timedelta(days=7))
    assert (lag.predictions, lag.unlabelled, lag.oldest) == (3, 1, START + dt.timedelta(days=1))
    assert lag.share == pytest.approx(1 / 3)
    then = label_lag(place, START + dt.timedelta(days=3.5), dt.timedelta(days=1))
    assert (then.predictions, then.unlabelled) == (3, 2)  # b and c: what was told later was not known
    empty = label_lag(place, START, dt.timedelta(days=7))
    assert (empty.predictions, empty.share, empty.oldest) == (0, 0.0, None)


def test_tables_that_are_empty_do_no_harm(log: Log) -> None:
    log.folder.mkdir()

    done = tell(log, outcomes())

    assert (tally(done), done.files) == ((0, 0, 0, 0), ())
    assert tell(log, outcomes(("a", "true"))).unmatched == (1,)
