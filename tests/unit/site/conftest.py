"""A history without git, and looks at what it came to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from support.stories import BOB, Story
from support.told import EVIL
from weighlock.deployment.environment import Blocked, Candidate, Route
from weighlock.deployment.history import History, history_of

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def story(release_of: Callable[..., Any]) -> Story:
    """v2 went all the way and came back; v3 is a shadow beside v1. Commits are an hour apart."""
    told = Story(release_of)
    for version in ("v1", "v2", "v3"):
        told.release(version)
    told.move("production", stable="v1", by=BOB)
    told.move("production", candidate=Candidate(release="v2", route=Route(weight=10.0)))
    told.move("production", stable="v2", candidate=None)
    blocked = [Blocked(release="v2", reason=f"it was slow {EVIL}")]
    told.move("production", stable="v1", blocked=blocked, said={"Reason": f"it was slow {EVIL}", "Move": "rollback"})
    told.move("production", candidate=Candidate(release="v3", route=Route(mirror=100.0)), said={"Evidence": "judge"})
    return told


@pytest.fixture(scope="session")
def history(story: Story) -> History:
    return history_of(story.ledger())
