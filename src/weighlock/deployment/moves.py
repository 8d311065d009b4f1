"""Promote, advance and roll back: one edit and one commit each, of an environment and of what it renders to."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from weighlock.deployment import transitions
from weighlock.deployment.audit_records import record_findings, version_of
from weighlock.deployment.environment import Environment, Route, path_of, rewritten
from weighlock.deployment.findings import Finding
from weighlock.deployment.history import History, history_of
from weighlock.deployment.ledger import Ledger, read_ledger
from weighlock.deployment.policy import DeployParams, read_deploy
from weighlock.deployment.rendered import RENDERED, render_environment
from weighlock.deployment.trailers import format_trailers, trailers_of
from weighlock.deployment.transitions import Earlier, Move, Refused
from weighlock.deployment.wording import described, one_line, percents, way
from weighlock.errors import ConfigError, EvidenceError, RepositoryError
from weighlock.params import FILE
from weighlock.releases import record
from weighlock.releases.commits import Base, commit_files, start
from weighlock.releases.record import Release
from weighlock.releases.repository import push, require_current, upstream_of
from weighlock.revisions import git

LEAST_REASON = 10  # characters: "ok" is no reason
_EDITED = ("deploy", "releases")


@dataclass(frozen=True)
class How:
    """How a move is made.

    Attributes:
        reason: why, for the commit.
        evidence: what it rests on, such as a judge's verdict, for the commit.
        dry_run: show it only.
        push: to the branch that this one follows.
        offline: go by what was fetched last.
    """

    reason: str | None = None
    evidence: str | None = None
    dry_run: bool = False
    push: bool = False
    offline: bool = False


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


@dataclass(frozen=True)
class _Desk:
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
        _require_reason(how, "--unblock")

    def move(desk: _Desk) -> Move:
        _require_place(desk)
        return transitions.promote(desk.state, version, route, now=now, unblock=unblock, earlier=_earlier(desk))

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
    reason = _require_reason(how, "rollback")
    return _moved(
        name, root, how, "rollback",
        lambda desk: transitions.rollback(desk.state, desk.history.past(name), reason, to),
    )  # fmt: skip


def _moved(
    name: str, root: Path, how: How, kind: str, make: Callable[[_Desk], Move], version: str | None = None
) -> Done:
    base = start(root)
    earlier = _left_over(base, name, kind, version, how, root)
    if isinstance(earlier, Done):
        return earlier
    notes = [earlier] if earlier else []
    if require_current(base.branch, root, fetch=not how.offline) is None:
        notes.append(f"`{base.branch}` follows no remote branch, so nobody can tell whether it is stale.")
    _require_clean(root, _EDITED if kind == "rollback" else ())
    history = history_of(read_ledger(root, base.commit))
    desk = _Desk(root, name, base, history, read_deploy(root / FILE), how, notes)
    if version is not None:
        _require_release(desk, version)
    move = make(desk)
    if move.idle:
        return Done(name, move, None, f"{name}: {described(move.after)} already", notes=notes)
    for checked in move.after.releases:
        if checked != move.before.stable:
            _require_release(desk, checked)
    return _committed(desk, move)


def _committed(desk: _Desk, move: Move) -> Done:
    path = path_of(desk.name)
    tree, ledger = desk.history.ledger.head.tree, desk.history.ledger
    releases = desk.history.releases(move.after)
    before = ledger.text(tree[path])
    after = rewritten(before.decode(), move.after)
    texts = render_environment(desk.name, move.after, releases)
    stale = [p for p in tree if p.startswith(f"{RENDERED}/{desk.name}/") and p not in texts]
    contents: dict[str, bytes | None] = {path: after.encode(), **{p: text.encode() for p, text in texts.items()}}
    contents |= dict.fromkeys(stale)
    subject = f"deploy: {desk.name}: {_outcome(move, releases)}"
    done = Done(
        environment=desk.name,
        move=move,
        commit=None,
        subject=subject,
        diff=_diff(path, before.decode(), after),
        rendered=sorted(p for p in contents if p != path and not _same(ledger, tree.get(p), contents[p])),
        notes=[*desk.notes, *_remarks(desk, move, releases)],
    )
    if desk.how.dry_run:
        return done
    made = commit_files(desk.root, contents, f"{subject}\n\n{_trailers(desk, move, releases)}", base=desk.base)
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


def _require_reason(how: How, what: str) -> str:
    reason = one_line(how.reason or "")
    if len(reason) < LEAST_REASON:
        raise ConfigError(
            f"`{what}` needs a `--reason` in words ({LEAST_REASON} characters or more): it stands in the commit, and "
            "whoever asks later reads it."
        )
    return reason


def _require_clean(root: Path, paths: tuple[str, ...]) -> None:
    """Refuse what is changed and not committed: what is promoted should be what others see."""
    changed = git(root, "status", "--porcelain", "-z", "--untracked-files=no", "--", *paths).stdout
    untracked = git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", *_EDITED).stdout
    if found := (changed[3:] or untracked).split(b"\0")[0].decode(errors="replace"):
        raise RepositoryError(
            f"The working tree is dirty: `{found}` is not committed as it stands. Commit it, or put it aside (`git stash "
            "--include-untracked`), then run this again. Nothing was changed."
        )


def _require_place(desk: _Desk) -> None:
    if desk.name not in desk.policy.environments:
        known = ", ".join(desk.policy.environments)
        raise Refused(
            f"`params.yaml: deploy.environments` says in which order a release goes ({known}), and does not name "
            f"`{desk.name}`. Put it where it belongs."
        )


def _require_release(desk: _Desk, version: str) -> None:
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


def _earlier(desk: _Desk) -> Earlier | None:
    name = desk.policy.before(desk.name)
    if name is None:
        return None
    blocked = frozenset(entry.release for entry in desk.history.state(name).blocked)
    return Earlier(name, desk.history.ever_stable(name), blocked)


def _outcome(move: Move, releases: Mapping[str, Release]) -> str:
    """What has become of it, for the commit's first line."""
    before, after = move.before, move.after
    if move.kind == "rollback" and before.candidate and after.stable == before.stable:
        return f"{before.candidate.release} taken away and blocked"
    version = after.candidate.release if after.candidate else after.stable or ""
    named = f"{releases[version].name} {version}" if version in releases else version
    if move.kind == "rollback":
        return f"back to {named}, {before.stable} blocked"
    return f"{named} {way(after.candidate.route)}" if after.candidate else f"{named} is stable"


