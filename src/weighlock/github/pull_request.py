"""Pull requests: the open ones of a commit, and the one of a branch, opened or updated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weighlock.errors import GitHubError
from weighlock.github.comment import Posted
from weighlock.github.text import escape, fit, line

if TYPE_CHECKING:
    from collections.abc import Collection

    from weighlock.github.api import Client

LONGEST_TITLE = 256
REFUSED = 422


@dataclass(frozen=True)
class PullRequest:
    """An open pull request.

    Attributes:
        number, url: where it is.
        head, head_repository: its newest commit, and the repository that holds it; None where a fork was deleted.
        base: the branch it wants to go into.
        fork: whether it comes from another repository.
        title, branch: anyone's words.
    """

    number: int
    url: str
    head: str
    head_repository: str | None
    base: str
    fork: bool
    title: str
    branch: str
    draft: bool


@dataclass(frozen=True)
class NewPull:
    """A pull request to open from a branch of this repository."""

    title: str
    body: str
    branch: str
    base: str
    draft: bool = False
    labels: tuple[str, ...] = ()


def open_pulls(client: Client, **query: str) -> tuple[PullRequest, ...]:
    """The open pull requests, by number."""
    found = [_pull(p, client) for p in client.pages("pulls", state="open", **query)]
    return tuple(sorted(found, key=lambda p: p.number))


def find_by_head(client: Client, sha: str, base: str | None = None) -> tuple[PullRequest, ...]:
    """The open pull requests whose newest commit is `sha`, by number: none once it was pushed to, closed or merged.

    A run knows its commit for sure; a branch's name is anyone's, and GitHub does not tell the pull requests of forks.
    Two have the same commit where it is to go into two branches, or lies on two: `base` asks for those into one.
    """
    return tuple(p for p in open_pulls(client) if p.head == sha and base in {None, p.base})


def keep_pull(client: Client, new: NewPull) -> Posted:
    """The one open pull request of a branch: opened, or updated where it is open already.

    A draft stays one, and what is none stays so: GitHub's REST API cannot change that.

    Raises:
        GitHubError: GitHub refuses or does not answer, or the branch is not pushed.
    """
    title, body = line(new.title, LONGEST_TITLE), fit(escape(new.body, (f"{client.page}/",)))
    there = [p for p in open_pulls(client, head=f"{client.owner}:{new.branch}", base=new.base) if not p.fork]
    there = [p for p in there if p.branch == new.branch]
    if there:
        found = there[0]
        client.patch(f"pulls/{found.number}", {"title": title, "body": body})
        posted = Posted(found.number, found.url, "updated")
    else:
        made = _open(client, new, {"title": title, "body": body, "head": new.branch, "base": new.base})
        posted = Posted(made["number"], made["html_url"], "made")
    if new.labels:
        client.post(f"issues/{posted.number}/labels", {"labels": list(new.labels)}, again=True)
    return posted


def _open(client: Client, new: NewPull, body: dict[str, Any]) -> Any:
    try:
        return client.post("pulls", body | {"draft": new.draft})
    except GitHubError as error:
        # private repositories of some plans have no drafts
        if error.status != REFUSED or not new.draft or "draft" not in str(error).lower():
            raise
    return client.post("pulls", body | {"title": line(f"[draft] {body['title']}", LONGEST_TITLE)})


def labels_of(text: Collection[str]) -> tuple[str, ...]:
    """Labels as they were given, without doubles, in their order."""
    return tuple(dict.fromkeys(line(label, 50) for label in text if label.strip()))


def _pull(content: Any, client: Client) -> PullRequest:
    head, base = content["head"], content["base"]
    repository = (head.get("repo") or {}).get("full_name")
    return PullRequest(
        content["number"],
        content["html_url"],
        head["sha"],
        repository,
        base["ref"],
        repository is None or repository.lower() != client.repository.lower(),
        content["title"],
        head["ref"],
        bool(content.get("draft")),
    )
