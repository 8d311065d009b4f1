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


def told(rest: Idle, clocks: tuple[str, ...]) -> tuple[str, str]:
    """Title and body of the issue that warns, in Markdown."""
    when = f"in {rest.left} days" if rest.left else "any day now"
    title = f"The clock stops {when}: nothing was committed for {rest.days} days"
    body = (
        f"GitHub disables scheduled workflows in a repository without activity for {LIMIT} days. The newest commit "
        f"here is {rest.days} days old, so {when} nothing watches production, retrains or judges a rollout any more, "
        "and nobody is told.\n\nAny commit keeps the clock running:\n\n```console\n"
        '$ git commit --allow-empty --message "chore: keep the clock running"\n$ git push\n```\n\n'
        "Where it has stopped, start it again:\n\n```console\n"
        + "".join(f"$ gh workflow enable {name}\n" for name in clocks)
        + "```\n\nThis issue is closed once there is a commit.\n"
    )
    return title, body
