"""One issue that is open while something is wrong: opened, updated, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weighlock.github.comment import Posted
from weighlock.github.marker import is_ours, marked
from weighlock.github.text import escape, fit, line

if TYPE_CHECKING:
    from weighlock.github.api import Client

LONGEST_TITLE = 256


def find_issue(client: Client, name: str, login: str) -> Any | None:
    """Our open issue with the marker `name`, the oldest of several; pull requests are none."""
    there = client.pages("issues", state="open", creator=login, sort="created", direction="asc")
    return next((i for i in there if "pull_request" not in i and is_ours(i, name, login)), None)


def keep_issue(
    client: Client, name: str, title: str, markdown: str, login: str, labels: tuple[str, ...] = ()
) -> Posted:
    """The one open issue with the marker `name`, opened or updated.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    title, body = line(title, LONGEST_TITLE), marked(name, markdown, (f"{client.page}/",))
    found = find_issue(client, name, login)
    if found is None:
        made = client.post("issues", {"title": title, "body": body, "labels": list(labels)})
        return Posted(made["number"], made["html_url"], "made")
    if (found["title"], found["body"].replace("\r\n", "\n").rstrip()) == (title, body.rstrip()):
        return Posted(found["number"], found["html_url"], "unchanged")
    client.patch(f"issues/{found['number']}", {"title": title, "body": body})
    return Posted(found["number"], found["html_url"], "updated")


def close_issue(client: Client, name: str, login: str, why: str = "") -> Posted:
    """Close it, with a word why; nothing where none is open."""
    found = find_issue(client, name, login)
    if found is None:
        return Posted(0, "", "none")
    if why:
        client.post(f"issues/{found['number']}/comments", {"body": fit(escape(why, (f"{client.page}/",)))})
    client.patch(f"issues/{found['number']}", {"state": "closed", "state_reason": "completed"})
    return Posted(found["number"], found["html_url"], "closed")
