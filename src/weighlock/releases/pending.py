"""Whether the tree's models still have to be released, by digests alone: neither a model nor a cache is needed.

A release is proposed in a branch of its own, `release/v8`, with the record, its tag, and the promotion that follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighlock.errors import RepositoryError
from weighlock.layout import SERVED, WEIGHED
from weighlock.releases.compose import locked
from weighlock.releases.record import Release, next_version, parse_release, path_of, read_release, versions
from weighlock.releases.repository import ask, fetch_branch
from weighlock.revisions import find_commit, git

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "release/"
REMOTE = "origin"
RUN = "Run"  # in the message of the commit that adds a record
_RUN = re.compile(rf"^{RUN}: (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Pending:
    """What has become of the models that `dvc.lock` names.

    Attributes:
        state: released: a record is here; proposed: it waits in `branch`; new: there is none.
        version: that they have, or will have.
        branch: in which their release is proposed.
        tip: the commit of that branch; None where there is none.
        run: the number of the workflow's run that proposed it, whose artifacts hold what was built; empty where none.
    """

    state: Literal["released", "proposed", "new"]
    version: str
    branch: str
    tip: str | None = None
    run: str = ""


def find_pending(root: Path, *, fetch: bool = True) -> Pending:
    """What has become of the working tree's models.

    Args:
        root: the repository.
        fetch: ask the remote for a release that is proposed; else what was last fetched counts.

    Raises:
        EvidenceError: there is no `dvc.lock`, or a record does not read.
        RepositoryError: the remote does not answer, or a release of other models is proposed under the next version.
    """
    held = locked(root)
    for version in reversed(versions(root)):
        if _same(read_release(version, root), held):
            return Pending("released", version, PREFIX + version)
    version = next_version(root)
    branch = PREFIX + version
    tip = _there(branch, root, fetch=fetch) or find_commit(f"refs/heads/{branch}", root)
    if tip is None:
        return Pending("new", version, branch)
    shown = git(root, "show", f"{tip}:./{path_of(version)}")
    if shown.returncode == 0 and _same(parse_release(shown.stdout, f"{branch}:{path_of(version)}"), held):
        return Pending("proposed", version, branch, tip, _run_of(tip, path_of(version), root))
    raise RepositoryError(
        f"`{branch}` proposes a release of other models. Merge its pull request, or close it and remove the branch, "
        "its tag and its GitHub release; then run this again."
    )


def switch_to(found: Pending, root: Path) -> None:
    """Go to the branch of a release that is proposed, or begin one; what is not committed stays as it is.

    Raises:
        RepositoryError: git refuses.
    """
    ask(root, "switch", "--quiet", "--no-track", "--force-create", found.branch, found.tip or "HEAD")
    if REMOTE in ask(root, "remote").split():
        ask(root, "config", f"branch.{found.branch}.remote", REMOTE)
        ask(root, "config", f"branch.{found.branch}.merge", f"refs/heads/{found.branch}")


def _same(release: Release, held: dict[str, str]) -> bool:
    """Whether a release's models are those of a `dvc.lock`, file by file."""
    return all(
        bool(artifact.files) and artifact.files == {p: d for p, d in held.items() if p.startswith(f"{folder}/")}
        for folder, artifact in ((WEIGHED, release.weighed), (SERVED, release.served))
    )


def _run_of(tip: str, path: str, root: Path) -> str:
    """The run that the commit of a record names."""
    message = ask(root, "log", "-1", "--diff-filter=A", "--format=%B", tip, "--", path)
    found = _RUN.search(message)
    return found[1] if found else ""


def _there(branch: str, root: Path, *, fetch: bool) -> str | None:
    """The tip of the remote's branch, brought here; None where there is none, or no remote."""
    if REMOTE not in ask(root, "remote").split():
        return None
    if not fetch:
        return find_commit(f"refs/remotes/{REMOTE}/{branch}", root)
    failed = f"whether `{branch}` is on `{REMOTE}` cannot be known"
    return fetch_branch(REMOTE, branch, root, failed=failed, mend="Mend the remote, then run this again.")
