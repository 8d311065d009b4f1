"""The GitHub release of a record: its tag, its notes, and the files that `weighlock fetch` asks for later."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from weighlock.errors import GitHubError
from weighlock.files import digest_of
from weighlock.github.text import escape, fit
from weighlock.releases.github import headers_of
from weighlock.releases.tags import format_tag

if TYPE_CHECKING:
    from weighlock.github.api import Client
    from weighlock.releases.record import Release

SECONDS = 300
NOTES = 120_000  # characters; GitHub takes 125,000
_BINARY = "application/octet-stream"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Published:
    """What became of it.

    Attributes:
        url: of the release's page.
        made: whether it is new.
        uploaded, there: names of the assets that were uploaded, and that were there already.
    """

    url: str
    made: bool
    uploaded: tuple[str, ...]
    there: tuple[str, ...]


def publish(client: Client, release: Release, notes: str, files: Mapping[str, bytes]) -> Published:
    """Have GitHub's release of a record's tag, with these assets: what is there is left, what lacks is added.

    Args:
        client: of the repository.
        release: whose tag is pushed already.
        notes: its page, in Markdown.
        files: name -> content.

    Raises:
        GitHubError: GitHub refuses, the tag is not pushed, or an asset of the same name has another content.
    """
    if odd := [name for name in files if not _PLAIN.fullmatch(name)]:
        raise GitHubError(
            f"GitHub would rename the asset `{odd[0]}`. Its name may have letters, digits, `.`, `_`, `-`."
        )
    tag = format_tag(release.name, release.version)
    found = client.find(f"releases/tags/{quote(tag, safe='')}")
    made = found is None
    if found is None:
        if client.find(f"git/ref/tags/{quote(tag, safe='')}") is None:
            raise GitHubError(f"the tag `{tag}` is not on GitHub. Push it first: `weighlock release --tag --push`.")
        body = fit(escape(notes, (f"{client.page}/",)), NOTES)
        found = client.post("releases", {"tag_name": tag, "name": f"{release.name} {release.version}", "body": body})
    there = {asset["name"]: asset for asset in client.pages(f"releases/{found['id']}/assets")}
    uploaded = [name for name, content in files.items() if _ensure(client, found, there.get(name), name, content)]
    return Published(found["html_url"], made, tuple(uploaded), tuple(name for name in files if name not in uploaded))


def _ensure(client: Client, release: Any, asset: Any, name: str, content: bytes) -> bool:
    """Whether an asset had to be uploaded; one whose upload was torn is removed first."""
    if asset is not None and asset.get("state") == "uploaded":
        wanted = digest_of(content)
        digest = asset.get("digest") or wanted
        if asset["size"] != len(content) or digest != wanted:
            raise GitHubError(
                f"the asset `{name}` of {release['html_url']} is another file ({asset['size']:,} bytes, {digest}). "
                "Assets are not replaced: find out who has put it there, and remove it."
            )
        return False
    if asset is not None:
        client.delete(f"releases/assets/{asset['id']}")
    _upload(client, release["upload_url"].partition("{")[0], name, content)
    return True


def _upload(client: Client, url: str, name: str, content: bytes) -> None:
    """Give GitHub a file; a token goes to hosts of GitHub's alone."""
    host, api = urlsplit(url).hostname or "", urlsplit(client.api).hostname or ""
    if urlsplit(url).scheme not in {"http", "https"} or not (host == api or host == api.replace("api.", "uploads.", 1)):
        raise GitHubError(f"GitHub says to upload assets to `{host}`, which is no host of {api}'s.")
    headers = headers_of(client.token) | {"Content-Type": _BINARY}
    request = urllib.request.Request(f"{url}?name={quote(name)}", content, headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise GitHubError(
                f"GitHub refuses the asset `{name}` ({error.code} {error.reason}). Run the job again: it goes on here.",
                error.code,
            ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise GitHubError(f"the upload of `{name}` broke off: {why}. Run the job again: it goes on here.") from None
