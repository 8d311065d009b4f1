"""What each operation of GitHub's API does to the state: `ROUTES`, by the description's names of operations."""

from __future__ import annotations

import base64
import io
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from github.description import LEFT_OUT, Exactly
from github.state import Asset, Comment, Dispatch, Issue, Pull, Release, Status, Token

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


# -- what is shown of the state


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


def _shown(github: GitHub, issue: Issue) -> dict[str, Any]:
    """An issue as an answer: `pull_request`, which GitHub's example has, is a pull request's alone."""
    return issue_json(github, issue) if issue.is_pull else {**issue_json(github, issue), "pull_request": LEFT_OUT}


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


# -- pull requests


def _pull(github: GitHub, request: Request) -> Pull:
    found = github.thread(request.number)
    if not isinstance(found, Pull):
        raise Refused(404, "Not Found")
    return found


@route("pulls/list")
def pulls_list(github: GitHub, request: Request) -> tuple[int, Any]:
    query = request.query
    state, head = query.get("state", "open"), query.get("head")
    found = [
        pull for pull in github.pulls
        if state in {"all", pull.state}
        and (not head or head == f"{pull.head_repository.partition('/')[0]}:{pull.head}")
        and query.get("base", pull.base) == pull.base
    ]  # fmt: skip
    newest = query.get("direction", "desc") == "desc"
    return 200, [pull_json(github, pull) for pull in sorted(found, key=lambda one: one.number, reverse=newest)]


@route("pulls/get")
def pulls_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, pull_json(github, _pull(github, request))


@route("pulls/create")
def pulls_create(github: GitHub, request: Request) -> tuple[int, Any]:
    body = request.body
    owner, _, branch = body["head"].rpartition(":")
    full = f"{owner}/{github.repository.partition('/')[2]}" if owner else github.repository
    same = full == github.repository
    if not body.get("title"):
        raise Refused(422, "title is missing")
    if any((one.head, one.head_repository, one.state) == (branch, full, "open") for one in github.pulls):
        raise Refused(422, f"A pull request already exists for {owner or full.partition('/')[0]}:{branch}.")
    sha = commit_of(github, f"refs/heads/{branch}" if same else f"refs/forks/{owner}/{branch}")
    base = commit_of(github, f"refs/heads/{body['base']}")
    if sha == base:
        raise Refused(422, f"No commits between {body['base']} and {branch}")
    pull = Pull(
        number=next(github.numbers), title=body["title"], body=body.get("body") or "", author=request.token.author,
        head=branch, head_sha=sha, head_repository=full, base=body["base"], base_sha=base,
        draft=bool(body.get("draft")), is_pull=True,
    )  # fmt: skip
    github.pulls.append(pull)
    refresh(github, pull)
    return 201, pull_json(github, pull)


def refresh(github: GitHub, pull: Pull) -> None:
    """What a push to one of its branches changes: head, base and the refs of the pull request."""
    owner = pull.head_repository.partition("/")[0]
    same = pull.head_repository == github.repository
    pull.head_sha = commit_of(github, f"refs/heads/{pull.head}" if same else f"refs/forks/{owner}/{pull.head}")
    pull.base_sha = commit_of(github, f"refs/heads/{pull.base}")
    git(github, "update-ref", f"refs/pull/{pull.number}/head", pull.head_sha)
    between = git(github, "diff", "--name-only", f"{pull.base_sha}...{pull.head_sha}")
    pull.files = (between or "").splitlines()
    tree = git(github, "merge-tree", "--write-tree", pull.base_sha, pull.head_sha)
    if tree:
        identity = ["-c", "user.name=GitHub", "-c", "user.email=noreply@github.com"]
        message = f"Merge {pull.head_sha} into {pull.base_sha}"
        parents = ["-p", pull.base_sha, "-p", pull.head_sha]
        merged = git(github, *identity, "commit-tree", tree, *parents, "-m", message)
        git(github, "update-ref", f"refs/pull/{pull.number}/merge", str(merged))
    else:
        git(github, "update-ref", "-d", f"refs/pull/{pull.number}/merge")


@route("pulls/update")
def pulls_update(github: GitHub, request: Request) -> tuple[int, Any]:
    pull = _pull(github, request)
    _edit(pull, request.body)
    pull.base = request.body.get("base", pull.base)
    return 200, pull_json(github, pull)


def _edit(issue: Issue, body: dict[str, Any]) -> None:
    issue.title = str(body.get("title", issue.title))
    issue.body = body["body"] or "" if "body" in body else issue.body
    issue.state = body.get("state", issue.state)
    if "labels" in body:
        issue.labels = [label if isinstance(label, str) else label["name"] for label in body["labels"]]


