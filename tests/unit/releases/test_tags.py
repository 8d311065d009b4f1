"""Tags: what is written parses back, and nothing else parses. (GTO's own parser is asked in tests/e2e.)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.releases.tags import format_tag, parse_tag


@given(st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True), st.integers(1, 10**6))
def test_what_is_written_parses(name: str, number: int) -> None:
    assert parse_tag(format_tag(name, f"v{number}")) == (name, f"v{number}")


@pytest.mark.parametrize(
    "tag", ["flights", "flights@v1", "flights@v1.0.1", "flights@v1.2.0", "flights@v0.0.0", "Flights@v1.0.0", "@v1.0.0",
            "flights@v01.0.0", "flights@v1.0.0!", "flights#production", "flights@v1.0.0\n"],
)  # fmt: skip
def test_nothing_else_does(tag: str) -> None:
    assert parse_tag(tag) is None
