"""A move of an environment, committed in this clone, brought to everyone: as a commit, or as a pull request.

A pull request's branch is named by what it changes from which commit, so that a timer that comes to the same conclusion
again, or a run that goes on where one was killed, opens no second one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from weighlock.deployment.environment import path_of
from weighlock.deployment.policy import Way
from weighlock.deployment.trailers import trailers_of
from weighlock.errors import RepositoryError
from weighlock.github.pull_request import NewPull, keep_pull
from weighlock.releases.repository import Upstream, ask, last_words, upstream_of
from weighlock.revisions import git

if TYPE_CHECKING:
    from weighlock.github.api import Client

LIMIT = 60
# what GitHub says where a branch rule refuses a push
_PROTECTED = re.compile(r"GH006|GH013|protected branch|push declined|rule violations|hook declined", re.IGNORECASE)
_MOVED = re.compile(r"\[rejected\]|stale info|cannot lock ref|fetch first|non-fast-forward", re.IGNORECASE)


@dataclass(frozen=True)
class Moved:
    """A move that this clone alone has.

    Attributes:
        commit: that holds it.
        subject, body: of its message.
        environment, kind: production, rollback.
        step: the commit that the environment's state came with, before the move.
        to: what it leads to, in words.
    """

    commit: str
    subject: str
    body: str
    environment: str
    kind: str
    step: str
    to: str

    @property
    def branch(self) -> str:
        """Of its pull request: the same move of the same step has the same, whatever else was committed meanwhile."""
        to = re.sub(r"[^a-z0-9.]+", "-", self.to.lower()).strip("-.")[:LIMIT]
        return f"deploy/{self.environment}-{self.kind}-{self.step[:9]}-{to}"


@dataclass(frozen=True)
class Delivered:
    """How it came to everyone.

    Attributes:
        way: commit, pull_request, or declined: its pull request was closed, not merged, and nobody has asked again.
        where: the branch, or the pull request's address.
        note: what went otherwise than asked, and what to do about it.
    """

    way: Literal["commit", "pull_request", "declined"]
    where: str
    note: str = ""


def find_move(environment: str, root: Path) -> tuple[Moved, Upstream] | None:
    """The newest commit, where it is a move of this environment that the branch's upstream lacks; None: nothing to do.

    Raises:
        RepositoryError: the branch follows none, or has more than that one commit of its own.
    """
    branch = ask(root, "symbolic-ref", "--quiet", "--short", "HEAD", otherwise="no branch is checked out.")
    upstream = upstream_of(branch, root)
    if upstream is None:
        raise RepositoryError(
            f"`{branch}` follows no remote branch: nobody can be told. `git push -u origin {branch}`."
        )
    there = f"refs/remotes/{upstream.name}"
    own = ask(root, "rev-list", f"{there}..HEAD").splitlines()
    if not own:
        return None
    message = ask(root, "log", "-1", "--format=%B", "HEAD")
    said = trailers_of(message, environment)
    if len(own) > 1 or "Move" not in said:
        raise RepositoryError(
            f"`{branch}` has {len(own)} commits that `{upstream.name}` lacks, and should have the one move of "
            f"`{environment}` alone. Begin from a fresh clone."
        )
    subject, _, body = message.partition("\n")
    step = ask(root, "log", "-1", "--format=%H", "HEAD^", "--", path_of(environment))
    return Moved(own[0], subject, body.strip(), environment, said["Move"], step, said.get("To", "")), upstream


def deliver(
    client: Client, moved: Moved, upstream: Upstream, way: Way, root: Path, *, again: bool = False, asked_by: str = ""
) -> Delivered:
    """Push the move to its branch, or open its pull request, also where the branch takes no push of ours.

    Args:
        client: of the repository.
        moved, upstream: of `find_move`.
        way: what is tried first.
        root: the repository.
        again: open a pull request although people closed one of this very move.
        asked_by: whose wish it is.

    Raises:
        RepositoryError: someone else was first, or the remote does not take it.
        GitHubError: GitHub refuses or does not answer.
    """
    note = ""
    if way == "commit":
        refused = _pushed(moved.commit, upstream.ref, upstream, root)
        if not refused:
            return Delivered("commit", upstream.name)
        note = (
            f"`{upstream.name}` takes no commit from this token ({refused}), so it is a pull request, and waits for "
            "someone to merge it. Set up the GitHub App, and let it pass the branch rules: docs/workflows.md."
        )
    pulls = list(client.pages("pulls", state="all", head=f"{client.owner}:{moved.branch}"))
    if waiting := [pull for pull in pulls if pull["state"] == "open"]:  # reviews of it stay: nothing is pushed over it
        return Delivered("pull_request", waiting[0]["html_url"], note)
    if (closed := [pull for pull in pulls if not pull.get("merged_at")]) and not again:
        note = "its pull request was closed and not merged, so it is not opened again."
        return Delivered("declined", closed[0]["html_url"], note)
    if refused := _pushed(moved.commit, f"refs/heads/{moved.branch}", upstream, root, force=True):
        raise RepositoryError(f"`{moved.branch}` cannot be pushed: {refused}.")
    posted = keep_pull(client, NewPull(moved.subject, _body(moved, asked_by, note), moved.branch, upstream.branch))
    return Delivered("pull_request", posted.url, note)


def _pushed(commit: str, ref: str, upstream: Upstream, root: Path, *, force: bool = False) -> str:
    """Push a commit; empty once it is there, else why a rule refuses it."""
    spec = f"{'+' if force else ''}{commit}:{ref}"
    done = git(root, "push", "--quiet", "--porcelain", upstream.remote, spec)
    if done.returncode == 0:
        return ""
    said = (done.stdout + done.stderr).decode(errors="replace")
    if _MOVED.search(said) and not _PROTECTED.search(said):
        raise RepositoryError(
            f"someone else was first: `{upstream.name}` has moved. Run this again, which begins there."
        )
    if not _PROTECTED.search(said) and "denied" not in said and "403" not in said:
        raise RepositoryError(f"`git push {upstream.remote}` refuses: {last_words(done.stderr or done.stdout)}.")
    lines = [line for line in said.splitlines() if _PROTECTED.search(line)] or said.strip().splitlines()
    told = sorted(lines, key=lambda line: not line.startswith("remote:"))  # what the server says in words
    return " ".join(told[0].removeprefix("remote:").split())[:200].rstrip(".")


def _body(moved: Moved, asked_by: str, note: str) -> str:
    """The pull request's text: the commit's, as it was written; nothing in it is read as Markdown."""
    fence = "~" * max(3, 1 + max((len(run) for run in re.findall("~+", moved.body)), default=0))
    asked = f"\nAsked for by {asked_by}.\n" if asked_by else ""
    told = f"\n> {note}\n" if note else ""
    return (
        f"{told}{asked}\n{fence}\n{moved.body}\n{fence}\n\nMerging it is the approval; machines and clusters follow.\n"
    )
