"""A commit's status: what a branch rule can require."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, get_args

from weighlock.errors import ConfigError
from weighlock.github.text import line

if TYPE_CHECKING:
    from weighlock.github.api import Client

State = Literal["success", "failure", "error", "pending"]
STATES: tuple[str, ...] = get_args(State)
LONGEST = 140  # characters of a description
_SHA = re.compile(r"[0-9a-f]{40}")


def sha_of(text: str) -> str:
    """A full commit id.

    Raises:
        ConfigError: it is none.
    """
    if not _SHA.fullmatch(text):
        raise ConfigError(f"`{line(text, 60)}` is no full commit id of 40 hexadecimal digits.")
    return text


def set_status(
    client: Client, sha: str, state: State, context: str, description: str, target: str | None = None
) -> None:
    """Set the status `context` of the commit `sha`; the newest one holds.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    body = {"state": state, "context": context, "description": line(description, LONGEST)}
    if target and target.startswith(f"{client.server}/"):
        body["target_url"] = target
    client.post(f"statuses/{sha_of(sha)}", body, again=True)
