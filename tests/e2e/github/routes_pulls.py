"""Pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.routes import Refused, Request, commit_of, edit, git, pull_json, route
from github.state import Pull

if TYPE_CHECKING:
    from github.server import GitHub


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
    edit(pull, request.body)
    pull.base = request.body.get("base", pull.base)
    return 200, pull_json(github, pull)


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