@route("pulls/list-files")
def pulls_files(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [{"filename": name} for name in _pull(github, request).files]


@route("pulls/list-commits")
def pulls_commits(github: GitHub, request: Request) -> tuple[int, Any]:
    pull = _pull(github, request)
    found = git(github, "rev-list", "--reverse", f"{pull.base_sha}..{pull.head_sha}") or ""
    return 200, [{"sha": sha} for sha in found.splitlines()]


@route("pulls/list-reviews")
def pulls_reviews(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, _pull(github, request).reviews


@route("pulls/request-reviewers")
def pulls_reviewers(github: GitHub, request: Request) -> tuple[int, Any]:
    pull = _pull(github, request)
    pull.reviewers += [one for one in request.body.get("reviewers", ()) if one not in pull.reviewers]
    return 201, pull_json(github, pull)


@route("repos/list-pull-requests-associated-with-commit")
def pulls_of_commit(github: GitHub, request: Request) -> tuple[int, Any]:
    sha = request.values["commit_sha"]
    found = [
        pull for pull in github.pulls
        if sha in {pull.head_sha, pull.merged} and pull.head_repository == github.repository
    ]  # fmt: skip  # a fork's pull requests are not found this way
    return 200, [pull_json(github, pull) for pull in found]


# -- issues and comments


def _thread(github: GitHub, request: Request) -> Issue:
    found = github.thread(request.number)
    if found is None:
        raise Refused(404, "Not Found")
    return found


@route("issues/list-for-repo")
def issues_list(github: GitHub, request: Request) -> tuple[int, Any]:
    query = request.query
    wanted = [label for label in query.get("labels", "").split(",") if label]
    found = [
        issue for issue in [*github.issues, *github.pulls]
        if query.get("state", "open") in {"all", issue.state} and all(label in issue.labels for label in wanted)
        and query.get("creator", issue.author) == issue.author
    ]  # fmt: skip
    return 200, [_shown(github, issue) for issue in sorted(found, key=lambda one: -one.number)]


@route("issues/create")
def issues_create(github: GitHub, request: Request) -> tuple[int, Any]:
    issue = Issue(next(github.numbers), "", "", request.token.author)
    _edit(issue, request.body)
    github.issues.append(issue)
    return 201, _shown(github, issue)


@route("issues/get")
def issues_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, _shown(github, _thread(github, request))


@route("issues/update")
def issues_update(github: GitHub, request: Request) -> tuple[int, Any]:
    issue = _thread(github, request)
    _edit(issue, request.body)
    return 200, _shown(github, issue)


@route("issues/list-comments")
def comments_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [comment_json(github, one) for one in github.comments_on(_thread(github, request).number)]


@route("issues/create-comment")
def comments_create(github: GitHub, request: Request) -> tuple[int, Any]:
    if len(request.body["body"]) > 65536:
        raise Refused(422, "body is too long (maximum is 65536 characters)")
    number = _thread(github, request).number
    comment = Comment(next(github.ids), number, request.body["body"], request.token.author)
    github.comments.append(comment)
    return 201, comment_json(github, comment)


def _comment(github: GitHub, request: Request) -> Comment:
    found = [one for one in github.comments if one.id == int(request.values["comment_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return found[0]


@route("issues/get-comment")
def comments_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, comment_json(github, _comment(github, request))


@route("issues/update-comment")
def comments_update(github: GitHub, request: Request) -> tuple[int, Any]:
    comment = _comment(github, request)
    comment.body, comment.edits = request.body["body"], comment.edits + 1
    return 200, comment_json(github, comment)


@route("issues/delete-comment")
def comments_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    github.comments.remove(_comment(github, request))
    return 204, None


@route("issues/add-labels", "issues/set-labels")
def labels_add(github: GitHub, request: Request) -> tuple[int, Any]:
    issue = _thread(github, request)
    names = request.body if isinstance(request.body, list) else request.body["labels"]
    kept = [] if request.operation == "issues/set-labels" else issue.labels
    issue.labels = list(dict.fromkeys([*kept, *(one if isinstance(one, str) else one["name"] for one in names)]))
    return 200, [{"name": name} for name in issue.labels]


@route("issues/remove-label")
def labels_remove(github: GitHub, request: Request) -> tuple[int, Any]:
    issue = _thread(github, request)
    if request.values["name"] not in issue.labels:
        raise Refused(404, "Label does not exist")
    issue.labels.remove(request.values["name"])
    return 200, [{"name": name} for name in issue.labels]


@route("issues/list-labels-for-repo")
def labels_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [{"name": name, **more} for name, more in github.labels.items()]


@route("issues/get-label")
def labels_get(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.values["name"]
    if name not in github.labels:
        raise Refused(404, "Not Found")
    return 200, {"name": name, **github.labels[name]}


@route("issues/create-label")
def labels_create(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.body["name"]
    if name in github.labels:
        raise Refused(422, "Validation Failed: already_exists")
    github.labels[name] = {key: value for key, value in request.body.items() if key != "name"}
    return 201, {"name": name, **github.labels[name]}


# -- statuses and checks


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


# -- releases


def _release(github: GitHub, request: Request) -> Release:
    found = [one for one in github.releases if one.id == int(request.values["release_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return found[0]


@route("repos/list-releases")
def releases_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [release_json(github, one) for one in reversed(github.releases)]


@route("repos/get-release")
def releases_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, release_json(github, _release(github, request))


@route("repos/get-release-by-tag")
def releases_by_tag(github: GitHub, request: Request) -> tuple[int, Any]:
    found = [one for one in github.releases if one.tag == request.values["tag"] and not one.draft]
    if not found:
        raise Refused(404, "Not Found")
    return 200, release_json(github, found[0])


@route("repos/create-release")
def releases_create(github: GitHub, request: Request) -> tuple[int, Any]:
    body = request.body
    if any(one.tag == body["tag_name"] and not one.draft for one in github.releases):
        raise Refused(422, "Validation Failed: tag_name already_exists")
    target = body.get("target_commitish", "main")
    release = Release(
        next(github.ids), body["tag_name"], body.get("name") or body["tag_name"], body.get("body") or "", target,
        bool(body.get("draft")), bool(body.get("prerelease")), request.token.author,
    )  # fmt: skip
    if not release.draft:
        _tag(github, release)
    github.releases.append(release)
    return 201, release_json(github, release)


def _tag(github: GitHub, release: Release) -> None:
    """GitHub makes the tag of a release where there is none."""
    if not git(github, "rev-parse", "--verify", "--quiet", f"refs/tags/{release.tag}"):
        git(github, "update-ref", f"refs/tags/{release.tag}", commit_of(github, release.target))


@route("repos/update-release")
def releases_update(github: GitHub, request: Request) -> tuple[int, Any]:
    release, body = _release(github, request), request.body
    release.tag = body.get("tag_name", release.tag)
    release.name, release.body = body.get("name", release.name), body.get("body", release.body)
    release.draft, release.prerelease = body.get("draft", release.draft), body.get("prerelease", release.prerelease)
    release.target = body.get("target_commitish", release.target)
    if not release.draft:
        _tag(github, release)
    return 200, release_json(github, release)


@route("repos/delete-release")
def releases_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    github.releases.remove(_release(github, request))
    return 204, None


@route("repos/list-release-assets")
def assets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, [asset_json(github, one) for one in _release(github, request).assets]


@route("repos/upload-release-asset")
def assets_upload(github: GitHub, request: Request) -> tuple[int, Any]:
    release, name = _release(github, request), request.query["name"]
    if any(one.name == name for one in release.assets):
        raise Refused(422, "Validation Failed: already_exists")
    asset = Asset(next(github.ids), name, request.body, request.headers.get("Content-Type", ""))
    release.assets.append(asset)
    return 201, asset_json(github, asset)


def _asset(github: GitHub, request: Request) -> tuple[Release, Asset]:
    for release in github.releases:
        for asset in release.assets:
            if asset.id == int(request.values["asset_id"]):
                return release, asset
    raise Refused(404, "Not Found")


@route("repos/get-release-asset")
def assets_get(github: GitHub, request: Request) -> tuple[int, Any]:
    asset = _asset(github, request)[1]
    return 200, asset.content if "octet-stream" in request.headers.get("Accept", "") else asset_json(github, asset)


@route("repos/delete-release-asset")
def assets_delete(github: GitHub, request: Request) -> tuple[int, Any]:
    release, asset = _asset(github, request)
    release.assets.remove(asset)
    return 204, None


# -- refs, commits, contents


@route("repos/get")
def repository(github: GitHub, request: Request) -> tuple[int, Any]:
    full = f"{request.values['owner']}/{request.values['repo']}"
    if full != github.repository:
        raise Refused(404, "Not Found")
    shown = repository_json(github, full)
    shown["owner"]["type"] = github.owner_kind
    return 200, shown


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


# -- workflows


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


def run_json(github: GitHub, run: dict[str, Any]) -> dict[str, Any]:
    return {"html_url": f"{github.url}/{github.repository}/actions/runs/{run['id']}", "pull_requests": [], **run}


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


# -- settings


@route("repos/get-repo-rulesets")
def rulesets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    kept = ("id", "name", "target", "enforcement", "source", "source_type")
    return 200, [{key: one[key] for key in kept if key in one} for one in github.rulesets]


@route("repos/get-repo-ruleset")
def rulesets_get(github: GitHub, request: Request) -> tuple[int, Any]:
    found = [one for one in github.rulesets if one["id"] == int(request.values["ruleset_id"])]
    if not found:
        raise Refused(404, "Not Found")
    return 200, ruleset_json(found[0])


def ruleset_json(ruleset: dict[str, Any]) -> dict[str, Any]:
    return {key: Exactly(value) for key, value in ruleset.items()}


@route("repos/create-repo-ruleset")
def rulesets_create(github: GitHub, request: Request) -> tuple[int, Any]:
    ruleset = {**request.body, "id": next(github.ids), "source": github.repository, "source_type": "Repository"}
    github.rulesets.append(ruleset)
    return 201, ruleset_json(ruleset)


@route("repos/update-repo-ruleset")
def rulesets_update(github: GitHub, request: Request) -> tuple[int, Any]:
    rulesets_get(github, request)
    ruleset = next(one for one in github.rulesets if one["id"] == int(request.values["ruleset_id"]))
    ruleset.update(request.body)
    return 200, ruleset_json(ruleset)


@route("repos/get-branch-rules")
def rules_of_branch(github: GitHub, request: Request) -> tuple[int, Any]:
    active = [one for one in github.rulesets if one.get("target") == "branch" and one.get("enforcement") == "active"]
    return 200, [
        Exactly({**rule, "ruleset_id": one["id"], "ruleset_source": github.repository,
                 "ruleset_source_type": "Repository"})
        for one in active for rule in one.get("rules", ())
    ]  # fmt: skip


@route("repos/codeowners-errors")
def codeowners_errors(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"errors": []}


@route("actions/list-repo-secrets")
def secrets_list(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"total_count": len(github.secrets), "secrets": [{"name": name} for name in github.secrets]}


@route("actions/list-repo-variables")
def variables_list(github: GitHub, request: Request) -> tuple[int, Any]:
    shown = [{"name": name, "value": value} for name, value in github.variables.items()]
    return 200, {"total_count": len(shown), "variables": shown}


@route("actions/get-repo-variable")
def variables_get(github: GitHub, request: Request) -> tuple[int, Any]:
    name = request.values["name"]
    if name not in github.variables:
        raise Refused(404, "Not Found")
    return 200, {"name": name, "value": github.variables[name]}


@route("repos/get-all-environments")
def environments_list(github: GitHub, request: Request) -> tuple[int, Any]:
    shown = [{"name": name} for name in github.environments]
    return 200, {"total_count": len(shown), "environments": shown}


@route("repos/get-pages")
def pages_get(github: GitHub, request: Request) -> tuple[int, Any]:
    if github.pages is None:
        raise Refused(404, "Not Found")
    return 200, github.pages


@route("actions/get-github-actions-default-workflow-permissions-repository")
def workflow_permissions(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, github.actions_permissions


@route("actions/get-github-actions-permissions-repository")
def actions_permissions(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {"enabled": github.actions_enabled, "allowed_actions": "all"}


@route("actions/list-repo-organization-secrets", "actions/list-repo-organization-variables")
def shared_list(github: GitHub, request: Request) -> tuple[int, Any]:
    key = request.operation.rpartition("-")[2]
    return 200, {"total_count": 0, key: Exactly([])}


@route("apps/get-repo-installation")
def installation_get(github: GitHub, request: Request) -> tuple[int, Any]:
    if github.installation is None:
        raise Refused(404, "Not Found")
    return 200, {"permissions": github.installation}


@route("rate-limit/get")
def rate_limit(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, {}


@route("users/get-authenticated")
def myself(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, user(request.token.author)


# -- what is not GitHub's API: questions of the stand-ins


def standin(github: GitHub, path: str, body: Any) -> dict[str, Any]:
    """A token of the App; whether a push is allowed."""
    if path == "/_standin/app-token":
        held = github.installation or {"*": "write"}
        token = f"ghs_app{next(github.ids)}"
        asked = {scope: min(right, held.get(scope, held.get("*", "none")), key=["none", "read", "write", "admin"].index)
                 for scope, right in body.items()}  # fmt: skip
        github.tokens[token] = Token(APP, asked or held)
        return {"token": token}
    token = github.tokens.get(body["token"])
    if token is None:
        return {"refusal": "remote: Invalid username or token."}
    if not token.may("contents", "write"):
        return {"refusal": f"remote: Permission to {github.repository}.git denied to {token.author}."}
    for _, _, ref in body["pushed"]:
        if ref == "refs/heads/main" and token.author != APP and _guarded(github):
            return {"refusal": f"remote: error: GH013: Repository rule violations found for {ref}."}
    return {"refusal": ""}


def _guarded(github: GitHub) -> bool:
    """Whether main takes changes by pull requests only; the App is on the list of those who may go past that."""
    active = [one for one in github.rulesets if one.get("target") == "branch" and one.get("enforcement") == "active"]
    return any(rule["type"] == "pull_request" for one in active for rule in one.get("rules", ()))
