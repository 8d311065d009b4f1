"""GitHub's REST API, as far as workflows need it: a request, its answer in JSON, and words when it is refused."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from weighlock.errors import GitHubError
from weighlock.releases.github import API, headers_of, send

if TYPE_CHECKING:
    from pathlib import Path

TRIES = 4
LONGEST_WAIT = 60.0  # seconds that a rate limit is waited for; beyond, the run fails and says until when
LARGEST = 32 * 2**20  # bytes of an answer
PAGE = 100
MOST_PAGES = 100


@dataclass(frozen=True)
class Client:
    """The API of one repository.

    Attributes:
        repository: owner/name.
        token: never shown; empty: requests are anonymous.
        api: the address, without a slash at its end.
        server: where people read the repository.
        sleep, now: the clock.
    """

    repository: str
    token: str = field(default="", repr=False)
    api: str = API
    server: str = "https://github.com"
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    @staticmethod
    def from_environment(environ: Mapping[str, str] = os.environ) -> Client:
        """This workflow's: `GITHUB_REPOSITORY`, `GITHUB_TOKEN`, and `GITHUB_API_URL`, `GITHUB_SERVER_URL` where set.

        Raises:
            GitHubError: the repository or the token is missing.
        """
        repository = environ.get("GITHUB_REPOSITORY", "")
        token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
        if repository.count("/") != 1:
            raise GitHubError("`GITHUB_REPOSITORY` does not say owner/name. Set it, as GitHub does in a workflow.")
        if not token.strip():
            raise GitHubError(
                "`GITHUB_TOKEN` is not set. In a workflow, give the step `env: GITHUB_TOKEN: ${{ github.token }}`; "
                "elsewhere, `export GITHUB_TOKEN=$(gh auth token)`."
            )
        api = environ.get("GITHUB_API_URL", "").rstrip("/") or API
        server = environ.get("GITHUB_SERVER_URL", "").rstrip("/") or "https://github.com"
        return Client(repository, token.strip(), api, server)

    @property
    def owner(self) -> str:
        """Who the repository belongs to."""
        return self.repository.partition("/")[0]

    @property
    def page(self) -> str:
        """The repository's own address, for people."""
        return f"{self.server}/{self.repository}"

    def get(self, path: str, **query: str | int) -> Any:
        """What is at `path`, below the repository, or below the API where it starts with a slash.

        Raises:
            GitHubError: GitHub refuses or does not answer; the message says what to do. So for the methods below.
        """
        return self._ask("GET", path, query=query, again=True)[0]

    def find(self, path: str, **query: str | int) -> Any | None:
        """As `get`; None where there is nothing."""
        try:
            return self.get(path, **query)
        except GitHubError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def pages(self, path: str, key: str | None = None, **query: str | int) -> Iterator[Any]:
        """Every element of a list that comes in pages; `key` names it where the answer wraps it."""
        for number in range(1, MOST_PAGES + 1):
            answer, links = self._ask("GET", path, query=query | {"per_page": PAGE, "page": number}, again=True)
            elements = answer.get(key) if key and isinstance(answer, dict) else answer
            if not isinstance(elements, list):
                raise GitHubError(f"GitHub's answer to `GET {path}` is no list.")
            yield from elements
            if 'rel="next"' not in links:
                return
        raise GitHubError(f"GitHub's list at `{path}` has more than {MOST_PAGES * PAGE:,} elements.")

    def download(self, path: str, target: Path, limit: int) -> None:
        """Write what is at `path` to a file, unopened.

        Raises:
            GitHubError: it has more than `limit` bytes; and as `get`.
        """
        request = self._request("GET", path, {}, None)
        content = self._sent(request, "GET", path, limit, again=True)[0]
        if len(content) > limit:
            raise GitHubError(f"what GitHub has at `{path}` is larger than {limit:,} bytes. It is not taken.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def post(self, path: str, body: Any, *, again: bool = False) -> Any:
        """Make something; `again` where making it twice does no harm, so that a torn connection is tried once more."""
        return self._ask("POST", path, body=body, again=again)[0]

    def patch(self, path: str, body: Any) -> Any:
        """Change something."""
        return self._ask("PATCH", path, body=body, again=True)[0]

    def put(self, path: str, body: Any) -> Any:
        """Set something."""
        return self._ask("PUT", path, body=body, again=True)[0]

    def delete(self, path: str) -> None:
        """Remove something."""
        self._ask("DELETE", path, again=True)

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, str | int] | None = None, body: Any = None, again: bool
    ) -> tuple[Any, str]:
        request = self._request(method, path, query or {}, body)
        content, links = self._sent(request, method, path, LARGEST, again=again)
        return _read(content, method, path), links

    def _sent(
        self, request: urllib.request.Request, method: str, path: str, limit: int, *, again: bool
    ) -> tuple[bytes, str]:
        """The answer, one byte longer than `limit` where it has more, and its links."""
        for attempt in range(1, TRIES + 1):
            try:
                with send(request) as answer:
                    return answer.read(limit + 1), answer.headers.get("Link", "")
            except urllib.error.HTTPError as error:
                with error:
                    wait = self._pause(error, attempt, again=again)
                    if wait is None or attempt == TRIES:
                        raise _refused(error, method, path, self) from None
            except (OSError, http.client.HTTPException) as error:
                if not again or attempt == TRIES:
                    host = urlsplit(self.api).netloc
                    why = getattr(error, "reason", None) or error or type(error).__name__
                    raise GitHubError(
                        f"GitHub ({host}) does not answer `{method} {path}`: {why}. Run the job again."
                    ) from None
                wait = 2.0 ** (attempt - 1)
            self.sleep(wait)
        raise AssertionError("unreachable")  # pragma: no cover

    def _request(self, method: str, path: str, query: Mapping[str, str | int], body: Any) -> urllib.request.Request:
        where = path if path.startswith("/") else f"/repos/{quote(self.repository)}/{path}"
        url = self.api + where.rstrip("/") + (f"?{urlencode(query)}" if query else "")
        if urlsplit(url).scheme not in {"http", "https"}:
            raise GitHubError(
                f"`GITHUB_API_URL` ({self.api}) is no address. It is https://api.github.com on github.com."
            )
        headers = headers_of(self.token)
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        return urllib.request.Request(url, data, headers, method=method)  # noqa: S310

    def _pause(self, error: urllib.error.HTTPError, attempt: int, *, again: bool) -> float | None:
        """Seconds until it may be tried again; None where that would not help."""
        if _limited(error):
            reset = error.headers.get("x-ratelimit-reset", "")
            said = error.headers.get("retry-after", "")
            wait = float(said) if said.isdigit() else float(reset) - self.now() if reset.isdigit() else 2.0**attempt
            return max(wait, 1.0) if wait <= LONGEST_WAIT else None
        if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR and again:
            return 2.0 ** (attempt - 1)
        return None


