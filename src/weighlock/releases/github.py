"""The GitHub release of a tag: its assets, over the REST API."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from weighlock.releases.sources import NotThereError
from weighlock.releases.tags import format_tag
from weighlock.revisions import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPMessage
    from pathlib import Path
    from typing import IO

    from weighlock.releases.record import Release

API = "https://api.github.com"
JSON = "application/vnd.github+json"
SECONDS = 30
LARGEST = 2**30  # bytes of an asset that are read
_ADDRESS = re.compile(r"(?:https?://|ssh://)?(?:[^@/]+@)?(?P<host>[\w.-]+)[:/](?P<slug>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def from_github(release: Release, root: Path, environ: Mapping[str, str] = os.environ) -> dict[str, bytes]:
    """The served model's files, path -> content, from the assets of the release's tag, which bear the files' names.

    `GITHUB_REPOSITORY`, `GITHUB_API_URL` and `GITHUB_TOKEN` (or `GH_TOKEN`) say where and by what right, as in a
    workflow; else the address of `origin` says where.

    Raises:
        NotThereError: there is no such release or asset, or GitHub does not answer.
    """
    names = {path: path.rpartition("/")[2] for path in release.served.files}
    found = assets(release, tuple(names.values()), root, environ)
    return {path: found[name] for path, name in names.items()}


def assets(
    release: Release, names: tuple[str, ...], root: Path, environ: Mapping[str, str] = os.environ
) -> dict[str, bytes]:
    """Assets of the release's tag, name -> content.

    Raises:
        NotThereError: as `from_github`.
    """
    api, slug = environ.get("GITHUB_API_URL", "").rstrip("/") or API, _slug(root, environ)
    token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN")
    tag = format_tag(release.name, release.version)
    listed = _get(f"{api}/repos/{slug}/releases/tags/{quote(tag, safe='')}", JSON, token)
    try:
        there = {asset["name"]: asset["url"] for asset in json.loads(listed)["assets"]}
    except (ValueError, KeyError, TypeError) as error:
        raise NotThereError(f"{slug} answers something else than a release ({type(error).__name__})") from error
    for name in names:
        if name not in there:
            raise NotThereError(f"`{tag}` of {slug} has no asset `{name}`; it has {', '.join(there) or 'none'}")
    return {name: _get(_absolute(there[name], api), "application/octet-stream", token) for name in names}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Assets are redirected to a store, which must not get the token."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The next request, without the token where it goes to another host."""
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            request.remove_header("Authorization")
        return request


def headers_of(token: str | None, accept: str = JSON) -> dict[str, str]:
    """What every request to GitHub says; without a token it is nobody's."""
    said = {"Accept": accept, "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "weighlock"}
    return said | ({"Authorization": f"Bearer {token}"} if token else {})


def send(request: urllib.request.Request) -> Any:
    """The answer, a context that closes it.

    Raises:
        OSError: there is none; `urllib.error.HTTPError` where GitHub refuses.
    """
    return urllib.request.build_opener(_Redirects).open(request, timeout=SECONDS)


def _get(url: str, accept: str, token: str | None) -> bytes:
    if urlsplit(url).scheme not in {"http", "https"}:
        raise NotThereError(f"`{url}` is no address of GitHub's")
    request = urllib.request.Request(url, headers=headers_of(token, accept))  # noqa: S310
    try:
        with send(request) as answer:
            return bytes(answer.read(LARGEST))
    except urllib.error.HTTPError as error:
        error.close()
        hint = "" if token or error.code not in {401, 403, 404} else "; `GITHUB_TOKEN` is not set"
        raise NotThereError(f"{urlsplit(url).path} answers {error.code} {error.reason}{hint}") from None
    except (OSError, ValueError) as error:
        raise NotThereError(f"{urlsplit(url).netloc} does not answer: {getattr(error, 'reason', error)}") from error


def slug_of(root: Path, environ: Mapping[str, str]) -> str | None:
    """owner/name, as `GITHUB_REPOSITORY` or `origin` says; None where neither leads to GitHub."""
    if named := environ.get("GITHUB_REPOSITORY"):
        return named
    address = git(root, "remote", "get-url", "origin").stdout.decode().strip()
    match = _ADDRESS.fullmatch(address)
    if match and (match["host"] == "github.com" or environ.get("GITHUB_API_URL")):
        return match["slug"]
    return None


def _slug(root: Path, environ: Mapping[str, str]) -> str:
    if found := slug_of(root, environ):
        return found
    raise NotThereError("`origin` is not on GitHub, and `GITHUB_REPOSITORY` does not say owner/name")


def _absolute(url: Any, api: str) -> str:
    """The asset's own address; a token goes nowhere but to the API."""
    if not isinstance(url, str) or urlsplit(url).netloc != urlsplit(api).netloc:
        raise NotThereError(f"an asset's address is not on {urlsplit(api).netloc}")
    return url
