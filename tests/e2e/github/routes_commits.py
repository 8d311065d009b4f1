"""Commits: their statuses, refs and files."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING, Any

from github.description import LEFT_OUT
from github.routes import Refused, Request, commit_of, git, repository_json, route, status_json
from github.state import Status

if TYPE_CHECKING:
    from github.server import GitHub


@route("repos/create-commit-status")
def statuses_create(github: GitHub, request: Request) -> tuple[int, Any]:
    body, sha = request.body, commit_of(github, request.values["sha"])
    if len(body.get("description") or "") > 140:
        raise Refused(422, "description is too long (maximum is 140 characters)")
    status = Status(
        next(github.ids), sha, body.get("context", "default"), body["state"], body.get("description") or "",
        body.get("target_url") or "", request.token.author,
    )  # fmt: skip
    github.statuses.append(status)
    return 201, status_json(github, status)


@route("repos/list-commit-statuses-for-ref")
def statuses_list(github: GitHub, request: Request) -> tuple[int, Any]:
    sha = commit_of(github, request.values["ref"])
    return 200, [status_json(github, one) for one in reversed(github.statuses) if one.sha == sha]


@route("repos/get-combined-status-for-ref")
def statuses_combined(github: GitHub, request: Request) -> tuple[int, Any]:
    sha = commit_of(github, request.values["ref"])
    newest = {one.context: one for one in github.statuses if one.sha == sha}
    states = {one.state for one in newest.values()}
    state = (
        "failure" if states & {"error", "failure"} else "pending" if "pending" in states or not states else "success"
    )
    return 200, {"state": state, "sha": sha, "total_count": len(newest),
                 "statuses": [status_json(github, one) for one in newest.values()]}  # fmt: skip


@route("repos/get")
def repository(github: GitHub, request: Request) -> tuple[int, Any]:
    full = f"{request.values['owner']}/{request.values['repo']}"
    if full != github.repository:
        raise Refused(404, "Not Found")
    shown = repository_json(github, full)
    shown["owner"]["type"] = github.owner_kind
    # GitHub's own example lacks a language, and is a fork's
    return 200, {**shown, "language": "Python", "source": LEFT_OUT, "parent": LEFT_OUT}


@route("git/get-ref")
def refs_get(github: GitHub, request: Request) -> tuple[int, Any]:
    ref = f"refs/{request.values['ref']}"
    sha = git(github, "rev-parse", "--verify", "--quiet", ref)
    if not sha:
        raise Refused(404, "Not Found")
    return 200, {"ref": ref, "object": {"sha": sha, "type": git(github, "cat-file", "-t", sha)}}


@route("git/create-ref")
def refs_create(github: GitHub, request: Request) -> tuple[int, Any]:
    ref, sha = request.body["ref"], commit_of(github, request.body["sha"])
    if git(github, "rev-parse", "--verify", "--quiet", ref):
        raise Refused(422, "Reference already exists")
    git(github, "update-ref", ref, sha)
    return 201, {"ref": ref, "object": {"sha": sha, "type": "commit"}}


@route("git/delete-ref")
def refs_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    if git(github, "rev-parse", "--verify", "--quiet", f"refs/{request.values['ref']}") is None:
        raise Refused(422, "Reference does not exist")
    git(github, "update-ref", "-d", f"refs/{request.values['ref']}")
    return 204, None


@route("repos/get-branch")
def branches_get(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.values["branch"]
    sha = git(github, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
    if not sha:
        raise Refused(404, "Branch not found")
    return 200, {"name": name, "commit": {"sha": sha}}


@route("repos/get-commit")
def commits_get(github: GitHub, request: Request) -> tuple[int, Any]:
    sha = commit_of(github, request.values["ref"])
    when = git(github, "show", "-s", "--format=%cI", sha)
    return 200, {"sha": sha, "commit": {"message": git(github, "show", "-s", "--format=%B", sha),
                                        "committer": {"date": when}}}  # fmt: skip


@route("repos/list-commits")
def commits_list(github: GitHub, request: Request) -> tuple[int, Any]:
    found = git(github, "log", "--format=%H %cI", request.query.get("sha", "main")) or ""
    words = [line.split() for line in found.splitlines()]
    return 200, [{"sha": sha, "commit": {"committer": {"date": when}}} for sha, when in words]


@route("repos/get-content")
def contents_get(github: GitHub, request: Request) -> tuple[int, Any]:
    path, ref = request.values["path"], request.query.get("ref", "main")
    done = subprocess.run(
        ["git", "-C", str(github.origin), "cat-file", "blob", f"{ref}:{path}"], capture_output=True, check=False
    )
    if done.returncode:
        raise Refused(404, "Not Found")
    sha = str(git(github, "rev-parse", f"{ref}:{path}"))
    return 200, {"type": "file", "encoding": "base64", "path": path, "name": path.rpartition("/")[2], "sha": sha,
                 "size": len(done.stdout), "content": base64.b64encode(done.stdout).decode()}  # fmt: skip
