"""One comment on an issue or a pull request that says how things stand: written once, then updated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.github.marker import is_ours, marked

if TYPE_CHECKING:
    from weighlock.github.api import Client


@dataclass(frozen=True)
class Posted:
    """A comment, an issue or a pull request that is there now; `done`: made, updated, unchanged, closed or none."""

    number: int
    url: str
    done: str


def keep_comment(client: Client, number: int, name: str, markdown: str, login: str, *, fresh: bool = True) -> Posted:
    """The one comment with the marker `name` on issue or pull request `number`; second ones of ours are removed.

    Where there is none and it is not worth a `fresh` one, nothing is written.

    Raises:
        GitHubError: GitHub refuses or does not answer.
    """
    body = marked(name, markdown, (f"{client.page}/",))
    ours = [c for c in client.pages(f"issues/{number}/comments") if is_ours(c, name, login)]
    for double in ours[1:]:  # two runs at once, or a request whose answer was lost
        client.delete(f"issues/comments/{double['id']}")
    if not ours and not fresh:
        return Posted(0, "", "none")
    if not ours:
        made = client.post(f"issues/{number}/comments", {"body": body})
        return Posted(made["id"], made["html_url"], "made")
    first = ours[0]
    if first["body"].replace("\r\n", "\n") == body.rstrip("\n") or first["body"] == body:
        return Posted(first["id"], first["html_url"], "unchanged")
    client.patch(f"issues/comments/{first['id']}", {"body": body})
    return Posted(first["id"], first["html_url"], "updated")
