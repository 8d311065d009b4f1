"""What GitHub knows of retrainings: whether one's pull request is open, and when the last one was opened."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weighlock.github.api import Client

MOST = 1000  # pull requests that are looked through for the last one


@dataclass(frozen=True)
class Retrainings:
    """Their pull requests.

    Attributes:
        open: whether one waits for an answer.
        last: when the newest was opened, answered or not; None where there was none.
    """

    open: bool
    last: dt.datetime | None


def read_retrainings(client: Client, prefix: str) -> Retrainings:
    """Pull requests of this repository's own branches that begin with `prefix`; anyone's fork may have such a branch.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    newest = client.pages("pulls", state="all", sort="created", direction="desc")
    last = next((pull for pull in islice(newest, MOST) if _is_own(pull, prefix, client)), None)
    waiting = any(_is_own(pull, prefix, client) for pull in client.pages("pulls", state="open"))
    return Retrainings(waiting, dt.datetime.fromisoformat(last["created_at"]) if last else None)


def _is_own(pull: Any, prefix: str, client: Client) -> bool:
    head = pull["head"]
    repository = (head.get("repo") or {}).get("full_name") or ""
    return str(head["ref"]).startswith(prefix) and repository.lower() == client.repository.lower()
