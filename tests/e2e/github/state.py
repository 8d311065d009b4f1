"""What GitHub would remember of a repository; tests read it, and set it."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def now() -> str:
    """The time, as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    number: int  # of the issue or pull request
    body: str
    author: str
    edits: int = 0
    created: str = field(default_factory=now)


@dataclass
class Issue:
    """An issue."""

    number: int
    title: str
    body: str
    author: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    created: str = field(default_factory=now)
    is_pull: bool = False


@dataclass
class Pull(Issue):
    """A pull request; `head` is a branch of `head_repository`, `head_sha` its newest commit."""

    head: str = ""
    head_sha: str = ""
    head_repository: str = ""
    base: str = "main"
    base_sha: str = ""
    draft: bool = False
    merged: str | None = None  # the commit that merged it
    reviewers: list[str] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Status:
    """A commit's status."""

    id: int
    sha: str
    context: str
    state: str
    description: str
    target_url: str
    author: str


@dataclass
class Asset:
    """A file of a release."""

    id: int
    name: str
    content: bytes
    content_type: str


@dataclass
class Release:
    """A GitHub release."""

    id: int
    tag: str
    name: str
    body: str
    target: str
    draft: bool = False
    prerelease: bool = False
    author: str = ""
    assets: list[Asset] = field(default_factory=list)


@dataclass(frozen=True)
class Dispatch:
    """A workflow that was asked to run; `event` is `workflow_dispatch` or `repository_dispatch`."""

    event: str
    workflow: str  # its file, or the event's type
    ref: str
    inputs: dict[str, Any]
    author: str


@dataclass(frozen=True)
class Token:
    """Who speaks, and what they may do: scope -> read, write or admin; `*` stands for all."""

    author: str
    rights: dict[str, str]

    def may(self, scope: str, right: str) -> bool:
        """Whether it has at least that right."""
        order = ["none", "read", "write", "admin"]
        held = self.rights.get(scope, self.rights.get("*", "none"))
        return order.index(held) >= order.index(right)


@dataclass(frozen=True)
class Call:
    """A request, as it came."""

    method: str
    path: str
    operation: str
    status: int
    author: str
    body: Any


@dataclass
class State:
    """Everything that the mock knows."""

    repository: str = "acme/flights"
    owner_kind: str = "User"
    pulls: list[Pull] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)  # without pull requests
    comments: list[Comment] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    dispatches: list[Dispatch] = field(default_factory=list)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    rulesets: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)  # names
    variables: dict[str, str] = field(default_factory=dict)
    environments: list[str] = field(default_factory=list)
    workflows: dict[str, str] = field(default_factory=dict)  # file -> active, disabled_inactivity …
    pages: dict[str, Any] | None = None
    installation: dict[str, str] | None = None  # the App's rights on the repository
    actions_permissions: dict[str, Any] = field(
        default_factory=lambda: {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    )
    actions_enabled: bool = True
    tokens: dict[str, Token] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    faults: deque[tuple[str, int, dict[str, str]]] = field(default_factory=deque)
    problems: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    ids: Any = field(default_factory=lambda: itertools.count(1000))

    def thread(self, number: int) -> Issue | None:
        """The issue or pull request of a number."""
        return next((one for one in [*self.pulls, *self.issues] if one.number == number), None)

    def comments_on(self, number: int) -> list[Comment]:
        """The comments of an issue or pull request, oldest first."""
        return [one for one in self.comments if one.number == number]

    def status(self, sha: str, context: str) -> Status | None:
        """A commit's newest status of that context."""
        return next((one for one in reversed(self.statuses) if (one.sha, one.context) == (sha, context)), None)

    def open_pull(self, head: str) -> Pull | None:
        """The open pull request of a branch."""
        return next((one for one in self.pulls if one.head == head and one.state == "open"), None)
