"""Environments, weights and people in words: the same in messages, tables and the trailers of commits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from weighlock.deployment.environment import Environment, Route

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\U0010ffff]")
NOTHING = "nothing"


def described(environment: Environment) -> str:
    """What runs: `v7, v8 at 10 %`."""
    if environment.stable is None:
        return NOTHING
    candidate = environment.candidate
    return environment.stable + (f", {candidate.release} {way(candidate.route)}" if candidate else "")


def way(route: Route) -> str:
    """How a candidate is reached: `at 10 %`, `mirroring 100 %`, `for X-Entity-Id = a, b`."""
    if route.weight is not None:
        return f"at {percent(route.weight)}"
    if route.mirror is not None:
        return f"mirroring {percent(route.mirror)}"
    if route.match is None:  # a Route has one of the three
        raise AssertionError(route)
    return one_line(f"for {route.match.header} = {', '.join(route.match.values)}")


def percent(value: float) -> str:
    """`10 %`, `0.5 %`."""
    return f"{value:g} %"


def percents(values: Sequence[float]) -> str:
    """`10 %, 50 %`."""
    return ", ".join(percent(value) for value in values)


def one_line(text: str) -> str:
    """A text that cannot write a line of its own, nor anything to a terminal."""
    return _UNPRINTABLE.sub("", " ".join(text.split()))
