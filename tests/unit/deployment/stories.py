"""Repositories with a history, written at once by `git fast-import`: releases, promotions, and what went wrong."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighlock.deployment.environment import Environment, rewritten
from weighlock.deployment.trailers import format_trailers
from weighlock.deployment.transitions import changed, skipped
from weighlock.deployment.wording import described, percents
from weighlock.releases.acceptance import evidence_digest
from weighlock.releases.record import Judged, Release, format_release

ROOT = Path(__file__).parents[3]
LOCK, PARAMS = b"schema: '2.0'\nstages: {}\n", (ROOT / "params.yaml").read_bytes()
SHIPPED = {f"deploy/{name}.yaml": (ROOT / f"deploy/{name}.yaml").read_bytes() for name in ("staging", "production")}
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"
START = 1_770_000_000  # seconds; a commit an hour from then on

Files = Mapping[str, bytes | None]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def git(path: Path, *arguments: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=path, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def release_files(release_of: Callable[..., Release], version: str, commit: str, **change: Any) -> dict[str, bytes]:
    """A whole record of a release with its evidence; `change` replaces sections of the record."""
    plain = release_of(version)
    verdict: dict[str, Any] = {
        "outcome": "PASS", "bootstrap": version == "v1", "about": version,
        "challenger": {"digests": {"weighed": plain.weighed.digest, "served": plain.served.digest}}, "nonce": version,
    }  # fmt: skip
    verdict["evidence"] = evidence_digest(verdict)
    gate = json.dumps(verdict).encode()
    path = f"releases/evidence/{version}/gate.json"
    judged = Judged(
        outcome="PASS", bootstrap=version == "v1", evidence=verdict["evidence"],
        champion=None if version == "v1" else f"v{int(version[1:]) - 1}",
    )  # fmt: skip
    parts = {
        "commit": commit, "lock": sha256(LOCK), "params": sha256(PARAMS), "verdict": judged,
        "evidence": {path: sha256(gate)},
    }  # fmt: skip
    return {
        f"releases/{version}.yaml": format_release(release_of(version, **(parts | change))).encode(),
        path: gate,
    }


@dataclass
class Story:
    """A history that grows, and is written by `write`. Commits are named by their marks, the first being 1."""

    path: Path
    release_of: Callable[..., Release]
    stream: list[bytes] = field(default_factory=list)
    states: dict[int, dict[str, bytes]] = field(default_factory=dict)
    code: str = ""  # the id of the first commit
    last: int = 1
    tip: int = 1

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        git(self.path, "init", "--quiet", "--initial-branch=main", ".")
        for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
            git(self.path, "config", key, value)
        first = {"dvc.lock": LOCK, "params.yaml": PARAMS, **SHIPPED}
        self.states[0] = {}
        self.last = self.tip = 0
        self.commit(first, "feat: a model", parents=())
        self._import()
        self.code = git(self.path, "rev-parse", "main")

    def commit(self, files: Files, message: str, *, by: str = ADA, parents: tuple[int, ...] | None = None) -> int:
        """A commit on the tip, or on other commits, of which the first gives the files; it is the new tip."""
        parents = (self.tip,) if parents is None else parents
        self.last += 1
        self.tip = self.last
        who = f"{by} {START + 3600 * self.last} +0000"
        lines = [f"commit refs/heads/main\nmark :{self.last}\nauthor {who}\ncommitter {who}\n".encode()]
        lines.append(_data(message.encode()))
        lines += [f"{'merge' if i else 'from'} :{parent}\n".encode() for i, parent in enumerate(parents)]
        state = dict(self.states[parents[0]]) if parents else {}
        for path, content in files.items():
            if content is None:
                lines.append(f"D {path}\n".encode())
                state.pop(path, None)
            else:
                lines.append(f"M 100644 inline {path}\n".encode() + _data(content))
                state[path] = content
        if not parents:
            lines.insert(0, b"reset refs/heads/main\n")
        self.states[self.last] = state
        self.stream += [*lines, b"\n"]
        return self.last

    def release(self, version: str, **change: Any) -> int:
        """A commit with a whole record."""
        return self.commit(release_files(self.release_of, version, self.code, **change), f"feat: release {version}")

    def environment(self, name: str) -> Environment:
        """The environment's state at the tip."""
        from weighlock.deployment.environment import parse_environment

        return parse_environment(self.states[self.tip][f"deploy/{name}.yaml"], name)

    def move(self, name: str, *, said: dict[str, str | None] | None = None, **options: Any) -> int:
        """A commit that changes an environment's state, with the trailers that the commands write."""
        by, parents = options.pop("by", ADA), options.pop("parents", None)
        before = self.environment(name)
        after = changed(before, **options)
        told = {
            "Environment": name, "From": described(before), "To": described(after),
            "Skipped": percents(skipped(before, after)),
        }  # fmt: skip
        text = format_trailers(told | said) if said is not None else format_trailers(told)
        path = f"deploy/{name}.yaml"
        content = rewritten(self.states[self.tip][path].decode(), after).encode()
        return self.commit({path: content}, f"deploy: {name}: {described(after)}\n\n{text}", by=by, parents=parents)

    def write(self, *tags: tuple[str, int]) -> Path:
        """The repository, its working tree included."""
        for name, mark in tags:
            self.stream.append(f"tag {name}\nfrom :{mark}\ntagger {ADA} {START} +0000\n".encode() + _data(b"a release"))
        self._import()
        git(self.path, "reset", "--quiet", "--hard", "main")
        return self.path

    def id(self, mark: int) -> str:
        """The commit of a mark."""
        marks = (self.path / ".git/marks").read_text().splitlines()
        return next(line.split()[1] for line in marks if line.split()[0] == f":{mark}")

    def _import(self) -> None:
        marks = [f"--export-marks={self.path / '.git/marks'}"]
        marks += [f"--import-marks={self.path / '.git/marks'}"] if (self.path / ".git/marks").exists() else []
        git(self.path, "fast-import", "--quiet", "--force", *marks, stdin=b"".join(self.stream))
        self.stream.clear()


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"
