"""One value changes, and not a byte beside it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighlock.errors import ConfigError
from weighlock.retraining.knobs import END, with_value

TEXTS = (
    'data:\n  window:   # days\n    start: "2013-01-01"\n    end: "2013-08-31"   # the last\n\nsplit: {end: "x"}\n',
    'data: {window: {end: "2013-08-31", start: null}}  # end: "2013-08-31"\n',
    "# ünïcode 日本\r\ndata:\r\n  window:\r\n    end: 2013-08-31\r\n",
)


@pytest.mark.parametrize("text", TEXTS)
def test_the_value_changes_and_the_rest_stays(text: str) -> None:
    old = '"2013-08-31"' if '"2013-08-31"' in text else "2013-08-31"
    assert with_value(text, END, '"2013-09-30"') == text.replace(old, '"2013-09-30"', 1)


@given(st.dates())
def test_what_was_written_is_read(day: object) -> None:
    for text in TEXTS:
        assert yaml.safe_load(with_value(text, END, f'"{day}"'))["data"]["window"]["end"] == str(day)


BAD = ("data: {window: {start: x}}", "data: {window: {end: }}", "a: [", "", "data: {window: {end: [1]}}")


@pytest.mark.parametrize("text", BAD)
def test_where_there_is_no_value_it_says_so(text: str) -> None:
    with pytest.raises(ConfigError, match=r"params\.yaml"):
        with_value(text, END, "x")
