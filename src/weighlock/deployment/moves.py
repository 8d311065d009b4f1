"""Promote, advance and roll back: one edit and one commit each, of an environment and of what it renders to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from weighlock.deployment import transitions
from weighlock.deployment.desk import (
    EDITED,
    Desk,
    How,
    earlier_of,
    require_clean,
    require_place,
    require_reason,
    require_release,
)
from weighlock.deployment.environment import Route, path_of, rewritten
from weighlock.deployment.history import history_of
from weighlock.deployment.ledger import read_ledger
from weighlock.deployment.message import diff_of, outcome, remarks, trailers
from weighlock.deployment.policy import read_deploy
from weighlock.deployment.render import folder_of
from weighlock.deployment.trailers import trailers_of
from weighlock.deployment.transitions import Move
from weighlock.deployment.wording import described
from weighlock.params import FILE
from weighlock.releases.commits import Base, commit_files, start
from weighlock.releases.repository import push, require_current, upstream_of
from weighlock.revisions import git


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


def promote(
    name: str,
    version: str,
    root: Path,
    how: How,
    *,
    route: Route | None = None,
    now: bool = False,
    unblock: bool = False,
) -> Done:
    """Bring a release into an environment.

    Args:
        name: the environment.
        version: the release.
        root: the repository's.
        how: reason, dry run, push.
        route: how requests reach the candidate; None: the first of `steps`.
        now: stable at once.
        unblock: although it was blocked.

    Raises:
        Refused: the environment does not allow it.
        EvidenceError: there is no such release, or its record does not hold.
        RepositoryError: the branch is stale, the tree is dirty, someone else was first, or git refuses.
    """
    if unblock:
        require_reason(how, "--unblock")

    def move(desk: Desk) -> Move:
        require_place(desk)
        return transitions.promote(desk.state, version, route, now=now, unblock=unblock, earlier=earlier_of(desk))

    return _moved(name, root, how, "promote", move, version)


def advance(name: str, root: Path, how: How, *, to: float | Literal["stable"] | None = None) -> Done:
    """Bring an environment's candidate to its next step; after the last it is stable.

    Args:
        name: the environment.
        root: the repository's.
        how: reason, dry run, push.
        to: how far; None: one step. Asked twice, it is done once.

    Raises:
        Refused, EvidenceError, RepositoryError: as `promote`.
    """
    return _moved(name, root, how, "advance", lambda desk: transitions.advance(desk.state, to))


def rollback(name: str, root: Path, how: How, *, to: str | None = None) -> Done:
    """Take an environment's candidate away, or, where there is none, go back to the release before.

    Args:
        name: the environment.
        root: the repository's.
        how: the reason, which has to be given; dry run, push.
        to: the release to go back to.

    Raises:
        Refused, EvidenceError, RepositoryError: as `promote`.
    """
    reason = require_reason(how, "rollback")
    return _moved(
        name, root, how, "rollback",
        lambda desk: transitions.rollback(desk.state, desk.history.past(name), reason, to),
    )  # fmt: skip


def _moved(
    name: str, root: Path, how: How, kind: str, make: Callable[[Desk], Move], version: str | None = None
) -> Done:
    base = start(root)
    earlier = _left_over(base, name, kind, version, how, root)
    if isinstance(earlier, Done):
        return earlier
    notes = [earlier] if earlier else []
    if require_current(base.branch, root, fetch=not how.offline) is None:
        notes.append(f"`{base.branch}` follows no remote branch, so nobody can tell whether it is stale.")
    require_clean(root, EDITED if kind == "rollback" else ())
    history = history_of(read_ledger(root, base.commit))
    desk = Desk(root, name, base, history, read_deploy(root / FILE), how, notes)
    if version is not None:
        require_release(desk, version)
    move = make(desk)
    if move.idle:
        return Done(name, move, None, f"{name}: {described(move.after)} already", notes=notes)
    for checked in move.after.releases:
        if checked != move.before.stable:
            require_release(desk, checked)
    return _committed(desk, move)


def _committed(desk: Desk, move: Move) -> Done:
    path = path_of(desk.name)
    tree, ledger = desk.history.ledger.head.tree, desk.history.ledger
    releases = desk.history.releases(move.after)
    before = ledger.text(tree[path])
    after = rewritten(before.decode(), move.after)
    texts = desk.history.rendered(desk.name, move.after)
    stale = [p for p in tree if p.startswith(f"{folder_of(desk.name)}/") and p not in texts]
    contents: dict[str, bytes | None] = {path: after.encode(), **{p: text.encode() for p, text in texts.items()}}
    contents |= dict.fromkeys(stale)

    def held(p: str, content: bytes | None) -> bool:
        return content == (ledger.text(tree[p]) if p in tree else None)

    subject = f"deploy: {desk.name}: {outcome(move, releases)}"
    done = Done(
        environment=desk.name,
        move=move,
        commit=None,
        subject=subject,
        diff=diff_of(path, before.decode(), after),
        rendered=sorted(p for p, text in contents.items() if p != path and not held(p, text)),
        notes=[*desk.notes, *remarks(desk, move, releases)],
    )
    if desk.how.dry_run:
        return done
    made = commit_files(desk.root, contents, f"{subject}\n\n{trailers(desk, move, releases)}", base=desk.base)
    return replace(done, commit=made.id, pushed=_push(desk.base, made.id, desk.root) if desk.how.push else None)


def _left_over(base: Base, name: str, kind: str, version: str | None, how: How, root: Path) -> Done | str | None:
    """What a run that was killed has left: this very move, which is now complete, another, in words, or nothing."""
    candidates = [base.settled] if base.settled else []
    if how.push and (upstream := upstream_of(base.branch, root)):
        ahead = git(root, "rev-list", "--max-count=1", f"refs/remotes/{upstream.name}..{base.commit}").stdout
        candidates += [base.commit] if ahead.strip() else []
    for commit in candidates:
        message = git(root, "log", "-1", "--format=%B", commit).stdout.decode(errors="replace")
        said = trailers_of(message, name)
        if said.get("Move") == kind and (version is None or said.get("Record", "").startswith(f"{version} ")):
            pushed = _push(base, commit, root) if how.push and not how.dry_run else None
            return Done(name, None, commit, message.partition("\n")[0], pushed=pushed, completed=True)
    if base.settled:
        return f"{base.settled[:9]}, the commit of an earlier run that was killed, has been brought to an end first."
    return None


def _push(base: Base, commit: str, root: Path) -> str:
    return push(base.branch, commit, root).name
