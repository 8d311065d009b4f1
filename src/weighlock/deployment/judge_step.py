"""Which step of which rollout git wants in an environment, and since when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weighlock.deployment.environment import Candidate, Environment, parse_environment, path_of
from weighlock.errors import ConfigError, EvidenceError
from weighlock.releases.record import Release, read_release
from weighlock.revisions import git


@dataclass(frozen=True)
class Wanted:
    """What is judged.

    Attributes:
        environment: its name.
        state: as the newest commit has it.
        candidate, stable: releases.
        route: of the candidate.
        since: when the commit was made that began this step.
        before: when the step before it began, with the same stable release; None: there was none.
    """

    environment: str
    state: Environment
    candidate: Release
    stable: Release
    route: Candidate
    since: dt.datetime
    before: dt.datetime | None

    @property
    def key(self) -> str:
        """Names this step among all."""
        route = self.route.route.model_dump_json(exclude_none=True)
        return f"{self.stable.version} {self.candidate.version} {route} {self.since:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def alone(self) -> bool:
        """Whether the stable release gets no requests in this step."""
        return self.route.route.weight == 100

    @property
    def mirrored(self) -> bool:
        """Whether both get the same requests."""
        return self.route.route.mirror is not None


def wanted(name: str, root: Path) -> Wanted:
    """The step that an environment is in.

    Raises:
        ConfigError: there is no such environment in git.
        EvidenceError: it has no candidate, or a release has no record.
    """
    changes = _changes(name, root)
    at, state = next(changes, (None, None))
    if at is None or state is None:
        raise ConfigError(
            f"There is no environment `{name}` in git's newest commit: `{path_of(name)}` is missing there."
        )
    if state.candidate is None or state.stable is None:
        raise EvidenceError(
            f"`{path_of(name)}` has no candidate: there is nothing to judge. `weighlock promote` makes one."
        )
    since, before = at, None
    for at, earlier in changes:
        if earlier is not None and _step(earlier) == _step(state) and before is None:
            since = at
        elif earlier is None or earlier.stable != state.stable or earlier.candidate is None:
            before = before or (at if earlier is not None and earlier.stable == state.stable else None)
            break
        else:
            before = at
    candidate, stable = (read_release(version, root) for version in (state.candidate.release, state.stable))
    return Wanted(name, state, candidate, stable, state.candidate, since, before)


def route_in_words(route: Candidate) -> str:
    """How requests reach a candidate."""
    way = route.route
    if way.weight is not None:
        return f"a canary with {way.weight:g} % of the entities"
    if way.mirror is not None:
        return f"a shadow of {way.mirror:g} % of the requests"
    header = way.match.header if way.match else ""
    return f"an A/B test of those that `{header}` names"


def _step(state: Environment) -> tuple[str | None, Candidate | None]:
    return state.stable, state.candidate


def _changes(name: str, root: Path) -> Iterator[tuple[dt.datetime, Environment | None]]:
    """The environment's states, newest first, each with when it came; None where a file does not read or is missing."""
    path = path_of(name)
    done = git(root, "log", "--first-parent", "--format=%H %cI", "HEAD", "--", path)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise EvidenceError(f"git's history of `{path}` cannot be read: {reason}")
    for line in done.stdout.decode().splitlines():
        commit, time = line.split(" ")
        shown = git(root, "show", f"{commit}:./{path}")
        at = dt.datetime.fromisoformat(time).astimezone(dt.UTC)
        try:
            yield at, parse_environment(shown.stdout, path) if shown.returncode == 0 else None
        except ConfigError:
            yield at, None
