"""The events that GitHub would send, as payloads for act; each from the state, as GitHub makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from github import routes, routes_pulls
from github.server import GitHub
from github.state import Dispatch, Pull


@dataclass(frozen=True)
class Event:
    """An event: its name, what comes with it, and which commit's workflows GitHub would run."""

    name: str
    payload: dict[str, Any]
    sha: str
    ref: str  # GITHUB_REF
    actor: str
    fork: bool = False  # of a fork's pull request: no secrets, and a token that only reads
    inputs: dict[str, Any] = field(default_factory=dict)


def _event(github: GitHub, name: str, payload: dict[str, Any], ref: str, actor: str, **more: Any) -> Event:
    sha = more.pop("sha", None) or routes.commit_of(github, ref)
    whole = {"repository": routes.repository_json(github, github.repository), "sender": routes.user(actor), **payload}
    return Event(name, whole, sha, ref, actor, **more)


def push(github: GitHub, before: str, ref: str = "refs/heads/main", actor: str = "ada") -> Event:
    """A push to a ref that stood at `before`."""
    after = routes.commit_of(github, ref)
    commit = {"id": after, "message": routes.git(github, "show", "-s", "--format=%B", after)}
    payload = {"ref": ref, "before": before, "after": after, "head_commit": commit, "commits": [commit],
               "created": False, "deleted": False, "forced": False}  # fmt: skip
    return _event(github, "push", payload, ref, actor)


def pull_request(github: GitHub, pull: Pull, action: str = "opened") -> Event:
    """A pull request that was opened, or to which was pushed (`synchronize`)."""
    routes_pulls.refresh(github, pull)
    payload = {"action": action, "number": pull.number, "pull_request": routes.pull_json(github, pull)}
    fork = pull.head_repository != github.repository
    return _event(github, "pull_request", payload, f"refs/pull/{pull.number}/merge", pull.author, fork=fork)


def dispatch(github: GitHub, inputs: dict[str, Any] | None = None, ref: str = "main", actor: str = "ada") -> Event:
    """A workflow that someone started by hand."""
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    payload = {"inputs": inputs or {}, "ref": full}
    return _event(github, "workflow_dispatch", payload, full, actor, inputs=inputs or {})


def dispatched(github: GitHub, asked: Dispatch) -> Event:
    """The event of a dispatch that a workflow asked for."""
    if asked.event == "workflow_dispatch":
        return dispatch(github, asked.inputs, asked.ref, asked.author)
    payload = {"action": asked.workflow, "client_payload": asked.inputs, "branch": "main"}
    return _event(github, "repository_dispatch", payload, "refs/heads/main", asked.author)


def schedule(github: GitHub, cron: str = "0 3 * * *") -> Event:
    """The clock."""
    return _event(github, "schedule", {"schedule": cron}, "refs/heads/main", "ada")


def workflow_run(github: GitHub, run: Any, action: str = "completed") -> Event:
    """The end of a run that `act` did: main's workflows are told of it. `run` is what `Repository.act` returned."""
    whole = routes.run_json(github, run.record)
    full = run.record["head_repository"]
    # GitHub leaves `pull_requests` empty for forks, and so does this for all: look the pull request up by its commit
    whole |= {"head_repository": routes.repository_json(github, full), "pull_requests": []}
    payload = {
        "action": action,
        "workflow_run": whole,
        "workflow": {"name": run.record["name"], "path": run.record["path"]},
    }
    return _event(github, "workflow_run", payload, "refs/heads/main", run.record["actor"]["login"])


def issue_comment(github: GitHub, number: int, body: str, author: str = "ada") -> Event:
    """A comment that someone wrote."""
    thread = github.thread(number)
    assert thread
    comment = {"id": next(github.ids), "body": body, "user": routes.user(author)}
    payload = {"action": "created", "issue": routes.issue_json(github, thread), "comment": comment}
    return _event(github, "issue_comment", payload, "refs/heads/main", author)