def _trailers(desk: _Desk, move: Move, releases: Mapping[str, Release]) -> str:
    after = move.after
    version = after.candidate.release if after.candidate else after.stable or ""
    ledger = desk.history.ledger
    content = ledger.text(ledger.head.tree[record.path_of(version)])
    verdict = releases[version].verdict
    return format_trailers(
        {
            "Environment": desk.name,
            "Move": move.kind,
            "From": described(move.before),
            "To": described(after),
            "Record": f"{version} sha256:{hashlib.sha256(content).hexdigest()}",
            "Verdict": f"{verdict.outcome}{' (bootstrap)' if verdict.bootstrap else ''} {verdict.evidence}",
            "Skipped": percents(move.skipped),
            "Unblocked": move.unblocked,
            "Evidence": desk.how.evidence,
            "Reason": desk.how.reason,
        }
    )


def _remarks(desk: _Desk, move: Move, releases: Mapping[str, Release]) -> list[str]:
    remarks = []
    if move.skipped:
        remarks.append(f"Steps passed over: {percents(move.skipped)}. The commit says so.")
    for version in move.after.releases:
        judged = releases[version].verdict.champion if version in releases else None
        last = desk.policy.environments[-1:] == [desk.name]
        if last and move.kind == "promote" and judged and version != move.before.stable != judged:
            remarks.append(f"{version} was weighed against {judged}, and {move.before.stable} is stable here.")
    return remarks


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(lines)


def _same(ledger: Ledger, blob: str | None, content: bytes | None) -> bool:
    return content == (ledger.text(blob) if blob else None)
