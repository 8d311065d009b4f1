"""Workflows, their runs and dispatches."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from github.routes import Refused, Request, commit_of, git, route, run_json
from github.state import Dispatch

if TYPE_CHECKING:
    from github.server import GitHub


@route("actions/create-workflow-dispatch")
def workflows_dispatch(github: GitHub, request: Request) -> tuple[int, Any]:
    body, name = request.body, request.values["workflow_id"]
    commit_of(github, f"refs/heads/{body['ref'].removeprefix('refs/heads/')}")
    if git(github, "cat-file", "-e", f"{body['ref']}:.github/workflows/{name}") is None:
        raise Refused(404, "Not Found")
    dispatch = Dispatch("workflow_dispatch", name, body["ref"], body.get("inputs") or {}, request.token.author)
    github.dispatches.append(dispatch)
    return 204, None


@route("repos/create-dispatch-event")
def repository_dispatch(github: GitHub, request: Request) -> tuple[int, Any]:
    body = request.body
    payload = body.get("client_payload") or {}
    github.dispatches.append(Dispatch("repository_dispatch", body["event_type"], "main", payload, request.token.author))
    return 204, None


@route("actions/list-workflow-runs", "actions/list-workflow-runs-for-repo")
def runs_list(github: GitHub, request: Request) -> tuple[int, Any]:
    query = request.query
    wanted = request.values.get("workflow_id")
    found = [
        run for run in reversed(github.runs)
        if (not wanted or run["path"].endswith(f"/{wanted}") or str(run.get("workflow_id")) == wanted)
        and query.get("branch", run["head_branch"]) == run["head_branch"]
        and query.get("event", run["event"]) == run["event"]
        and query.get("head_sha", run["head_sha"]) == run["head_sha"]
        and query.get("status", run["status"]) in {run["status"], run["conclusion"]}
    ]  # fmt: skip
    return 200, {"total_count": len(found), "workflow_runs": [run_json(github, run) for run in found]}


def artifact_id(run: str | int, name: str) -> int:
    """The number of a run's artifact: the same whenever it is asked for."""
    return int(run) * 1000 + sum(name.encode()) % 1000


@route("actions/download-artifact")
def artifact_archive(github: GitHub, request: Request) -> tuple[int, Any]:
    wanted = int(request.values["artifact_id"])
    for place in (github.kept / "artifacts").glob("*/*"):
        if artifact_id(place.parent.name, place.name) == wanted:
            return 200, place.read_bytes() if place.is_file() else zipped(place)
    raise Refused(404, "Not Found")


def zipped(folder: Path) -> bytes:
    """A folder as GitHub hands it out."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(one for one in folder.rglob("*") if one.is_file()):
            archive.write(file, file.relative_to(folder))
    return content.getvalue()


@route("actions/list-workflow-run-artifacts")
def runs_artifacts(github: GitHub, request: Request) -> tuple[int, Any]:
    runs_get(github, request)
    held = github.kept / "artifacts" / request.values["run_id"]
    shown = [
        {"name": folder.name, "id": artifact_id(request.values["run_id"], folder.name), "expired": False,
         "size_in_bytes": sum(file.stat().st_size for file in (folder, *folder.rglob("*")) if file.is_file())}
        for folder in (sorted(held.iterdir()) if held.is_dir() else ())
    ]  # fmt: skip
    return 200, {"total_count": len(shown), "artifacts": shown}


@route("actions/get-workflow-run")
def runs_get(github: GitHub, request: Request) -> tuple[int, Any]:
    found = [run for run in github.runs if run["id"] == int(request.values["run_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return 200, run_json(github, found[0])


def workflow_json(github: GitHub, name: str) -> dict[str, Any]:
    path = f".github/workflows/{name}"
    return {"path": path, "name": name.partition(".")[0], "state": github.workflows.get(name, "active")}


@route("actions/list-repo-workflows")
def workflows_list(github: GitHub, request: Request) -> tuple[int, Any]:
    names = (git(github, "ls-tree", "--name-only", "main:.github/workflows") or "").splitlines()
    return 200, {"total_count": len(names), "workflows": [workflow_json(github, name) for name in names]}


@route("actions/get-workflow")
def workflows_get(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.values["workflow_id"]
    if git(github, "cat-file", "-e", f"main:.github/workflows/{name}") is None:
        raise Refused(404, "Not Found")
    return 200, workflow_json(github, name)


@route("actions/enable-workflow")
def workflows_enable(github: GitHub, request: Request) -> tuple[int, Any]:
    github.workflows[request.values["workflow_id"]] = "active"
    return 204, None
