"""What a move of an environment is made from, and what has to be so first: a clean tree, a release that holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from weighlock.deployment.audit_records import record_findings, version_of
from weighlock.deployment.environment import FOLDER, Environment
from weighlock.deployment.findings import Finding
from weighlock.deployment.history import History
from weighlock.deployment.policy import DeployParams
from weighlock.deployment.transitions import Earlier, Move, Refused
from weighlock.deployment.wording import one_line
from weighlock.errors import ConfigError, EvidenceError, RepositoryError
from weighlock.releases import record
from weighlock.releases.commits import Base
from weighlock.revisions import git

LEAST_REASON = 10  # characters: "ok" is no reason
EDITED = (FOLDER, record.FOLDER)
BEGUN = "refs/worktree/weighlock-begun"  # what the branch stood on when the move that is not yet said began


@dataclass(frozen=True)
class Done:
    """What came of it.

    Attributes:
        environment: such as production.
        move: from which state to which.
        commit: that holds it; None where nothing was to do, or nothing should be.
        subject: of that commit.
        diff: of the environment's file.
        rendered: the paths that were rendered anew.
        notes: what the user should know beside.
        pushed: to where.
        completed: the commit is of an earlier run, which was killed; nothing else was done.
    """

    environment: str
    move: Move | None
    commit: str | None
    subject: str
    diff: str = ""
    rendered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pushed: str | None = None
    completed: bool = False


def quiet(_: Done) -> None:
    """Tell no one."""


@dataclass(frozen=True)
class How:
    """How a move is made.

    Attributes:
        reason: why, for the commit.
        evidence: what it rests on, such as a judge's verdict, for the commit.
        dry_run: show it only.
        push: to the branch that this one follows.
        offline: go by what was fetched last.
        tell: is given what came of it, before the move counts as said: a run that is killed earlier is not done twice.
    """

    reason: str | None = None
    evidence: str | None = None
    dry_run: bool = False
    push: bool = False
    offline: bool = False
    tell: Callable[[Done], None] = quiet


@dataclass(frozen=True)
class Desk:
    """What a move is made from: the branch, its history, and the policy."""

    root: Path
    name: str
    base: Base
    history: History
    policy: DeployParams
    how: How
    notes: list[str]

    @property
    def state(self) -> Environment:
        """The environment as it is."""
        return self.history.state(self.name)

    @cached_property
    def findings(self) -> list[Finding]:
        """What is wrong with records."""
        return record_findings(self.history.ledger)


def require_reason(how: How, what: str) -> str:
    """A reason as one line, refused where it says nothing.

    Raises:
        ConfigError: it does.
    """
    reason = one_line(how.reason or "")
    if len(reason) < LEAST_REASON:
        raise ConfigError(
            f"`{what}` needs a `--reason` in words ({LEAST_REASON} characters or more): it stands in the commit, and "
            "whoever asks later reads it."
        )
    return reason


def require_clean(root: Path, paths: tuple[str, ...]) -> None:
    """Refuse what is changed and not committed: what is promoted should be what others see."""
    changed = git(root, "status", "--porcelain", "-z", "--untracked-files=no", "--", *paths).stdout
    untracked = git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *EDITED).stdout
    if found := (changed[3:] or untracked).split(b"\0")[0].decode(errors="replace"):
        raise RepositoryError(
            f"The working tree is dirty: `{found}` is not committed as it stands. Commit it, or put it aside (`git "
            "stash --include-untracked`), then run this again. Nothing was changed."
        )


def require_place(desk: Desk) -> None:
    """Refuse an environment that has no place in the order of environments."""
    if desk.name not in desk.policy.environments:
        known = ", ".join(desk.policy.environments)
        raise Refused(
            f"`params.yaml: deploy.environments` says in which order a release goes ({known}), and does not name "
            f"`{desk.name}`. Put it where it belongs."
        )


def require_release(desk: Desk, version: str) -> None:
    """Refuse a release that is not there, or whose record does not hold."""
    ledger = desk.history.ledger
    if record.path_of(version) not in ledger.head.tree:
        known = sorted((v for p in ledger.head.tree if p == record.path_of(v := version_of(p) or "")), key=_number)
        raise EvidenceError(f"There is no release `{version}`; git holds {', '.join(known) or 'none'}.")
    accepted = {known.commit for known in desk.policy.known}
    for finding in desk.findings:
        if finding.version == version and finding.entry.id not in accepted:
            raise EvidenceError(
                f"The record of `{version}` does not hold: {finding.what} That was {finding.entry.id[:9]} by "
                f"{finding.entry.author}. {finding.todo} Nothing was changed."
            )


def _number(version: str) -> int:
    return int(version[1:])


def earlier_of(desk: Desk) -> Earlier | None:
    """What the environment before this one has seen; None where this is the first."""
    name = desk.policy.before(desk.name)
    if name is None:
        return None
    blocked = frozenset(entry.release for entry in desk.history.state(name).blocked)
    return Earlier(name, desk.history.ever_stable(name), blocked)
