"""What may become of an environment: promote, advance and roll back, as functions from one state to the next.

Pure: what git's history says comes in as arguments; what is not allowed is refused with what to do instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from weighlock.deployment.environment import Blocked, Candidate, Environment, Route
from weighlock.deployment.wording import described, percent
from weighlock.errors import EvidenceError

STABLE = "stable"  # where `advance --to` may lead, beside a weight


class Refused(EvidenceError):  # noqa: N818  (an answer as much as an error)
    """A move that an environment does not allow; nothing was changed."""


@dataclass(frozen=True)
class Move:
    """One step of an environment.

    Attributes:
        kind: the command.
        before, after: the states; equal where there was nothing to do.
        skipped: weights of `steps` that it passes over.
        unblocked: the release that it lets come back.
    """

    kind: Literal["promote", "advance", "rollback"]
    before: Environment
    after: Environment
    skipped: tuple[float, ...] = ()
    unblocked: str | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing changes."""
        return self.before == self.after


@dataclass(frozen=True)
class Earlier:
    """What the environment before this one has seen of releases.

    Attributes:
        name: such as staging.
        stable: every release that is or was stable there.
        blocked: those that it has blocked.
    """

    name: str
    stable: frozenset[str]
    blocked: frozenset[str]


def promote(
    environment: Environment,
    version: str,
    route: Route | None = None,
    *,
    now: bool = False,
    unblock: bool = False,
    earlier: Earlier | None = None,
) -> Move:
    """Bring a release in: stable at once where it is the first, or with `now`; else a candidate.

    Args:
        environment: as it is.
        version: the release.
        route: how requests reach the candidate; None: the first of `steps`, or, for one that is candidate already, as
            it is.
        now: no candidate: it takes stable's place.
        unblock: it may have been blocked.
        earlier: the environment that it must have gone through; None: this is the first.

    Raises:
        Refused: it was not stable in the environment before, is blocked, or another candidate is in its way.
    """
    _require_order(version, earlier)
    freed, unblocked = _unblocked(environment, version, unblock=unblock)
    candidate = environment.candidate
    if version == environment.stable:
        if candidate and now:
            raise Refused(f"`{version}` is stable already, and `{candidate.release}` tried beside it. Roll that back.")
        if candidate or route:
            raise Refused(f"`{version}` is stable already: it cannot be a candidate beside itself.")
        return Move("promote", environment, environment)
    if candidate and candidate.release != version:
        raise Refused(
            f"`{candidate.release}` is the candidate ({described(environment)}), and there is one at a time. Advance "
            f"it until it is stable, or roll it back, before `{version}`."
        )
    if environment.stable is None or now:
        if route and environment.stable is None:
            raise Refused(f"Nothing is stable yet, so `{version}` is at once: there is nothing to share requests with.")
        after = changed(freed, stable=version, candidate=None)
    else:
        kept = candidate.route if candidate else Route(weight=environment.steps[0])
        after = changed(freed, candidate=Candidate(release=version, route=route or kept))
    return Move("promote", environment, after, skipped(environment, after), unblocked)


def advance(environment: Environment, to: float | Literal["stable"] | None = None) -> Move:
    """The candidate's next step: the next of `steps`, and after the last it is stable.

    Args:
        environment: as it is.
        to: how far; steps between are skipped. None: one step.

    Raises:
        Refused: there is no candidate, or it would go back.
    """
    if environment.candidate is None:
        raise Refused(f"There is no candidate to advance ({described(environment)}). `weighlock promote` makes one.")
    candidate, weight = environment.candidate, environment.candidate.route.weight
    higher = [step for step in environment.steps if weight is None or step > weight]
    target = to if to is not None else higher[0] if higher else STABLE
    if target == STABLE:
        after = changed(environment, stable=candidate.release, candidate=None)
    else:
        if weight is not None and float(target) < weight:
            raise Refused(
                f"`{candidate.release}` has {percent(weight)} already, more than {percent(float(target))}. To take it "
                f"back: `weighlock promote {candidate.release} ENVIRONMENT --weight {float(target):g}`, or `rollback`."
            )
        after = changed(environment, candidate=Candidate(release=candidate.release, route=Route(weight=float(target))))
    return Move("advance", environment, after, skipped(environment, after))


