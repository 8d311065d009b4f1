"""Bring a branch's commit and its run's artifact here, both unopened: the one step before weighing that has a token."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.github.status import sha_of
from weighlock.proposals.archive import LARGEST_ARCHIVE, NAME
from weighlock.revisions import find_commit, git

if TYPE_CHECKING:
    from pathlib import Path

    from weighlock.github.api import Client


def fetch_commit(client: Client, head: str, root: Path) -> None:
    """The commit's objects; no file of it is checked out, and no reference made.

    Raises:
        EvidenceError: `origin` does not have it.
    """
    if find_commit(sha_of(head), root) is not None:
        return
    # in the environment, where no list of processes shows it
    secret = base64.b64encode(f"x-access-token:{client.token}".encode()).decode()
    env = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{client.server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: basic {secret}",
    }
    done = git(root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", head, env=env)
    if done.returncode or find_commit(head, root) is None:
        said = " ".join(done.stderr.decode(errors="replace").split())[-300:]
        raise EvidenceError(f"`git fetch origin {head}` fails: {said}. Was the branch pushed to since? Run it again.")


def fetch_artifact(client: Client, run: int, target: Path) -> bool:
    """The archive that a run left; whether it left one.

    Raises:
        EvidenceError: it is larger than any honest one.
        GitHubError: GitHub refuses or does not answer.
    """
    target.unlink(missing_ok=True)
    found = [a for a in client.pages(f"actions/runs/{run}/artifacts", "artifacts") if a["name"] == NAME]
    left = [a for a in found if not a.get("expired")]
    if not left:
        return False
    newest = max(left, key=lambda a: int(a["id"]))
    if int(newest["size_in_bytes"]) > LARGEST_ARCHIVE:
        raise EvidenceError(
            f"the artifact of run {run} has {int(newest['size_in_bytes']):,} bytes; {LARGEST_ARCHIVE:,} are allowed."
        )
    client.download(f"actions/artifacts/{int(newest['id'])}/zip", target, LARGEST_ARCHIVE)
    return True
