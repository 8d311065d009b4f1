"""The mock of GitHub's REST API: every request is held against GitHub's published description."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from github import (
    routes,
    routes_commits,
    routes_issues,
    routes_pulls,
    routes_releases,
    routes_runs,
    routes_settings,
    routes_standin,
)
from github.description import Description, Operation
from github.state import Call, State

HANDLERS = (routes_commits, routes_issues, routes_pulls, routes_releases, routes_runs, routes_settings)


class GitHub(State):
    """The state, with the address at which it answers and the bare repository that holds the commits."""

    url: str = ""
    origin: Path
    kept: Path  # what runs leave: artifacts, caches, pages, what was asked of actions

    def expect_no_problems(self) -> None:
        """Fail where a request was none that GitHub knows."""
        assert not self.problems, "\n".join(self.problems)

    def fail_next(self, status: int, containing: str = "", times: int = 1, **headers: str) -> None:
        """Answer the next requests whose `METHOD /path` contains a text with this status; 0 hangs up."""
        self.faults.extend([(containing, status, headers)] * times)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    github: GitHub
    description: Description

    def log_message(self, *_: Any) -> None: ...

    def _do(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        with _LOCK:
            status, answer, headers, name, author, body = self._answered(
                parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), raw
            )
            self.github.calls.append(Call(self.command, parts.path, name, status, author, body))
        if status == 0:
            self.close_connection = True
            return
        content = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json; charset=utf-8"
        for key, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815

    def _answered(self, path: str, query: dict[str, str], raw: bytes) -> tuple[int, Any, dict[str, str], str, str, Any]:
        github = self.github
        asked = f"{self.command} {path}"
        for place, (containing, status, headers) in enumerate(github.faults):
            if containing in asked:
                del github.faults[place]
                return status, {"message": f"planted {status}"}, headers, "", "", None
        if path.startswith("/_standin/"):
            return 200, routes_standin.standin(github, path, json.loads(raw)), {}, "", "", None
        token = github.tokens.get((self.headers.get("Authorization") or "").partition(" ")[2])
        if token is None:
            return 401, {"message": "Bad credentials", "status": "401"}, {}, "", "", None
        match = self.description.match(self.command, path)
        if match is None:
            return self._wrong(asked, ["GitHub knows no such request"], 404, token.author)
        name = match.operation.name
        try:
            body = self._body(match.operation, raw)
        except ValueError:
            return self._wrong(asked, ["the body is no JSON"], 400, token.author)
        problems = self.description.query_problems(match.operation, query)
        if not isinstance(body, bytes):
            problems += self.description.body_problems(match.operation, body)
        if problems:
            return self._wrong(asked, problems, 422, token.author)
        request = routes.Request(name, self.command, match.values, query, body, token, dict(self.headers))
        lacking = routes.lacking(request)
        if lacking:
            return (
                403,
                {"message": "Resource not accessible by integration", "lacking": lacking},
                {},
                name,
                token.author,
                body,
            )
        if name not in routes.ROUTES:
            return self._wrong(
                asked, [f"the mock has no `{name}` yet: add it to tests/e2e/github/routes_….py"], 501, token.author
            )
        try:
            status, value = routes.ROUTES[name](github, request)
        except routes.Refused as refused:
            return (
                refused.status,
                {"message": str(refused), "documentation_url": "https://docs.github.com/rest"},
                {},
                name,
                token.author,
                body,
            )
        headers: dict[str, str] = {}
        if isinstance(value, list) and self.command == "GET":
            value, headers = self._page(value, path, query)
        elif isinstance(value, dict) and "total_count" in value:
            key = next(key for key in value if key != "total_count")
            value[key], headers = self._page(value[key], path, query)
        if not isinstance(value, bytes | None):
            value = self._whole(match.operation, status, value)
        return status, value, headers, name, token.author, body

    def _body(self, operation: Operation, raw: bytes) -> Any:
        if operation.name == "repos/upload-release-asset":
            return raw
        return json.loads(raw) if raw else None

    def _wrong(
        self, asked: str, problems: list[str], status: int, author: str
    ) -> tuple[int, Any, dict[str, str], str, str, Any]:
        self.github.problems += [f"{asked}: {problem}" for problem in problems]
        return status, {"message": "Validation Failed", "errors": problems}, {}, "", author, None

    def _page(self, values: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        size = min(size, 100)
        rest = {key: value for key, value in query.items() if key not in {"page", "per_page"}}
        more = "".join(f"&{key}={value}" for key, value in rest.items())
        link = f'<{self.github.url}{path}?page={page + 1}&per_page={size}{more}>; rel="next"'
        return values[(page - 1) * size : page * size], {"Link": link} if len(values) > page * size else {}

    def _whole(self, operation: Operation, status: int, value: Any) -> Any:
        """The answer with everything that GitHub's has, checked like the request."""
        schema, _ = self.description.answer(operation, status)
        whole = self.description.filled(operation, status, value)
        if schema is not None and (found := self.description.problems(schema, whole)):
            self.github.problems += [f"the mock's answer to {operation.name}: {problem}" for problem in found]
        return whole


_LOCK = threading.RLock()


@contextmanager
def serving(description: Description, origin: Path, kept: Path, repository: str) -> Iterator[GitHub]:
    """A GitHub of its own, at a free port, until the block ends."""
    github = GitHub(repository=repository)
    github.origin, github.kept = origin, kept
    handler = type("Handler", (_Handler,), {"github": github, "description": description})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
