"""Validate: bad rows are told from good ones, each with its reason; unfit data stop the run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from weighlock.config import parse
from weighlock.params import Params
from weighlock.schema import Schema
from weighlock.stages.validate import validate
from weighlock.validation_page import render

N = 400
SCHEMA = {
    "task": "binary", "target": "y", "classes": ["no", "yes"], "key": "id", "time": "when", "freshness": "2d",
    "features": {
        "x": {"type": "number", "min": 0, "max": 1},
        "c": {"type": "category", "values": ["a", "b"]},
        "z": {"type": "number", "nullable": True},
    },
}  # fmt: skip


def schema(**change: object) -> Schema:
    return parse({**SCHEMA, **change}, Schema, "schema.yaml")


def params(end: str | None = "2013-01-20", **limits: float) -> Params:
    with open("params.yaml", encoding="utf-8") as file:  # noqa: PTH123
        content = yaml.safe_load(file)
    content["data"] |= {"window": {"end": end}, "timezone": "UTC"}
    content["validate"] |= limits
    return parse(content, Params, "params.yaml")


def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": [f"k{i}" for i in range(N)],
            "when": pd.date_range("2013-01-01", "2013-01-20", periods=N, tz="UTC"),
            "x": random.random(N),
            "c": random.choice(["a", "b"], N),
            "z": random.random(N),
            "y": random.choice(["no", "yes"], N),
        }
    )


def test_good_data_pass_whole() -> None:
    result = validate(table(), schema(), params())

    assert result.report["problems"] == []
    assert (len(result.valid), len(result.quarantine), result.report["bad_share"]) == (N, 0, 0.0)
    assert list(result.quarantine.columns) == [*table().columns, "reason"]


def test_each_bad_row_goes_to_quarantine_with_its_reason() -> None:
    frame = table()
    frame.loc[3, "x"] = 1.5
    frame.loc[5, "x"] = -0.5
    frame.loc[7, "x"] = np.nan
    frame.loc[9, "x"] = np.inf
    frame.loc[11, "c"] = "d"
    frame.loc[13, "y"] = "maybe"
    frame.loc[15, ["c", "x"]] = ["e", 7.0]
    frame.loc[17, "z"] = np.nan  # nullable

    result = validate(frame, schema(), params(max_bad_share=0.05))

    assert dict(zip(result.quarantine["id"], result.quarantine["reason"], strict=True)) == {
        "k3": "x is above 1",
        "k5": "x is below 0",
        "k7": "x is missing",
        "k9": "x is infinite",
        "k11": "c is not an allowed category",
        "k13": "y is none of the classes no, yes",
        "k15": "x is above 1; c is not an allowed category",
    }
    assert len(result.valid) == N - 7
    assert set(result.valid["id"]).isdisjoint(result.quarantine["id"])
    assert result.report["problems"] == []


def test_of_identical_rows_the_first_stays_and_of_differing_ones_none() -> None:
    frame = pd.concat([table(), table().iloc[[4]], table().iloc[[6]].assign(x=0.123)], ignore_index=True)

    result = validate(frame, schema(), params())

    assert sorted(result.quarantine["id"]) == ["k4", "k6", "k6"]
    assert (result.valid["id"] == "k4").sum() == 1
    assert (result.valid["id"] == "k6").sum() == 0
    assert set(result.quarantine["reason"]) == {"id repeats an identical row", "id stands in several rows that differ"}


def test_too_many_bad_rows_are_a_problem_that_names_the_worst() -> None:
    frame = table()
    frame.loc[: N // 2, "x"] = 5

    problems = validate(frame, schema(), params()).report["problems"]

    assert len(problems) == 1
    assert problems[0].startswith(
        "50.25% of the rows are bad; `validate.max_bad_share` allows 1.00%. Mostly: `x` is above 1 (201 rows)"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(y="yes"), "the target `y` is 1 in every row"),
        (lambda f: f.assign(x=0.5), "the feature `x` is constant (0.5)"),
        (lambda f: f.assign(z=np.nan), "the feature `z` is null in every row"),
        (
            lambda f: f.assign(z=(f["y"] == "yes") + f["x"] / 9),
            "the feature `z` predicts the target almost alone (score ",
        ),
    ],
)
def test_what_makes_the_whole_unfit_is_a_problem(change: object, said: str) -> None:
    problems = validate(change(table()), schema(), params()).report["problems"]  # type: ignore[operator]

    assert [said in p for p in problems] == [True]


def test_stale_data_are_a_problem() -> None:
    assert validate(table(), schema(), params(end="2013-01-21")).report["problems"] == []
    problems = validate(table(), schema(), params(end="2013-01-23")).report["problems"]

    assert "the newest row is of 2013-01-20 00:00, more than 2d" in problems[0]


def test_a_column_named_reason_survives_quarantine() -> None:
    frame = table().assign(reason="mine")
    frame.loc[0, "x"] = 5

    result = validate(frame, schema(), params())

    assert result.quarantine.loc[0, ["reason", "quarantine_reason"]].tolist() == ["mine", "x is above 1"]


def test_the_page_escapes_what_comes_from_the_data() -> None:
    frame = table()
    frame["c"] = frame["c"].replace({"a": "<script>alert(1)</script>"})
    features = {**SCHEMA["features"], "c": {"type": "category"}}  # type: ignore[dict-item]

    page = render(validate(frame, schema(features=features), params()).report)

    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Fit to train on." in page
