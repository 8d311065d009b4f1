"""schema.yaml: the data contract."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.config import parse
from weighlock.errors import ConfigError
from weighlock.schema import Schema, label, read_schema

SMALL = {
    "task": "binary",
    "target": "late",
    "classes": [False, True],
    "key": "id",
    "time": "when",
    "group": None,
    "freshness": "2d",
    "features": {"x": {"type": "number", "min": 0, "max": 1}, "c": {"type": "category", "values": ["a", 1, True]}},
    "others": {"delay": {"type": "number", "known": "after"}},
}


def test_the_shipped_file_reads() -> None:
    schema = read_schema()

    assert schema.classes == ["false", "true"]
    assert len(schema.features) == 21
    assert schema.others["arrival_delay"].known == "after"


def test_categories_and_classes_are_text_whatever_yaml_made_of_them() -> None:
    schema = parse(SMALL, Schema, "schema.yaml")

    assert schema.features["c"].values == ["a", "1", "true"]
    assert schema.classes == ["false", "true"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tsk": "binary"}, "`tsk` is not a known key. Did you mean `task`?"),
        ({"task": "ranking"}, "`task` should be 'binary', 'multiclass' or 'regression'"),
        ({"classes": [True]}, "should have two `classes` where the task is binary"),
        ({"classes": [True, "true"]}, "should not name anything twice"),
        ({"task": "multiclass"}, "should have three `classes` or more"),
        ({"task": "regression"}, "should have no `classes`"),
        ({"time": None}, "should have `freshness` only where there is a `time` column"),
        ({"key": "late"}, "should give target, key and time a column each"),
        ({"target": "x"}, "should not have `x` among the features as well"),
        ({"others": {"c": {"type": "number"}}}, "should not have `c` among the features as well"),
        ({"features": {}}, "`features` Dictionary should have at least 1 item"),
        ({"features": {"x": {"type": "float"}}}, "`features.x.type` should be 'number', 'integer'"),
        ({"features": {"x": {"typ": "number"}}}, "`features.x.typ` is not a known key. Did you mean `type`?"),
        ({"features": {"x": {"type": "number", "min": 2, "max": 1}}}, "`features.x` should have min <= max"),
        ({"features": {"x": {"type": "number", "min": "0"}}}, "`features.x.min` should be a valid number, but is '0'."),
        ({"features": {"x": {"type": "category", "min": 0}}}, "should have `min` and `max` only where"),
        ({"features": {"x": {"type": "number", "values": ["a"]}}}, "should list `values` only where"),
        ({"features": {"x": {"type": "number", "nullable": "no"}}}, "`features.x.nullable` should be a valid boolean"),
        ({"freshness": "soon"}, "`freshness` should be a duration such as 28d"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse({**SMALL, **change}, Schema, "schema.yaml")

    assert said in str(caught.value)


def test_a_feature_known_only_after_the_outcome_is_refused() -> None:
    features = {**SMALL["features"], "arrival": {"type": "number", "known": "after"}}

    with pytest.raises(ConfigError, match=r"`arrival` is known only after the outcome.*to `others`"):
        parse({**SMALL, "features": features}, Schema, "schema.yaml").require_no_outcome()


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (3, "3"), (3.0, "3"), (2.5, "2.5"), ("JFK", "JFK")]
)
def test_labels(value: object, text: str) -> None:
    assert label(value) == text


@given(
    st.dictionaries(
        st.sampled_from([*SMALL, "extra"]),
        st.none() | st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=3),
        max_size=6,
    )
)
def test_nothing_but_a_config_error_comes_of_any_change(change: dict) -> None:
    try:
        parse({**SMALL, **change}, Schema, "schema.yaml")
    except ConfigError as error:
        assert "schema.yaml" in str(error)
