"""Repositories with releases that cost no training: the unit tests' stories, as remotes and clones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import ROOT, Project

from support import stories
from support.records import make_release


@dataclass(frozen=True)
class Team:
    """A bare remote, and two people's clones of it."""

    remote: Path
    ada: Project
    bob: Project


def tell(path: Path, environment: dict[str, str], story: Callable[[Any], object]) -> Team:
    """A story, pushed to a remote of its own and cloned twice."""
    told = stories.written(path, make_release, story)
    remote = path / "remote.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(told), str(remote)], check=True)
    env = {**environment, "PYTHONPATH": str(ROOT / "src")}
    people = []
    for name in ("Ada", "Bob"):
        subprocess.run(["git", "clone", "-q", str(remote), str(path / name)], check=True)
        identity = {"user.name": name, "user.email": f"{name.lower()}@example.org"}
        people.append(Project(path / name, env))
        for key, value in identity.items():
            people[-1].run("git", "config", key, value)
    return Team(remote, *people)


CHANGES = {"update-ref", "update-index", "push", "replace", "unlink", "mkdir"}


def steps_of(project: Project, *command: str) -> list[int]:
    """The steps of a command before which to kill it: of those that change something the first and the last of a
    kind, and the one after them; from the first that moves a ref of ours on, as before it nothing is left."""
    trace = project.path.parent / "trace"
    killed_at(0, project, *command, trace=trace)
    kinds = trace.read_text().splitlines()
    found = set()
    for kind in CHANGES & set(kinds):
        places = [place for place, other in enumerate(kinds, start=1) if other == kind]
        found |= {place + after for place in (places[0], places[1 % len(places)], places[-1]) for after in (0, 1)}
    return sorted(place for place in found if kinds.index("update-ref") < place <= len(kinds))


def kind_of(name: str, call: tuple[Any, ...]) -> str:
    """`update-ref` of a call of git; else the name."""
    words = call[0] if isinstance(call[0], list) else []
    return next((word for word in words[1:] if not word.startswith("-") and "=" not in word), name)


def killed_at(step: int, project: Project, *command: str, trace: Path | None = None) -> int | None:
    """Run a command in a fork that ends as by `kill -9` before its step number `step`; its code where it ended first.

    A step is whatever another process could see: a call of git, a file that is replaced or removed.
    """
    child = os.fork()
    if child == 0:
        try:
            _child(step, project, command, trace)
        finally:
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code == 137 else code


def _child(step: int, project: Project, command: tuple[str, ...], trace: Path | None) -> None:
    from weighlock.cli import main

    left = step
    log = trace.open("w") if trace else None

    def counted(name: str, call: Any) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if log:
                log.write(f"{kind_of(name, args)}\n")
                log.flush()
            if left == 0:
                os._exit(137)
            return call(*args, **options)

        return run

    subprocess.run = counted("run", subprocess.run)
    for name in ("replace", "unlink", "mkdir"):
        setattr(Path, name, counted(name, getattr(Path, name)))
    os.chdir(project.path)
    os.environ.clear()
    os.environ.update(project.env)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    code = main(list(command))
    sys.stdout.flush()
    os._exit(code)
