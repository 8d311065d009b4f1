"""Promote, advance and roll back: one edit and one commit each, of an environment and of what it renders to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from weighlock.deployment import transitions
from weighlock.deployment.desk import (
    BEGUN,
    EDITED,
    Desk,
    Done,
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
from weighlock.errors import WeighlockError
from weighlock.params import FILE
from weighlock.releases.commits import Base, commit_files, start
from weighlock.releases.repository import committer, push, require_current
from weighlock.revisions import find_commit, git


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
    notes = []
    if commit := _left_over(base, root, name, kind, version):
        return _finished(base, root, name, commit, how)
    if base.settled:
        notes.append(f"{base.settled[:9]}, of an earlier run that was killed, was brought to an end first.")
    if require_current(base.branch, root, fetch=not how.offline) is None:
        notes.append(f"`{base.branch}` follows no remote branch, so nobody can tell whether it is stale.")
    require_clean(root, EDITED if kind == "rollback" else ())
    history = history_of(read_ledger(root, base.commit))
    desk = Desk(root, name, base, history, read_deploy(root / FILE), how, notes)
    if version is not None:
        require_release(desk, version)
    move = make(desk)
    if move.idle:
        pushed = push(base.branch, base.commit, root).name if how.push and not how.dry_run else None
        done = Done(name, move, None, f"{name}: {described(move.after)} already", notes=notes, pushed=pushed)
        how.tell(done)
        return done
    for checked in move.after.releases:
        if checked != move.before.stable:
            require_release(desk, checked)
    return _committed(desk, move)


def _committed(desk: Desk, move: Move) -> Done:
    path, how = path_of(desk.name), desk.how
    tree, ledger = desk.history.ledger.head.tree, desk.history.ledger
    releases = desk.history.releases(move.after)
    before = ledger.text(tree[path])
    after = rewritten(before.decode(), move.after)
    texts = desk.history.rendered(desk.name, move.after)
    contents: dict[str, bytes | None] = {path: after.encode(), **{p: text.encode() for p, text in texts.items()}}
    contents |= {p: None for p in tree if p.startswith(f"{folder_of(desk.name)}/") and p not in texts}

    def held(p: str, content: bytes | None) -> bool:
        return content == (ledger.text(tree[p]) if p in tree else None)

    done = Done(
        environment=desk.name,
        move=move,
        commit=None,
        subject=f"deploy: {desk.name}: {outcome(move, releases)}",
        diff=diff_of(path, before.decode(), after),
        rendered=sorted(p for p, text in contents.items() if p != path and not held(p, text)),
        notes=[*desk.notes, *remarks(desk, move, releases)],
    )
    if how.dry_run:
        how.tell(done)
        return done
    git(desk.root, "update-ref", BEGUN, desk.base.commit)
    try:
        made = commit_files(desk.root, contents, f"{done.subject}\n\n{trailers(desk, move, releases)}", base=desk.base)
    except WeighlockError:
        git(desk.root, "update-ref", "-d", BEGUN)
        raise
    return _told(replace(done, commit=made.id), desk.base, desk.root, how)


def _left_over(base: Base, root: Path, name: str, kind: str, version: str | None) -> str | None:
    """The commit of this very move that an earlier run has made, and was killed before it could say so."""
    begun = find_commit(BEGUN, root)
    if begun is None:
        return None
    listed = git(
        root, "log", "--first-parent", "-z", "--format=%H%n%P%n%cn <%ce>%n%B", f"{begun}..{base.commit}"
    ).stdout
    for commit in filter(None, listed.decode(errors="replace").split("\0")):
        made, parents, by, message = commit.lstrip("\n").split("\n", 3)
        said = trailers_of(message, name)
        same = said.get("Move") == kind and (version is None or said.get("Record", "").startswith(f"{version} "))
        if parents == begun and same and by == committer(root):
            return made
    return None


def _finished(base: Base, root: Path, name: str, commit: str, how: How) -> Done:
    """What an earlier run has begun, brought to its end."""
    subject = git(root, "log", "-1", "--format=%s", commit).stdout.decode(errors="replace").strip()
    done = Done(name, None, commit, subject, completed=True)
    if how.dry_run:
        how.tell(done)
        return done
    return _told(done, base, root, how)


def _told(done: Done, base: Base, root: Path, how: How) -> Done:
    """The end of a move: pushed where that is asked, said, and no longer begun."""
    if how.push and done.commit:
        done = replace(done, pushed=push(base.branch, done.commit, root).name)
    how.tell(done)
    git(root, "update-ref", "-d", BEGUN)
    return done
