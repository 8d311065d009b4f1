"""A repository on this GitHub: a clone to work in, the bare origin, the API's mock and the runner."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from github import events, routes, routes_pulls
from github.description import Description
from github.run import Run
from github.runner import ACTIONS, Runner
from github.server import GitHub, serving
from github.state import Pull, Token

if TYPE_CHECKING:
    from conftest import Project

PERSON = "ghp_ada"


@dataclass
class Repository:
    """What a team sees of its repository."""

    project: Project  # a clone whose `origin` is the bare one
    github: GitHub
    runner: Runner

    def act(self, workflow: str, event: events.Event, **more: Any) -> Run:
        """Run a workflow for an event; see `Runner.act`."""
        return self.runner.act(workflow, event, **more)

    @property
    def main(self) -> str:
        """The commit of main."""
        return routes.commit_of(self.github, "refs/heads/main")

    def git(self, *words: str) -> str:
        """What git says of the bare repository."""
        found = routes.git(self.github, *words)
        assert found is not None, words
        return found

    def show(self, path: str, ref: str = "main") -> str:
        """A file of a branch or commit."""
        return self.git("show", f"{ref}:{path}")

    def commit(self, branch: str, message: str, base: str = "origin/main") -> str:
        """Commit everything that was changed in the clone, on a branch that is made anew, and push it."""
        work = self.project
        work.run("git", "checkout", "-q", "-B", branch)
        sha = work.commit(message)
        work.run("git", "push", "-q", "--force", "origin", f"{branch}:refs/heads/{branch}")
        return sha

    def warm(self, cache: Path | None = None) -> None:
        """Keep data and models as a run on main would have: its workflow's cache is then warm.

        Args:
            cache: DVC's, of which what the clone's `dvc.lock` names is taken; without it, all of the clone's own.
        """
        place = self.github.kept / "caches/refs%2Fheads%2Fmain"
        place.mkdir(parents=True, exist_ok=True)
        with tarfile.open(place / "dvc-main.tar", "w") as tar:
            if cache is None:
                tar.add(self.project.path / ".dvc/cache", arcname=".dvc/cache")
                return
            for digest in _digests((self.project.path / "dvc.lock").read_text(), cache):
                inside = f"files/md5/{digest[:2]}/{digest[2:]}"
                if (cache / inside).is_file():
                    tar.add(cache / inside, arcname=f".dvc/cache/{inside}")

    def start(self, branch: str, base: str = "main") -> None:
        """Go to a new branch in the clone, from the newest main of origin."""
        self.project.run("git", "fetch", "-q", "origin")
        self.project.run("git", "checkout", "-q", "--force", "-B", branch, f"origin/{base}")

    def fork(self, owner: str, branch: str, message: str) -> str:
        """Commit what was changed in the clone and push it to a branch of somebody's fork."""
        sha = self.project.commit(message)
        self.project.run("git", "push", "-q", "--force", "origin", f"HEAD:refs/forks/{owner}/{branch}")
        return sha

    def open_pull(
        self, head: str, title: str = "A change", owner: str = "", author: str = "ada", body: str = ""
    ) -> Pull:
        """A person opens a pull request; `owner` names a fork's owner."""
        token = Token(author, {"*": "write"})
        content = {"title": title, "head": f"{owner}:{head}" if owner else head, "base": "main", "body": body}
        values = dict(zip(("owner", "repo"), self.github.repository.split("/"), strict=True))
        routes_pulls.pulls_create(self.github, routes.Request("pulls/create", "POST", values, {}, content, token, {}))
        return self.github.pulls[-1]

    def merge(self, pull: Pull) -> str:
        """A person merges a pull request, squashed; gives the commit before."""
        routes_pulls.refresh(self.github, pull)
        before = self.main
        tree = self.git("rev-parse", f"refs/pull/{pull.number}/merge^{{tree}}")
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        said = self.git("log", "--reverse", "--format=* %B", f"{before}..{pull.head_sha}")
        message = f"{pull.title} (#{pull.number})\n\n{said}"  # with commit details, GitHub's default
        merged = self.git(*identity, "commit-tree", tree, "-p", before, "-m", message)
        self.git("update-ref", "refs/heads/main", merged)
        pull.state, pull.merged = "closed", merged
        return before


def _digests(lock: str, cache: Path) -> set[str]:
    """What a `dvc.lock` names, and what the folders among that hold."""
    found = set(re.findall(r"md5: (\w{32}(?:\.dir)?)", lock))
    for folder in [digest for digest in found if digest.endswith(".dir")]:
        listed = cache / f"files/md5/{folder[:2]}/{folder[2:]}"
        found |= {entry["md5"] for entry in json.loads(listed.read_text())} if listed.is_file() else set()
    return found


@contextmanager
def hosted(
    project: Project, description: Description, folder: Path, repository: str = "acme/flights"
) -> Iterator[Repository]:
    """Push a clone's HEAD as main to a bare repository of its own and host that, until the block ends."""
    origin = folder / "origin.git"
    project.run("git", "init", "-q", "--bare", str(origin))
    project.run("git", "remote", "set-url", "origin", str(origin))
    project.run("git", "push", "-q", "origin", "HEAD:refs/heads/main")
    project.run("git", "push", "-q", "--tags", "origin")
    project.run("git", "checkout", "-q", "-B", "main")
    project.run("git", "fetch", "-q", "--prune", "origin")
    subprocess.run(["git", "-C", str(origin), "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
    hook = origin / "hooks/pre-receive"
    hook.write_text(f'#!/bin/sh\nPYTHONPATH= exec "{sys.executable}" "{ACTIONS}/code/pre_receive.py"\n')
    hook.chmod(0o755)
    with serving(description, origin, folder / "kept", repository) as github:
        github.tokens[PERSON] = Token("ada", {"*": "admin"})
        yield Repository(project, github, Runner(github, folder, project.env))
