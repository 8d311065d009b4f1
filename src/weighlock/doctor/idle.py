"""GitHub turns the clock off where nothing happens for 60 days: how long that still takes. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LIMIT = 60  # days without activity, after which GitHub disables scheduled workflows
WARN = 50


@dataclass(frozen=True)
class Idle:
    """How long nothing was committed.

    Attributes:
        days: whole days since the last commit.
    """

    days: int

    @property
    def left(self) -> int:
        """Days until the clock stops; 0 where it may have."""
        return max(0, LIMIT - self.days)

    @property
    def near(self) -> bool:
        """Whether someone should know."""
        return self.days >= WARN


def idle(last_commit: dt.datetime, now: dt.datetime) -> Idle:
    """How long a repository has been idle; both times aware. A commit of the future is one of now."""
    return Idle(max(0, (now - last_commit).days))
