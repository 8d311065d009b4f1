"""Forgetting: a person's rows go from everywhere, stay away, and nobody else's go with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.logged import KEY, Log, dies_at, feedback, record, together

from weighlock.errors import ConfigError
from weighlock.monitoring.log_record import HashKey, encode
from weighlock.monitoring.log_segment import lines, read_segments
from weighlock.monitoring.log_store import LABELS


@pytest.fixture(params=[True, False], ids=["with a key", "without a key"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return Log(tmp_path / "log", key=KEY if request.param else None)


def test_a_persons_rows_go_from_days_waiting_and_live_segments(log: Log) -> None:
    log.write(record("id-a1", "jo/1"), record("id-b1", "bo"), feedback("id-a1", days=2), feedback("id-b1"))
    log.compact()
    log.write(record("id-a2", "jo/1"), record("id-b2", "bo"), feedback("id-a1", truth=False))
    live = log.write(record("id-a3", "jo/1"), record("id-b3", None), feedback("id-a3"), close=False)
    size = live.path.stat().st_size

    erased = log.forget("jo/1")

    assert erased.predictions == {"id-a1", "id-a2", "id-a3"}
    assert [name for name, _ in sorted(erased.labels)] == ["id-a1", "id-a1", "id-a3"]
    assert len(erased.places) == 4
    assert log.holds("jo/1") == []
    assert log.holds("id-a1") + log.holds("id-a2") + log.holds("id-a3") == []
    assert [row.id for row in log.cat()] == ["id-b1", "id-b2", "id-b3"]
    assert [row.id for row in log.cat(LABELS)] == ["id-b1"]
    assert live.path.stat().st_size == size
    live.append([encode(record("id-b4"))])
    assert [row.id for row in log.cat()] == ["id-b1", "id-b2", "id-b3", "id-b4"]
    assert log.forget("jo/1").places == set()


def test_a_persons_request_of_many_rows_goes_whole_and_anothers_stays(log: Log) -> None:
    log.write(together(record("a1", "jo"), record("a2", "jo")), feedback("a2"))
    log.compact()
    live = log.write(
        together(record("a3", "jo"), record("a4", "jo")), together(record("b1", "bo"), record("b2", "bo")), close=False
    )

    erased = log.forget("jo")

    assert erased.predictions == {"a1", "a2", "a3", "a4"}
    assert {name for name, _ in erased.labels} == {"a2"}
    assert log.holds("jo") == []
    assert [row.id for row in log.cat()] == ["b1", "b2"]
    live.append([together(record("a5", "jo"), record("a6", "jo"))])  # on its way
    assert log.compact().forgotten == 2
    assert log.ids() == ["b1", "b2"]


def test_a_row_on_its_way_does_not_come_back_and_one_of_later_does(log: Log) -> None:
    log.write(record("a", "jo"))
    log.forget("jo")
    live = log.write(record("b", "jo", days=0.001), record("c", "jo", days=1), close=False)

    assert log.compact().forgotten == 1
    assert log.ids() == ["c"]
    assert [row.id for row in read_segments(log.folder)] == ["c"]  # of the live segment as well
    live.close()
    log.compact()
    assert log.ids() == ["c"]


def test_rows_of_a_clock_that_ran_ahead_go_and_stay_away_as_well(log: Log) -> None:
    log.write(record("a", "jo", days=3))
    log.forget("jo")
    log.write(record("b", "jo", days=2))
    log.compact()

    assert log.ids() == []


def test_a_file_whose_rows_all_go_goes_itself(log: Log) -> None:
    log.write(record("a", "jo"))
    log.compact()
    log.forget("jo")

    assert log.store.names("predictions") == []


def test_torn_lines_could_be_anyones(log: Log) -> None:
    writer = log.write(record("a", "jo"), record("b", "bo"))
    content = writer.path.read_bytes()
    writer.path.write_bytes(content + b'{"kind":"x","entity":"jo"}\n{"kind":"x","entity":"bo"}\n' + content[:99])

    assert log.forget("jo").unreadable == 1
    assert [line for _, line in lines(writer.path) if line.strip()] == [
        encode(record("b", "bo")),
        b'{"kind":"x","entity":"bo"}',
    ]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["compact", "jo", "bo"]), st.integers(0, 60)), max_size=4), st.booleans())
def test_whenever_it_dies_the_next_run_finishes_it(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, plan: list[tuple[str, int]], live: bool
) -> None:
    log = Log(tmp_path_factory.mktemp("log"))
    names = [f"{who}-{i}" for i in range(2) for who in ("jo", "bo", "al")]
    for name in names:
        log.write(record(name, name[:2]), feedback(name), close=not (live and name.endswith("1")))
    gone = set()
    for what, death in plan:
        with dies_at(death, monkeypatch) as done:
            log.compact() if what == "compact" else log.forget(what)
        if what != "compact" and done:  # its first step is the tombstone
            gone |= {what} if "replace" in done else set()
        shown = {row.id[:2] for row in log.cat()}
        assert "al" in shown
        assert not shown & gone

    for who in sorted(gone):
        log.forget(who)
    log.compact()
    kept = sorted(name for name in names if name[:2] not in gone)
    assert [row.id for row in log.cat()] == kept
    assert [row.id for row in log.cat(LABELS)] == kept
    for who in gone:
        assert log.holds(f"{who}-") == []


def test_another_machine_that_compacts_at_the_same_time_brings_nobody_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"memory://{tmp_path.name}-shared"
    here, there = Log(tmp_path / "here", to=bucket), Log(tmp_path / "there", to=bucket)
    here.write(record("h", "bo"))
    there.write(record("t", "jo"), record("u", "bo"))
    from weighlock.monitoring.log_store import Store

    write = Store.write_table

    def meanwhile(self: Store, name: str, table: object) -> None:
        monkeypatch.undo()
        here.forget("jo")  # after the tombstones were read, before the file is there
        write(self, name, table)

    monkeypatch.setattr(Store, "write_table", meanwhile)
    assert there.compact().forgotten == 1
    here.compact()

    assert here.ids() == ["h", "u"]


# --- keys


def test_hashed_entities_are_found_by_what_clients_call_them(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(record("a", KEY.hash("entity", "jo")), record("b", KEY.hash("entity", "bo")), record("c", "jo"))
    log.compact()

    assert log.forget("jo").predictions == {"a", "c"}
    log.write(record("d", KEY.hash("entity", "jo")))
    log.compact()
    assert log.ids() == ["b"]


@pytest.mark.parametrize("compacted", [True, False])
def test_hashed_entities_cannot_be_forgotten_without_the_key(compacted: bool, tmp_path: Path) -> None:
    log = Log(tmp_path, key=None)
    log.write(record("a", KEY.hash("entity", "jo")))
    if compacted:
        log.compact()

    with pytest.raises(ConfigError, match="holds hashes of entities, and `WEIGHLOCK_LOG_HASH_KEY` is not set"):
        log.forget("jo")


def test_without_the_key_under_which_people_are_forgotten_nothing_is_compacted(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(record("a", "jo"))
    log.forget("jo")
    log.write(record("b", "jo"))

    for key in (None, HashKey("another key of the same length")):
        log.key = key
        with pytest.raises(ConfigError, match="WEIGHLOCK_LOG_HASH_KEY"):
            log.compact()
    log.key = KEY
    assert log.compact().forgotten == 1


def test_the_list_of_the_forgotten_names_nobody_and_ends_with_the_retention(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(record("a", "jo"), record("b"))
    log.forget("jo")
    (name,) = log.store.names("forgotten")

    assert "jo" not in name
    log.compact(days=90)
    assert log.store.names("forgotten") == [name]
    log.compact(days=92)
    assert log.store.names("forgotten") == []
