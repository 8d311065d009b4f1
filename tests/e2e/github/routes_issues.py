"""Issues, comments and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.description import LEFT_OUT
from github.routes import Refused, Request, comment_json, edit, issue_json, route
from github.state import Comment, Issue

if TYPE_CHECKING:
    from github.server import GitHub


def _thread(github: GitHub, request: Request) -> Issue:
    found = github.thread(request.number)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _shown(github: GitHub, issue: Issue) -> dict[str, Any]:
    """An issue as an answer: `pull_request`, which GitHub's example has, is a pull request's alone."""
    return issue_json(github, issue) if issue.is_pull else {**issue_json(github, issue), "pull_request": LEFT_OUT}


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
    edit(issue, request.body)
    github.issues.append(issue)
    return 201, _shown(github, issue)


@route("issues/get")
def issues_get(github: GitHub, request: Request) -> tuple[int, Any]:
    return 200, _shown(github, _thread(github, request))


@route("issues/update")
def issues_update(github: GitHub, request: Request) -> tuple[int, Any]:
    issue = _thread(github, request)
    edit(issue, request.body)
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
