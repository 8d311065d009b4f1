"""Split: no row, key or group in two parts, whatever the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.config import parse
from weighlock.errors import ConfigError, DataError
from weighlock.params import SplitParams
from weighlock.schema import Schema
from weighlock.stages.split import assign, check, describe


def schema(**change: object) -> Schema:
    base = {"task": "regression", "target": "y", "key": "id", "features": {"x": {"type": "number"}}}
    return parse({**base, **change}, Schema, "schema.yaml")


def split(by: str, validation: object, holdout: object) -> SplitParams:
    return parse({"by": by, "validation": validation, "holdout": holdout}, SplitParams, "params.yaml")


def days(count: int, per_day: int = 4) -> pd.DataFrame:
    when = pd.date_range("2013-01-01T00:00", periods=count * per_day, freq=f"{24 // per_day}h", tz="UTC")
    rows = len(when)
    return pd.DataFrame({"id": [f"k{i}" for i in range(rows)], "when": when, "y": np.arange(rows) / 7, "x": 1.0})


def test_by_time_the_holdout_is_the_newest_days() -> None:
    frame = days(10)

    part = assign(frame, schema(time="when"), split("time", "2d", "3d"), "UTC")

    assert frame["when"].dt.day.groupby(part).agg(["min", "max"]).loc[
        ["train", "validation", "holdout"]
    ].to_numpy().tolist() == [
        [1, 5],
        [6, 7],
        [8, 10],
    ]


def test_borders_are_local_midnights() -> None:
    frame = days(10)

    part = assign(frame, schema(time="when"), split("time", "2d", "3d"), "America/New_York")
    local = frame["when"].dt.tz_convert("America/New_York")

    assert local[part == "holdout"].min().isoformat() == "2013-01-08T01:00:00-05:00"
    assert not set(local[part == "holdout"].dt.date) & set(local[part != "holdout"].dt.date)


def test_by_time_shares_keep_rows_of_one_time_together() -> None:
    frame = days(10, per_day=1).loc[lambda f: f.index.repeat(3)].reset_index(drop=True)
    frame["id"] = [f"k{i}" for i in range(30)]

    part = assign(frame, schema(time="when"), split("time", 0.2, 0.25), "UTC")

    assert pd.Series(part).groupby(frame["when"]).nunique().max() == 1
    assert [(part == p).sum() for p in ("train", "validation", "holdout")] == [15, 6, 9]


def test_by_time_a_group_goes_where_its_newest_row_is() -> None:
    frame = days(10).assign(group=lambda f: np.where(f.index < 2, "late", [f"g{i}" for i in f.index]))
    frame.loc[39, "group"] = "late"

    part = assign(frame, schema(time="when", group="group"), split("time", "2d", "3d"), "UTC")

    assert set(part[frame["group"] == "late"]) == {"holdout"}


def test_too_short_a_span_is_refused() -> None:
    with pytest.raises(DataError, match="3d of holdout and 2d of validation leave none to train on"):
        assign(days(5), schema(time="when"), split("time", "2d", "3d"), "UTC")


@given(st.integers(1, 400), st.integers(0, 400), st.sampled_from(["hash", "group"]))
def test_hashed_parts_are_stable_when_rows_are_added(few: int, more: int, by: str) -> None:
    params = split(by, 0.2, 0.2)
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(few + more)]})
    frame["g"] = [f"g{i // 3}" for i in range(few + more)]
    contract = schema(group="g" if by == "group" else None)

    first = assign(frame.head(few), contract, params, "UTC")
    both = assign(frame, contract, params, "UTC")

    assert first.tolist() == both[:few].tolist()
    if by == "group":
        assert pd.Series(both).groupby(frame["g"]).nunique().max() == 1


def test_hashed_parts_have_the_shares_that_were_asked_for() -> None:
    frame = pd.DataFrame({"id": [f"key-{i}" for i in range(20_000)]})

    part = assign(frame, schema(), split("hash", 0.15, 0.25), "UTC")

    assert abs((part == "holdout").mean() - 0.25) < 0.01
    assert abs((part == "validation").mean() - 0.15) < 0.01


def test_the_hash_is_the_same_in_every_year() -> None:
    # worked out with `printf a | b2sum -l 56`, over 2 to the 56; other values would move rows of existing projects
    part = assign(pd.DataFrame({"id": list("abcdefgh")}), schema(), split("hash", 0.25, 0.25), "UTC")

    assert part.tolist() == ["train", "train", "train", "validation", "validation", "train", "train", "train"]


@pytest.mark.parametrize(("by", "said"), [("time", "needs a `time` column"), ("group", "needs a `group` column")])
def test_a_column_that_is_not_named_is_asked_for(by: str, said: str) -> None:
    shares = ("2d", "2d") if by == "time" else (0.2, 0.2)
    with pytest.raises(ConfigError, match=said):
        assign(days(9), schema(), split(by, *shares), "UTC")


def test_rows_without_a_group_belong_nowhere() -> None:
    frame = days(9).assign(g=None)

    with pytest.raises(DataError, match="`g` is missing in some rows"):
        assign(frame, schema(group="g"), split("group", 0.2, 0.2), "UTC")


PART = np.repeat(["train", "validation", "holdout"], [30, 5, 5])
FRAME = pd.DataFrame({"id": [f"k{i}" for i in range(40)], "y": np.arange(40) % 2, "g": range(40), "x": 1.0})


def test_a_sound_split_passes_every_check() -> None:
    check(FRAME, PART, schema(task="binary", classes=["no", "yes"], group="g"))

    assert describe(FRAME, PART, schema())["holdout"] == {"rows": 5, "mean": 0.6}


@pytest.mark.parametrize(
    ("change", "part", "said"),
    [
        ({}, np.roll(PART, 1).astype("U10")[:40].copy(), None),
        ({"id": ["k0"] * 40}, PART, "`id` 'k0' and 0 more stand in two parts"),
        ({"g": [0] * 40}, PART, "`g` 0 and 0 more stand in two parts"),
        ({"y": [0] * 30 + [0, 1] * 5}, PART, "train has 1 of the 2 classes"),
        ({"y": [0, 1] * 15 + [1] * 10}, PART, "validation has 1 of the 2 classes"),
        ({}, np.repeat(["train", "validation"], [30, 10]), "holdout would have 0 rows of 40; it needs 5"),
        (
            {},
            np.repeat(["train", "validation", "holdout"], [20, 10, 10]),
            "train would have 20 rows of 40; it needs 30",
        ),
    ],
)
def test_an_unsound_split_is_refused(change: dict, part: np.ndarray, said: str | None) -> None:
    contract = schema(task="binary", classes=["no", "yes"], group="g")
    if said is None:
        check(FRAME.assign(**change), part, contract)
        assert len(part) == 40
        return
    with pytest.raises(DataError, match=said):
        check(FRAME.assign(**change), part, contract)
