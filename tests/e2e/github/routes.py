"""What each operation of GitHub's API does to the state: `ROUTES`, by the description's names of operations.

The handlers are in the modules `routes_…`; here is what they share.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from github.state import Asset, Comment, Issue, Pull, Release, Status, Token

if TYPE_CHECKING:
    from github.server import GitHub


class Refused(Exception):  # noqa: N818
    """GitHub would say no, with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request that the description knows."""

    operation: str
    method: str
    values: dict[str, str]
    query: dict[str, str]
    body: Any
    token: Token
    headers: dict[str, str]

    @property
    def number(self) -> int:
        return int(self.values.get("issue_number") or self.values["pull_number"])


APP = "weighlock-test[bot]"
Route = Callable[["GitHub", Request], tuple[int, Any]]
ROUTES: dict[str, Route] = {}
# The first word of an operation's name, or the whole name -> the scope that it needs.
SCOPES = {
    "pulls": ("pull-requests",),
    "issues": ("issues",),
    "git": ("contents",),
    "repos": ("contents",),
    "actions": ("actions",),
    "checks": ("checks",),
    "repos/get": ("metadata",),
    "repos/get-branch-rules": ("metadata",),
    "repos/get-repo-rulesets": ("metadata",),
    "repos/get-repo-ruleset": ("metadata",),
    "repos/create-repo-ruleset": ("administration",),
    "repos/update-repo-ruleset": ("administration",),
    "repos/list-pull-requests-associated-with-commit": ("pull-requests",),
    "repos/create-commit-status": ("statuses",),
    "repos/list-commit-statuses-for-ref": ("statuses",),
    "repos/get-combined-status-for-ref": ("statuses",),
    "repos/get-pages": ("pages",),
    "repos/get-all-environments": ("actions",),
    "actions/list-repo-secrets": ("secrets",),
    "actions/list-environment-secrets": ("environments",),
    "actions/list-repo-variables": ("actions_variables",),
    "actions/get-repo-variable": ("actions_variables",),
    "actions/create-repo-variable": ("actions_variables",),
    "actions/update-repo-variable": ("actions_variables",),
    "actions/get-github-actions-default-workflow-permissions-repository": ("administration",),
    "actions/get-github-actions-permissions-repository": ("administration",),
    "actions/list-repo-organization-secrets": ("secrets",),
    "actions/list-repo-organization-variables": ("actions_variables",),
    "apps/get-repo-installation": ("metadata",),
}
SCOPES |= {
    f"issues/{name}": ("issues", "pull-requests")
    for name in (
        "create-comment", "update-comment", "delete-comment", "list-comments", "get-comment",
        "add-labels", "set-labels", "remove-label", "list-labels-on-issue", "update", "get",
    )
}  # fmt: skip


def lacking(request: Request) -> str:
    """The right that a request needs and its token has not; nothing where all is well."""
    first = request.operation.partition("/")[0]
    scopes = SCOPES.get(request.operation) or SCOPES.get(first)
    if not scopes or scopes == ("metadata",):
        return ""
    right = "read" if request.method == "GET" else "write"
    if any(request.token.may(scope, right) for scope in scopes):
        return ""
    return f"{' or '.join(scopes)}: {right}"


def route(*names: str) -> Callable[[Route], Route]:
    def add(handler: Route) -> Route:
        ROUTES.update(dict.fromkeys(names, handler))
        return handler

    return add


def git(github: GitHub, *words: str) -> str | None:
    """What git says of the bare repository; None where it refuses."""
    done = subprocess.run(["git", "-C", str(github.origin), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def commit_of(github: GitHub, ref: str) -> str:
    found = git(github, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if not found:
        raise Refused(422, f"No commit found for SHA: {ref}")
    return found


def user(name: str) -> dict[str, Any]:
    kind = "Bot" if name.endswith("[bot]") else "User"
    return {"login": name, "type": kind, "id": sum(map(ord, name))}


def repository_json(github: GitHub, full: str) -> dict[str, Any]:
    owner, _, name = full.partition("/")
    return {"full_name": full, "name": name, "owner": user(owner), "fork": full != github.repository,
            "default_branch": "main", "private": False, "html_url": f"{github.url}/{full}",
            "url": f"{github.url}/repos/{full}"}  # fmt: skip


def issue_json(github: GitHub, issue: Issue) -> dict[str, Any]:
    kind = "pull" if issue.is_pull else "issues"
    shown = {
        "number": issue.number, "id": issue.number + 10_000, "title": issue.title, "body": issue.body,
        "state": issue.state, "user": user(issue.author), "created_at": issue.created, "updated_at": issue.created,
        "labels": [{"name": name, **github.labels.get(name, {})} for name in issue.labels],
        "html_url": f"{github.url}/{github.repository}/{kind}/{issue.number}",
        "url": f"{github.url}/repos/{github.repository}/issues/{issue.number}",
        "comments": len(github.comments_on(issue.number)),
        "closed_at": None if issue.state == "open" else issue.created,
    }  # fmt: skip
    if issue.is_pull:
        link = f"{github.url}/repos/{github.repository}/pulls/{issue.number}"
        shown["pull_request"] = {"url": link, "html_url": shown["html_url"], "diff_url": link, "patch_url": link}
    return shown


def pull_json(github: GitHub, pull: Pull) -> dict[str, Any]:
    def end(ref: str, sha: str, full: str) -> dict[str, Any]:
        owner = full.partition("/")[0]
        return {"ref": ref, "sha": sha, "label": f"{owner}:{ref}", "user": user(owner),
                "repo": repository_json(github, full)}  # fmt: skip

    shown = issue_json(github, pull)
    del shown["pull_request"], shown["comments"]
    return {
        **shown, "head": end(pull.head, pull.head_sha, pull.head_repository),
        "base": end(pull.base, pull.base_sha, github.repository), "draft": pull.draft,
        "url": f"{github.url}/repos/{github.repository}/pulls/{pull.number}",
        "merged_at": pull.created if pull.merged else None, "merge_commit_sha": pull.merged, "requested_teams": [],
        "requested_reviewers": [user(name) for name in pull.reviewers], "auto_merge": None,
    }  # fmt: skip


def comment_json(github: GitHub, comment: Comment) -> dict[str, Any]:
    return {"id": comment.id, "body": comment.body, "user": user(comment.author), "created_at": comment.created,
            "html_url": f"{github.url}/{github.repository}/issues/{comment.number}#issuecomment-{comment.id}",
            "url": f"{github.url}/repos/{github.repository}/issues/comments/{comment.id}"}  # fmt: skip


def status_json(github: GitHub, status: Status) -> dict[str, Any]:
    return {"id": status.id, "context": status.context, "state": status.state, "description": status.description,
            "target_url": status.target_url, "creator": user(status.author)}  # fmt: skip


def asset_json(github: GitHub, asset: Asset) -> dict[str, Any]:
    return {"id": asset.id, "name": asset.name, "size": len(asset.content), "content_type": asset.content_type,
            "url": f"{github.url}/repos/{github.repository}/releases/assets/{asset.id}", "state": "uploaded",
            "digest": None}  # fmt: skip


def release_json(github: GitHub, release: Release) -> dict[str, Any]:
    return {
        "id": release.id, "tag_name": release.tag, "name": release.name, "body": release.body, "draft": release.draft,
        "prerelease": release.prerelease, "target_commitish": release.target, "author": user(release.author),
        "assets": [asset_json(github, asset) for asset in release.assets],
        "html_url": f"{github.url}/{github.repository}/releases/tag/{release.tag}",
        "upload_url": f"{github.url}/repos/{github.repository}/releases/{release.id}/assets{{?name,label}}",
    }  # fmt: skip


def run_json(github: GitHub, run: dict[str, Any]) -> dict[str, Any]:
    return {"html_url": f"{github.url}/{github.repository}/actions/runs/{run['id']}", "pull_requests": [], **run}


def edit(issue: Issue, body: dict[str, Any]) -> None:
    """Change what a request names of an issue or pull request."""
    issue.title = str(body.get("title", issue.title))
    issue.body = body["body"] or "" if "body" in body else issue.body
    issue.state = body.get("state", issue.state)
    if "labels" in body:
        issue.labels = [label if isinstance(label, str) else label["name"] for label in body["labels"]]
