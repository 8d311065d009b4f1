"""Post a verdict: one comment on each open pull request of the commit, and the commit's status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.github.comment import keep_comment
from weighlock.github.owners import unguarded
from weighlock.github.pull_request import find_by_head
from weighlock.github.status import set_status

if TYPE_CHECKING:
    from pathlib import Path

    from weighlock.github.api import Client
    from weighlock.proposals.record import Record, State

CONTEXT, MARKER = "weighlock/gate", "gate"


def post(client: Client, record: Record, comment: str, root: Path, login: str, run: str, branch: str) -> list[str]:
    """Post it; what was done, a line each. The status comes first: it is what protects main.

    Args:
        record: the verdict.
        comment: Markdown.
        root: main's clone.
        login: who we are.
        run: the address of the run.
        branch: that is protected.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    state, description = guarded(client, record, root, branch)
    set_status(client, record.head, state, CONTEXT, description, run)
    done = [f"{CONTEXT} of {record.head[:7]}: {state} ({description})"]
    if state != record.state:
        comment = f"{comment.rstrip()}\n\n**{description}.**\n"
    pulls = find_by_head(client, record.head)
    for pull in pulls:
        posted = keep_comment(client, pull.number, MARKER, comment, login, fresh=record.fresh)
        done.append(f"comment on #{pull.number}: {posted.done}")
    if not pulls:
        done.append(f"no open pull request ends at {record.head[:7]}: it was pushed to, closed or merged since")
    return done


def guarded(client: Client, record: Record, root: Path, branch: str) -> tuple[State, str]:
    """State and description; a success that owners have to approve is one only where GitHub sees to that."""
    if record.state != "success" or not record.owners:
        return record.state, record.description
    why = unguarded(client, branch, record.owners, root)
    return ("failure", f"needs its owners' approval, but {why}") if why else (record.state, record.description)
