"""A GitHub in memory: the few resources that our client uses, answered over real HTTP on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from weighlock.github.api import Client

REPOSITORY = "owner/name"
BOT = "github-actions[bot]"


@dataclass
class Stub:
    """What GitHub holds, what was asked, and what it answers instead of working: (status, headers, body)."""

    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    failing: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    page: int = 100

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if not path.startswith(f"/repos/{REPOSITORY}/"):
            return 404, {"message": "Not Found"}
        parts = path.removeprefix(f"/repos/{REPOSITORY}/").split("/")
        match method, parts:
            case "GET", ["pulls"]:
                return 200, [p for p in self.pulls if query["state"] in {"all", p["state"]} and _fits(p, query)]
            case "POST", ["pulls"]:
                return 201, self._add(
                    self.pulls, pull(body["head"], "f" * 40, title=body["title"]) | {"body": body["body"]}
                )
            case "PATCH", ["pulls", number]:
                return self._change(self.pulls, "number", number, body)
            case "GET", ["issues", _, "comments"]:
                return 200, self.comments
            case "POST", ["issues", number, "comments"]:
                return 201, self._add(self.comments, {"user": {"login": BOT}, "body": body["body"], "on": int(number)})
            case "PATCH", ["issues", "comments", number]:
                return self._change(self.comments, "id", number, body)
            case "DELETE", ["issues", "comments", number]:
                self.comments = [c for c in self.comments if c["id"] != int(number)]
                return 204, None
            case "GET", ["issues"]:
                return 200, [i for i in self.issues if i["state"] == query["state"]]
            case "POST", ["issues"]:
                return 201, self._add(self.issues, {"user": {"login": BOT}, "state": "open", **body})
            case "PATCH", ["issues", number]:
                return self._change(self.issues, "number", number, body)
            case "POST", ["issues", _, "labels"]:
                return 200, []
            case "POST", ["statuses", sha]:
                self.statuses.append(body | {"sha": sha})
                return 201, body
            case "POST", ["actions", "workflows", _, "dispatches"]:
                return 204, None
            case "GET", ["actions", "workflows", _, "runs"]:
                return 200, {"workflow_runs": [r for r in self.runs if r["status"] == query["status"]]}
        return 404, {"message": "Not Found"}

    def _add(self, where: list[dict[str, Any]], element: dict[str, Any]) -> dict[str, Any]:
        number = 1 + max((e["number"] for e in where), default=0)
        made = {"html_url": f"https://github.com/{REPOSITORY}/{number}", **element, "id": number, "number": number}
        where.append(made)
        return made

    def _change(self, where: list[dict[str, Any]], key: str, value: str, body: Any) -> tuple[int, Any]:
        for element in where:
            if element[key] == int(value):
                element.update(body)
                return 200, element
        return 404, {"message": "Not Found"}


def pull(branch: str, sha: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A pull request as GitHub describes it; repository None: the fork is gone."""
    repository = more.pop("repository", REPOSITORY)
    return {
        "number": number,
        "id": number,
        "html_url": f"https://github.com/{REPOSITORY}/pull/{number}",
        "state": "open",
        "draft": False,
        "title": "a change",
        "head": {"ref": branch, "sha": sha, "repo": {"full_name": repository} if repository else None},
        "base": {"ref": more.pop("base", "main")},
    } | more


def _fits(found: dict[str, Any], query: dict[str, str]) -> bool:
    head, repository = found["head"], found["head"]["repo"]
    name = f"{repository['full_name'].split('/')[0] if repository else 'ghost'}:{head['ref']}"
    return query.get("head") in {None, name} and query.get("base") in {None, found["base"]["ref"]}


@contextmanager
def serving(stub: Stub) -> Iterator[Client]:
    """The stub on a port, and a client of it that waits without waiting."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            plain = "octet-stream" in (self.headers.get("Content-Type") or "")
            body = raw if plain else json.loads(raw) if raw else None
            stub.asked.append((self.command, url.path, body))
            stub.tokens.append(self.headers.get("Authorization"))
            headers: dict[str, str] = {}
            if stub.failing:
                status, headers, content = stub.failing.pop(0)
            else:
                status, content = stub.answer(self.command, url.path, query, body)
            if isinstance(content, list) and "per_page" in query:
                number = int(query["page"])
                if len(content) > number * stub.page:
                    headers["Link"] = f'<http://x{url.path}?page={number + 1}>; rel="next"'
                content = content[(number - 1) * stub.page : number * stub.page]
            data = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        api = f"http://127.0.0.1:{server.server_address[1]}"
        yield Client(REPOSITORY, "secret-token", api, sleep=stub.waited.append, now=lambda: 1000.0)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
