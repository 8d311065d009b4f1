"""params.yaml: a typo stops the run and is named."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighlock.config import parse, read_yaml
from weighlock.errors import ConfigError
from weighlock.params import Params, read_params, to_timedelta

SHIPPED = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


def changed(path: str, value: object) -> dict:
    content = copy.deepcopy(SHIPPED)
    *parents, last = path.split(".")
    at = content
    for part in parents:
        at = at[part]
    at[last] = value
    return content


def test_the_shipped_file_says_what_it_should() -> None:
    params = read_params()

    assert params.data.source.python == "flights.source:load"
    assert (params.data.window.start, params.data.window.end) == (dt.date(2013, 1, 1), dt.date(2013, 8, 31))
    assert params.split.holdout == "28d"
    assert set(params.train.learners) == {"linear", "lightgbm", "random_forest"}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("trian", {}, "`trian` is not a known key. Did you mean `train`?"),
        ("train.sede", 1, "`train.sede` is not a known key. Did you mean `seed`?"),
        ("data.windw", {}, "`data.windw` is not a known key. Did you mean `window`?"),
        ("train.search.folds", "3", "`train.search.folds` should be a valid integer, but is '3'."),
        ("train.search.folds", 1, "`train.search.folds` should be greater than or equal to 2, but is 1."),
        ("train.seed", 1.5, "`train.seed` should be a valid integer"),
        ("train.seed", True, "`train.seed` should be a valid integer"),
        ("validate.max_bad_share", 1.5, "`validate.max_bad_share` should be less than or equal to 1"),
        ("validate.max_bad_share", float("nan"), "`validate.max_bad_share`"),
        ("data.window.end", "august", "`data.window.end` should be a day such as 2013-08-31, but is 'august'."),
        ("data.window.end", "2012-12-31", "`data.window` should not end before it starts"),
        ("data.timezone", "New York", "`data.timezone` should be a time zone such as UTC"),
        ("data.source", {}, "`data.source` should have exactly one of `python`, `files`, `sql`"),
        ("data.source", {"python": "a:b", "files": "c.csv"}, "`data.source` should have exactly one of"),
        ("data.source.python", "flights.source", "`data.source.python` should be a dotted path"),
        ("split.by", "tiem", "`split.by` should be 'time', 'group' or 'hash', but is 'tiem'."),
        ("split.holdout", "28", "`split.holdout` should be a duration such as 28d"),
        ("split.holdout", "0d", "`split.holdout` should be a duration such as 28d"),
        ("split.holdout", 0.2, "`split` should give validation and holdout in the same way"),
        ("split.by", "hash", "`split` should give shares, not durations"),
        ("train.learners", {}, "`train.learners` Dictionary should have at least 1 item"),
        ("train.learners.linear.trials", 0, "`train.learners.linear.trials` should be greater than or equal to 1"),
        ("train.learners.linear.space.C", {"low": 2, "high": 1}, "should have low < high"),
        ("refit", "nver", "`refit` should be 'always' or 'never', but is 'nver'."),
    ],
)
def test_a_wrong_key_or_value_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(changed(path, value), Params, "params.yaml")

    assert said in str(caught.value)


def test_a_missing_key_is_named() -> None:
    content = copy.deepcopy(SHIPPED)
    del content["train"]["seed"]

    with pytest.raises(ConfigError, match=r"`train\.seed` is missing\."):
        parse(content, Params, "params.yaml")


def test_every_misfit_is_listed_at_once() -> None:
    content = changed("trian", 1)
    content["split"]["by"] = "tiem"

    with pytest.raises(ConfigError) as caught:
        parse(content, Params, "params.yaml")

    assert "trian" in str(caught.value)
    assert "split.by" in str(caught.value)


def test_refit_never_can_be_said_in_one_word() -> None:
    assert parse(changed("refit", "never"), Params, "params.yaml").refit.when == "never"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "stands twice"),
        ("a: [1\n", "is not valid YAML"),
        ("- 1\n", "should hold keys and values"),
        ("", "should hold keys and values"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "params.yaml").write_text(text)

    with pytest.raises(ConfigError, match=said):
        read_params(tmp_path / "params.yaml")


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="weighlock init"):
        read_params(tmp_path / "params.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=8) | st.sampled_from(list(SHIPPED)), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
def test_nothing_but_a_config_error_comes_of_any_content(content: object) -> None:
    try:
        parse(content, Params, "params.yaml")
    except ConfigError as error:
        assert "params.yaml" in str(error)


def test_a_yaml_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"a: \xff\n")

    with pytest.raises(ConfigError, match="not valid YAML"):
        read_yaml(tmp_path / "params.yaml", Params)


@pytest.mark.parametrize(("text", "hours"), [("28d", 672), ("12h", 12), ("4w", 672), ("1 d", 24)])
def test_durations(text: str, hours: int) -> None:
    assert to_timedelta(text) == dt.timedelta(hours=hours)