def _limited(error: urllib.error.HTTPError) -> bool:
    if error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
        return True
    told = "retry-after" in error.headers or error.headers.get("x-ratelimit-remaining") == "0"
    return error.code == http.HTTPStatus.FORBIDDEN and told


def _read(content: bytes, method: str, path: str) -> Any:
    if len(content) > LARGEST:
        raise GitHubError(f"GitHub's answer to `{method} {path}` is larger than {LARGEST // 2**20} MB.")
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        raise GitHubError(f"GitHub's answer to `{method} {path}` is not JSON. Is `GITHUB_API_URL` right?") from None


def _refused(error: urllib.error.HTTPError, method: str, path: str, client: Client) -> GitHubError:
    asked = f"`{method} {path}` of {client.repository}"
    if _limited(error):
        reset = error.headers.get("x-ratelimit-reset", "")
        until = dt.datetime.fromtimestamp(int(reset), dt.UTC).strftime("%H:%M UTC") if reset.isdigit() else "later"
        return GitHubError(f"GitHub's rate limit is used up ({asked}). Run the job again after {until}.", error.code)
    said = _message(error)
    if error.code == http.HTTPStatus.UNAUTHORIZED:
        text = (
            f"GitHub does not accept the token ({asked}: 401 {said}). It has expired or was revoked: a job's own "
            "token ends with the job, an App's after an hour. Run the job again, which gets a new one; where a secret "
            "holds the token, make a new one and store it with `gh secret set`."
        )
    elif error.code == http.HTTPStatus.FORBIDDEN:
        needs = error.headers.get("x-accepted-github-permissions", "")
        right = f"the right {needs.replace('=', ': ')}" if needs else "a right"
        text = (
            f"the token lacks {right} for {asked} (403 {said}). Name it under the job's `permissions:`; pull requests "
            "from forks get none, which is why what writes runs in `weigh.yml`."
        )
    elif error.code == http.HTTPStatus.NOT_FOUND:
        text = f"GitHub knows nothing at {asked}, or the token may not see it (404 {said})."
    elif error.code == http.HTTPStatus.UNPROCESSABLE_ENTITY:
        text = f"GitHub refuses {asked} (422 {said})."
    else:
        text = f"GitHub answers {error.code} to {asked} ({said}). Run the job again."
    return GitHubError(text, error.code)


def _message(error: urllib.error.HTTPError) -> str:
    """What GitHub says, on one line: a proxy's page is cut short."""
    try:
        content = json.loads(error.read(LARGEST))
        details = [e.get("message") or e.get("code") if isinstance(e, dict) else e for e in content.get("errors") or []]
        said = "; ".join(str(part) for part in [content.get("message"), *details] if part)
    except (ValueError, AttributeError, TypeError, OSError, http.client.HTTPException):
        said = ""
    return " ".join((said or str(error.reason)).split())[:300]
