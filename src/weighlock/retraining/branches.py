"""Which retrainings wait for an answer: branches `retrain/<day>`, here and on the remote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import RepositoryError
from weighlock.releases.repository import last_words
from weighlock.revisions import git

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "retrain/"


@dataclass(frozen=True)
class Waiting:
    """Branches of retrainings, by name.

    Attributes:
        here: that this clone has, and that HEAD does not hold.
        there: that the remote has, and that HEAD does not hold.
        remote: its name; None where there is none.
    """

    here: tuple[str, ...]
    there: tuple[str, ...]
    remote: str | None


def waiting(root: Path, *, remote: str = "origin") -> Waiting:
    """Ask this clone and the remote.

    Raises:
        RepositoryError: the remote does not answer: nobody knows whether a retraining is open.
    """
    here = _branches(git(root, "for-each-ref", "--format=%(objectname)\t%(refname)", f"refs/heads/{PREFIX}").stdout)
    known = git(root, "remote").stdout.decode().split()
    if remote not in known:
        return Waiting(_open(here, root), (), None)
    asked = git(root, "ls-remote", "--heads", remote, f"{PREFIX}*")
    if asked.returncode:
        raise RepositoryError(
            f"whether a retraining is open on `{remote}` cannot be known: {last_words(asked.stderr)}. Mend the remote, "
            "then run this again."
        )
    return Waiting(_open(here, root), _open(_branches(asked.stdout), root), remote)


def _branches(listing: bytes) -> dict[str, str]:
    lines = (line.split("\t") for line in listing.decode().splitlines())
    return {ref.removeprefix("refs/heads/"): commit for commit, ref in lines}


def _open(branches: dict[str, str], root: Path) -> tuple[str, ...]:
    """Those that HEAD does not hold yet: what is merged is answered."""
    return tuple(sorted(name for name, commit in branches.items() if not _merged(commit, root)))


def _merged(commit: str, root: Path) -> bool:
    """Whether HEAD holds a commit, or, where it was squashed or rebased, the changes of all of its branch's commits."""
    if git(root, "merge-base", "--is-ancestor", commit, "HEAD").returncode == 0:
        return True
    told = git(root, "cherry", "HEAD", commit)  # fails where the commit was not fetched: then nobody knows
    lines = told.stdout.decode().splitlines()
    return told.returncode == 0 and bool(lines) and all(line.startswith("-") for line in lines)
