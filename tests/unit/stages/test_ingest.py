"""Ingest: the window's rows by month, and a past that has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.errors import DataError
from weighlock.params import DataParams
from weighlock.stages.ingest import changed_past, partition, summarise
from weighlock.tables import read_meta, read_table, write_table


def data(start: str | None = None, end: str | None = None, timezone: str = "UTC") -> DataParams:
    content = {
        "source": {"files": "x"},
        "depends_on": "x",
        "timezone": timezone,
        "window": {"start": start, "end": end},
    }
    return parse(content, DataParams, "params.yaml")


FRAME = pd.DataFrame(
    {
        "id": ["d", "c", "b", "a"],
        "when": ["2013-02-01T03:00Z", "2013-01-31T23:00Z", "2013-01-01T00:00Z", "2013-01-01T00:00Z"],
        "x": [4, 3, 2, 1],
    }
)


def test_rows_go_to_their_month_in_order_of_time_and_key() -> None:
    months = partition(FRAME, data(), time="when", key="id")

    assert {name: frame["id"].tolist() for name, frame in months.items()} == {
        "2013-01": ["a", "b", "c"],
        "2013-02": ["d"],
    }


def test_months_and_the_window_are_local() -> None:
    months = partition(FRAME, data("2013-01-01", "2013-01-31", "America/New_York"), time="when", key="id")

    # 03:00Z on 1 February is the evening of 31 January in New York, midnight UTC on 1 January is still 2012
    assert {name: frame["id"].tolist() for name, frame in months.items()} == {"2013-01": ["c", "d"]}


def test_both_days_of_the_window_are_included() -> None:
    months = partition(FRAME, data("2013-01-31", "2013-02-01"), time="when", key="id")

    assert [frame["id"].tolist() for frame in months.values()] == [["c"], ["d"]]


def test_a_new_month_adds_a_file_and_changes_none(tmp_path: Path) -> None:
    def digests(end: str) -> dict[str, str]:
        out = {}
        for name, frame in partition(FRAME, data("2013-01-01", end), time="when", key="id").items():
            write_table(frame, tmp_path / name)
            out[name] = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        return out

    before, after = digests("2013-01-31"), digests("2013-02-28")

    assert list(after) == ["2013-01", "2013-02"]
    assert after["2013-01"] == before["2013-01"]


def test_the_order_in_which_a_source_gives_its_rows_does_not_matter() -> None:
    one = partition(FRAME, data(), time="when", key="id")
    other = partition(FRAME[::-1].reset_index(drop=True), data(), time="when", key="id")

    assert summarise(one) == summarise(other)


def test_without_a_time_there_is_one_part_and_without_a_key_one_is_made_of_the_content() -> None:
    frame = FRAME[["x"]]
    more = pd.concat([pd.DataFrame({"x": [9]}), frame, frame.head(1)], ignore_index=True)

    once = partition(frame, data(), time=None, key=None)["all"]
    again = partition(more, data(), time=None, key=None)["all"]

    ids, more_ids = dict(zip(once["x"], once["row_id"], strict=True)), again.groupby("x")["row_id"].apply(list)
    assert len(set(ids.values())) == 4
    assert all(ids[x] in more_ids[x] for x in ids)  # added rows change no key
    assert more_ids[4] == [ids[4], f"{ids[4]}-1"]  # the same content again is told apart


@pytest.mark.parametrize(
    ("frame", "window", "time", "key", "said"),
    [
        (FRAME.head(0), (None, None), "when", "id", "the source has no rows"),
        (FRAME, ("2014-01-01", "2014-12-31"), "when", "id", "the source's rows run from 2013-01-01 to 2013-02-01"),
        (FRAME, (None, None), "whenever", "id", "no column `whenever`, which `schema.yaml` names as `time`"),
        (FRAME, (None, None), "when", "key", "no column `key`, which `schema.yaml` names as `key`"),
        (FRAME, ("2013-01-01", None), None, "id", "names no `time` column"),
    ],
)
def test_what_cannot_be_ingested_is_told(
    frame: pd.DataFrame, window: tuple[str | None, str | None], time: str | None, key: str, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        partition(frame, data(*window), time=time, key=key)


def test_a_changed_past_is_reported_by_month() -> None:
    before = summarise(partition(FRAME, data(), time="when", key="id"))
    after = summarise(partition(FRAME.assign(x=[4, 3, 2, 7]), data(), time="when", key="id"))
    grown = summarise(partition(FRAME, data(end="2013-01-31"), time="when", key="id"))
    other = summarise(partition(FRAME.assign(z=1), data(), time="when", key="id"))

    assert [line.split(":")[1].split(" had")[0].strip() for line in changed_past(before, after)] == ["2013-01"]
    assert changed_past(before, before) == []
    assert changed_past(grown, before) == []  # a new month is no changed past
    assert changed_past(before, other) == []  # neither are other columns
    assert changed_past({}, before) == []


def test_tables_keep_types_and_meta(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.to_datetime(["2013-01-01"], utc=True).as_unit("us"), "c": [None], "x": [1.5]}).astype(
        {"c": object}
    )
    write_table(frame, tmp_path / "a.parquet", {"b": 1, "a": 2})

    pd.testing.assert_frame_equal(read_table(tmp_path / "a.parquet", "x"), frame)
    assert read_meta(tmp_path / "a.parquet") == {"a": 2, "b": 1}


def test_a_column_of_mixed_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written as Parquet"):
        write_table(pd.DataFrame({"x": [1, "a", b"b"]}, dtype=object), tmp_path / "a.parquet")
