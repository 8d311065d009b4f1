"""What is known of a fork before anything is judged: frozen, and each fact either known or not asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Unasked:
    """A fact that could not be learnt, and why."""

    reason: str


Maybe: TypeAlias = T | Unasked


@dataclass(frozen=True)
class Place:
    """A store of files: DVC's remote, the prediction log.

    Attributes:
        address: as it was configured.
        reached: whether it answers; False with the reason in `said`.
        writable: whether it takes a file.
    """

    address: str
    reached: Maybe[bool]
    writable: Maybe[bool]
    said: str = ""


@dataclass(frozen=True)
class Workflow:
    """A file of `.github/workflows`.

    Attributes:
        name: such as `watch.yml`.
        cron: whether the clock starts it.
        secrets, variables: that it names.
    """

    name: str
    cron: bool
    secrets: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ruleset:
    """A file of `.github/rulesets`.

    Attributes:
        file: its path.
        name: by which GitHub knows it.
        rules: the types of its rules, such as `pull_request`.
        checks: the status checks that it requires.
    """

    file: str
    name: str
    rules: frozenset[str]
    checks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Local:
    """What the clone itself says, without a network.

    Attributes:
        committer: `Name <mail>`; None where git does not know.
        slug: owner/name on GitHub; None where `origin` leads elsewhere.
        origin: its address; None where there is no such remote.
        shallow: whether history is cut off.
        last_commit: of the branch that the clone is on, as `branch` calls it.
        owners: that `CODEOWNERS` names; None where there is no such file.
        outcomes: where outcomes come from; None where that is not set.
        database: whether data or outcomes come from one.
        hashes: whether columns are logged as hashes.
        stable: environment -> release; None where nothing is stable.
        remote, log: None where not configured.
        tools: of this machine, by name.
    """

    committer: str | None
    slug: str | None
    origin: str | None
    shallow: bool
    branch: str
    last_commit: dt.datetime
    owners: tuple[str, ...] | None
    stable: Mapping[str, str | None]
    remote: Place | None
    log: Place | None
    outcomes: str | None
    database: bool
    hashes: bool
    workflows: tuple[Workflow, ...]
    rulesets: tuple[Ruleset, ...]
    tools: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Remote:
    """What GitHub says.

    Attributes:
        default_branch: such as `main`.
        archived, issues: of the repository.
        actions: whether Actions may run at all.
        opens_requests: whether `GITHUB_TOKEN` may open pull requests.
        writes: whether `GITHUB_TOKEN` may write where a workflow does not say.
        secrets, variables: their names; the organisation's that reach here with them.
        rulesets: active ones, name -> GitHub's number for it.
        rules: the types of rules that hold for the default branch.
        checks: the status checks that are required there.
        pages: how Pages is built: `workflow`, `legacy`; None where it is off.
        states: workflow file -> `active`, `disabled_inactivity` …
        owner_errors: what GitHub finds wrong with `CODEOWNERS`.
        deletes_merged: whether the branch of a merged pull request goes.
        keeps_words: whether a squashed merge keeps its commits' messages.
    """

    default_branch: Maybe[str]
    archived: Maybe[bool]
    issues: Maybe[bool]
    actions: Maybe[bool]
    opens_requests: Maybe[bool]
    writes: Maybe[bool]
    secrets: Maybe[frozenset[str]]
    variables: Maybe[frozenset[str]]
    rulesets: Maybe[Mapping[str, int]]
    rules: Maybe[frozenset[str]]
    checks: Maybe[frozenset[str]]
    pages: Maybe[str | None]
    states: Maybe[Mapping[str, str]]
    owner_errors: Maybe[tuple[str, ...]]
    deletes_merged: Maybe[bool]
    keeps_words: Maybe[bool]


def unasked(reason: str) -> Remote:
    """GitHub was not asked for anything."""
    nothing = Unasked(reason)
    return Remote(*(nothing,) * 16)