def rollback(environment: Environment, past: Sequence[str], reason: str, to: str | None = None) -> Move:
    """Take the candidate away, or, where there is none, go back to the release before; what goes is blocked.

    Args:
        environment: as it is.
        past: what has been stable here, oldest first.
        reason: why, which stands beside the block.
        to: the release to go back to; the stable one: the candidate alone is taken away.

    Raises:
        Refused: there is nothing to go back to, or not to that.
    """
    stable, candidate = environment.stable, environment.candidate
    if stable is None:
        raise Refused("Nothing runs here, so there is nothing to roll back.")
    blocked = {entry.release for entry in environment.blocked}
    target = to or (stable if candidate else _before(stable, past, blocked))
    if target == stable and candidate is None:
        return Move("rollback", environment, environment)
    if target in blocked:
        raise Refused(
            f"`{target}` is blocked here. `weighlock promote {target} … --now --unblock --reason …` brings it back."
        )
    if target != stable and target not in past:
        known = ", ".join(dict.fromkeys(v for v in past if v != stable and v not in blocked)) or "none"
        raise Refused(f"`{target}` was never stable here; what was, and is not blocked: {known}.")
    gone = [candidate.release] if candidate else []
    gone += [stable] if target != stable else []
    entries = [Blocked(release=version, reason=reason) for version in gone if version != target]
    after = changed(environment, stable=target, candidate=None, blocked=[*environment.blocked, *entries])
    return Move("rollback", environment, after)


def skipped(before: Environment, after: Environment) -> tuple[float, ...]:
    """The weights of `steps` that a change of state passes over.

    None are where the first release comes in, where the stable one is blocked by it (a rollback), and where a weight
    is lowered.
    """
    if before.stable is None:
        return ()
    if after.stable != before.stable:
        if after.stable is None or before.stable in {entry.release for entry in after.blocked}:
            return ()
        reached, upto = _reached(before, after.stable), float("inf")
    elif after.candidate and after.candidate.route.weight is not None:
        reached, upto = _reached(before, after.candidate.release), after.candidate.route.weight
    else:
        return ()
    return tuple(step for step in before.steps if reached < step < upto)


def changed(environment: Environment, **parts: object) -> Environment:
    """The environment with other parts, checked as a file would be."""
    return Environment.model_validate({**dict(environment), **parts})


def _reached(environment: Environment, version: str) -> float:
    """The weight that a release has as a candidate; 0 where it is none, or has another route."""
    candidate = environment.candidate
    return candidate.route.weight or 0.0 if candidate and candidate.release == version else 0.0


def _require_order(version: str, earlier: Earlier | None) -> None:
    if earlier is None:
        return
    if version in earlier.blocked:
        raise Refused(f"`{version}` is blocked in {earlier.name}, so it goes no further.")
    if version not in earlier.stable:
        raise Refused(
            f"`{version}` has never been stable in {earlier.name}, and that comes first: `weighlock promote {version} "
            f"{earlier.name}`."
        )


def _unblocked(environment: Environment, version: str, *, unblock: bool) -> tuple[Environment, str | None]:
    """The environment without the release's block, and the release where it had one."""
    entries = [entry for entry in environment.blocked if entry.release == version]
    if not entries:
        return environment, None
    if not unblock:
        raise Refused(
            f"`{version}` is blocked: {entries[0].reason.rstrip('.')}. It does not come back by itself; "
            "if that is mended: `--unblock --reason …`."
        )
    return changed(environment, blocked=[entry for entry in environment.blocked if entry not in entries]), version


def _before(stable: str, past: Sequence[str], blocked: set[str]) -> str:
    for version in reversed(past):
        if version != stable and version not in blocked:
            return version
    raise Refused(
        f"There is nothing before `{stable}` to go back to: nothing else was stable here, or it is blocked. Promote a "
        "release that mends it: `weighlock promote … --now`."
    )
