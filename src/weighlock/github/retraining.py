"""The pull request of a retraining: opened with its proof, or without, for a branch that a killed run left behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.decisions.markdown import code, escaped
from weighlock.errors import RepositoryError
from weighlock.github.comment import Posted
from weighlock.github.marker import ACTIONS
from weighlock.github.pull_request import NewPull, keep_pull
from weighlock.releases.repository import ask, fetch_branch

if TYPE_CHECKING:
    from weighlock.github.api import Client

COST = (
    "> **No checks start by themselves here.** This pull request was opened with `GITHUB_TOKEN`, for which GitHub "
    "starts no workflows. Close and reopen it, or push a commit to its branch by hand. With a GitHub App "
    "(`WEIGHLOCK_APP_ID`, `WEIGHLOCK_APP_KEY`; docs/workflows.md) they start."
)
REFUSED = "The gate says FAIL."  # as the retraining's commit says it


def open_request(client: Client, new: NewPull, login: str) -> Posted:
    """Open or update it; where GitHub Actions itself opens it, its body says what that costs.

    Raises:
        GitHubError: GitHub refuses or does not answer, or the branch is not pushed.
    """
    return keep_pull(client, replace(new, body=f"{new.body}\n\n{COST}\n") if login == ACTIONS else new)


def had_one(client: Client, branch: str) -> bool:
    """Whether a branch of this repository ever had a pull request: one that was closed is an answer.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    there = client.pages("pulls", state="all", head=f"{client.owner}:{branch}")
    return any(pull["head"]["ref"] == branch for pull in there)


def left_behind(branch: str, base: str, root: Path) -> NewPull:
    """What can be said of a branch whose run was killed before it opened a pull request: what its commit says.

    Raises:
        RepositoryError: the branch cannot be fetched.
    """
    failed, mend = f"`{branch}` cannot be fetched", "Run this again."
    tip = fetch_branch("origin", branch, root, "--no-tags", failed=failed, mend=mend)
    if tip is None:
        raise RepositoryError(f"{failed}: `origin` has no such branch. {mend}")
    subject, _, rest = ask(root, "log", "-1", "--format=%B", tip).partition("\n")
    said = "\n\n".join(escaped(line) for line in rest.split("\n") if line.strip())
    body = (
        f"{said}\n\nThe run that made {code(branch)} ended before it opened this pull request, and its report went "
        "with it. The checks here weigh the model anew.\n"
    )
    return NewPull(f"Retrain: {subject}", body, branch, base, draft=REFUSED in rest)
