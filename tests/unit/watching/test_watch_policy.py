"""`params.yaml: watch` is strict, and what it means is what decides."""

from __future__ import annotations

import pytest

from weighlock.config import parse
from weighlock.errors import ConfigError
from weighlock.watching.policy import WatchParams, read_watch, with_window


def test_the_repositorys_own_is_the_default():
    assert read_watch() == WatchParams()
    assert read_watch().limits.error == pytest.approx(0.005)


@pytest.mark.parametrize("window", ["12h", "0d", "a week", "500d"])
def test_a_window_is_whole_days(window):
    with pytest.raises(ConfigError, match="window"):
        with_window(WatchParams(), window)


@pytest.mark.parametrize(
    "content", [{"windows": "7d"}, {"reference": "last"}, {"faults": {"nul": 0.1}}, {"margin": -1.0}]
)
def test_misspelt_and_impossible_keys_are_named(content):
    with pytest.raises(ConfigError, match=next(iter(content))):
        parse(content, WatchParams, "watch")
