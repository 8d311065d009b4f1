"""Start another workflow, once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighlock.github.api import Client

UNDER_WAY = ("queued", "in_progress", "waiting", "pending", "requested")


def dispatch(client: Client, workflow: str, ref: str, inputs: Mapping[str, str]) -> None:
    """Start the workflow file `workflow` on the branch `ref`.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    client.post(f"actions/workflows/{quote(workflow, safe='')}/dispatches", {"ref": ref, "inputs": dict(inputs)})


def under_way(client: Client, workflow: str) -> int | None:
    """The number of a run of this workflow that has not ended; None where there is none."""
    path = f"actions/workflows/{quote(workflow, safe='')}/runs"
    for status in UNDER_WAY:
        for run in client.pages(path, "workflow_runs", status=status):
            return int(run["id"])
    return None
