"""A rollout to judge: a repository with an environment and two releases, services that count, and their logs."""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from weighlock.monitoring.log_record import Feedback, Model, Record, encode, stamp
from weighlock.monitoring.prediction_log import LogWriter
from weighlock.releases.record import Release, format_release
from weighlock.scoring import Signature
from weighlock.serving.measures import Measures
from weighlock.serving.settings import Identity

BEGUN = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
DIGESTS = {"stable": "sha256:" + "a" * 64, "candidate": "sha256:" + "c" * 64}
VERSIONS = {"stable": "v1", "candidate": "v2"}


def after(hours: float) -> dt.datetime:
    """A time after the step began."""
    return BEGUN + dt.timedelta(hours=hours)


class Rollout:
    """The repository at `root`."""

    def __init__(self, root: Path, release_of: Any) -> None:
        self.root = root
        for folder in ("deploy", "releases"):
            (root / folder).mkdir()
        for variant, version in VERSIONS.items():
            release: Release = release_of(version)
            served = release.served.model_copy(update={"digest": DIGESTS[variant]})
            text = format_release(release.model_copy(update={"served": served}))
            (root / "releases" / f"{version}.yaml").write_text(text)
        self.git("init", "-q", "-b", "main", "--template=")

    def git(self, *words: str, at: dt.datetime = BEGUN) -> None:
        time = at.isoformat()
        known = {"GIT_COMMITTER_DATE": time, "GIT_AUTHOR_DATE": time, "GIT_CONFIG_GLOBAL": "/dev/null"}
        names = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *names, *words], cwd=self.root, check=True, env=known | {"PATH": "/usr/bin:/bin"})

    def commit(self, content: str, hours: float = 0.0) -> None:
        """Commit `deploy/production.yaml` so many hours after the step began."""
        (self.root / "deploy/production.yaml").write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "move", at=after(hours))

    def route(self, route: str, hours: float = 0.0) -> None:
        """Commit a route of v2 beside v1."""
        self.commit(f"stable: v1\ncandidate: {{release: v2, route: {{{route}}}}}\n", hours)


class Service:
    """A service that counts as ours does, without a model."""

    def __init__(self, variant: str) -> None:
        self.digest = DIGESTS[variant]
        self.begin_anew()

    def begin_anew(self) -> None:
        signature = Signature("binary", "late", (), ("no", "yes"), 0.5, {}, self.digest)
        model = Identity(name="flights", version="v", digest=self.digest, signature_digest="sha256:0")
        self.measures = Measures(signature, model, [0.5], None)

    def answer(self, status: int = 200, times: int = 1, seconds: float = 0.003) -> None:
        for _ in range(times):
            self.measures.answered("predict", status, seconds)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its address."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = service.measures.metrics.render()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def row(name: str, variant: str, score: float | None, hours: float = 0.5, **change: Any) -> Record:
    """A row that a variant answered."""
    model = Model("flights", VERSIONS[variant], DIGESTS[variant])
    return Record(name, stamp(after(hours)), model, {}, score=score, **change)


def truth(name: str, value: Any = "yes", hours: float = 1.0) -> Feedback:
    """What became of it."""
    return Feedback(name, value, stamp(after(hours)))


def write_log(folder: Path, *rows: Record | Feedback) -> None:
    """A segment with these rows."""
    writer = LogWriter.open(folder, "0")
    writer.append([encode(each) for each in rows])
    writer.close()
