"""Histories of releases and promotions, and of what went wrong: in memory, or as repositories by `git fast-import`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from weighlock.deployment.environment import Environment, parse_environment, rewritten
from weighlock.deployment.ledger import Entry, Ledger
from weighlock.deployment.render import folder_of, render
from weighlock.deployment.trailers import format_trailers
from weighlock.deployment.transitions import changed, skipped
from weighlock.deployment.wording import described, percents
from weighlock.releases.acceptance import evidence_digest
from weighlock.releases.record import Judged, Release, format_release, parse_release

ROOT = Path(__file__).parents[2]
LOCK, PARAMS = b"schema: '2.0'\nstages: {}\n", (ROOT / "params.yaml").read_bytes()
SHIPPED = {f"deploy/{name}.yaml": (ROOT / f"deploy/{name}.yaml").read_bytes() for name in ("staging", "production")}
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"
PARSED: tuple[dict[str, Any], dict[str, Any]] = ({}, {})  # by blob: what is the same in all stories is read once
START = 1_770_000_000  # seconds; a commit an hour from then on

Files = Mapping[str, bytes | None]


@cache
def read(content: bytes) -> Release:
    return parse_release(content, "a story")


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def git(path: Path, *arguments: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=path, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def release_files(release_of: Callable[..., Release], version: str, code: str, **change: Any) -> dict[str, bytes]:
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
        "commit": code, "lock": sha256(LOCK), "params": sha256(PARAMS), "verdict": judged,
        "evidence": {path: sha256(gate)},
    }  # fmt: skip
    return {
        f"releases/{version}.yaml": format_release(release_of(version, **(parts | change))).encode(),
        path: gate,
    }


@dataclass
class Story:
    """A history that grows. Commits are named by their marks, the first being 1.

    `ledger` is what there is to read of it, without git; `write` makes it a repository.
    """

    release_of: Callable[..., Release]
    code: str = "1".zfill(40)  # the id of the first commit
    states: dict[int, dict[str, bytes]] = field(default_factory=lambda: {0: {}})
    parents: dict[int, tuple[int, ...]] = field(default_factory=dict)
    messages: dict[int, tuple[str, str]] = field(default_factory=dict)  # by whom, and what was said
    tip: int = 0
    begun: bool = False

    def __post_init__(self) -> None:
        if self.begun:
            return
        first: dict[str, bytes] = {"dvc.lock": LOCK, "params.yaml": PARAMS, **SHIPPED}
        rendered = {**self._rendered("staging", first), **self._rendered("production", first)}
        self.commit({**first, **rendered}, "feat: a model", parents=())

    def commit(self, files: Files, message: str, *, by: str = ADA, parents: tuple[int, ...] | None = None) -> int:
        """A commit on the tip, or on other commits, of which the first gives the files; it is the new tip."""
        parents = (self.tip,) if parents is None else parents
        state = dict(self.states[parents[0]]) if parents else {}
        for path, content in files.items():
            state.pop(path, None)
            if content is not None:
                state[path] = content
        self.tip = len(self.states)
        self.states[self.tip], self.parents[self.tip], self.messages[self.tip] = state, parents, (by, message)
        return self.tip

    def copy(self) -> Story:
        """The same, to go on from."""
        return replace(
            self, states=dict(self.states), parents=dict(self.parents), messages=dict(self.messages), begun=True
        )

    def release(self, version: str, **change: Any) -> int:
        """A commit with a whole record."""
        return self.commit(release_files(self.release_of, version, self.code, **change), f"feat: release {version}")

    def environment(self, name: str) -> Environment:
        """The environment's state at the tip."""
        return parse_environment(self.states[self.tip][f"deploy/{name}.yaml"], name)

    def move(self, name: str, *, said: dict[str, str | None] | None = None, **options: Any) -> int:
        """A commit that changes an environment's state, with the trailers that the commands write."""
        by, parents, render_it = options.pop("by", ADA), options.pop("parents", None), options.pop("render_it", True)
        before = self.environment(name)
        after = changed(before, **options)
        told = {
            "Environment": name, "From": described(before), "To": described(after),
            "Skipped": percents(skipped(before, after)),
        }  # fmt: skip
        text = format_trailers(told | said) if said is not None else format_trailers(told)
        path = f"deploy/{name}.yaml"
        content = rewritten(self.states[self.tip][path].decode(), after).encode()
        files = self._rendered(name, {**self.states[self.tip], path: content}) if render_it else {}
        message = f"deploy: {name}: {described(after)}\n\n{text}"
        return self.commit({path: content, **files}, message, by=by, parents=parents)

    def _rendered(self, name: str, state: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """What an environment's state renders to; files that it renders to no more are removed."""
        environment = parse_environment(state[f"deploy/{name}.yaml"], name)
        paths = {version: f"releases/{version}.yaml" for version in environment.releases}
        releases = {version: read(state[path]) for version, path in paths.items() if path in state}
        folder = folder_of(name)
        gone: dict[str, bytes | None] = {path: None for path in state if path.startswith(f"{folder}/")}
        if len(releases) < len(paths):
            return gone
        return gone | {f"{folder}/{p}": text.encode() for p, text in render(name, environment, releases).items()}

    def id(self, mark: int) -> str:
        """The commit of a mark, where nothing was written."""
        return str(mark).zfill(40)

    def ledger(self, **tags: int) -> Ledger:
        """The history as `read_ledger` would read it, without git."""
        entries: dict[int, Entry] = {}
        contents = {f"{self.code}:./{path}": content for path, content in self.states[1].items()}
        for mark, parents in self.parents.items():
            before = self._tree(parents[0]) if parents else {}
            after = self._tree(mark)
            paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
            changes = {path: (before.get(path), after.get(path)) for path in sorted(paths)}
            by, message = self.messages[mark]
            entries[mark] = Entry(
                id=self.id(mark), parents=tuple(self.id(parent) for parent in parents), author=by, at=self._time(mark),
                message=message.strip(), changes=changes,
                tree=after if changes or not parents else entries[parents[0]].tree,
            )  # fmt: skip
            contents |= {blob(content): content for content in self.states[mark].values()}
        reached: set[int] = set()
        left = [self.tip]
        while left:
            reached.add(mark := left.pop())
            left += self.parents[mark]
        found = tuple(entry for mark, entry in entries.items() if mark in reached)
        on = {name.replace("__", "@"): self.id(mark) for name, mark in tags.items()}
        return Ledger(Path("/nowhere"), found, on, contents, *PARSED)

    def write(self, path: Path) -> Path:
        """The repository, its working tree included; ids are git's, so records have to name `code` anew."""
        path.mkdir(parents=True, exist_ok=True)
        git(path, "init", "--quiet", "--initial-branch=main", ".")
        config = path / ".git/config"
        config.write_text(f"{config.read_text()}[user]\n\tname = Ada\n\temail = ada@example.org\n[gc]\n\tauto = 0\n")
        stream = b"".join(self._commit_stream(mark) for mark in self.parents)
        git(path, "fast-import", "--quiet", "--force", stdin=stream)
        git(path, "reset", "--quiet", "--hard", "main")
        return path

    def _commit_stream(self, mark: int) -> bytes:
        (by, message), parents = self.messages[mark], self.parents[mark]
        who = f"{by} {int(self._time(mark).timestamp())} +0000"
        lines = [b"reset refs/heads/main\n"] if not parents else []
        lines.append(f"commit refs/heads/main\nmark :{mark}\nauthor {who}\ncommitter {who}\n".encode())
        lines.append(_data(message.encode()))
        lines += [f"{'merge' if place else 'from'} :{parent}\n".encode() for place, parent in enumerate(parents)]
        before, after = self.states[parents[0]] if parents else {}, self.states[mark]
        lines += [f"D {path}\n".encode() for path in before if path not in after]
        for path, content in after.items():
            if before.get(path) != content:
                lines.append(f"M 100644 inline {path}\n".encode() + _data(content))
        return b"".join([*lines, b"\n"])

    def _time(self, mark: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(START + 3600 * mark, dt.UTC)

    def _tree(self, mark: int) -> dict[str, str]:
        state = self.states[mark]
        return {path: blob(content) for path, content in state.items() if path.startswith(("deploy/", "releases/"))}


@cache
def blob(content: bytes) -> str:
    """Git's name for a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def written(path: Path, release_of: Callable[..., Release], tell: Callable[[Story], object]) -> Path:
    """The repository of a story in which records name the first commit by git's own id."""
    draft = Story(release_of)
    code = git(draft.write(path / "draft"), "rev-parse", "main")
    story = Story(release_of, code)
    tell(story)
    return story.write(path / "repository")


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"
