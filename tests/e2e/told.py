"""A story's voice: acts with their numbers, commands with their key lines, as they happen."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from conftest import Project
from github.runner import Run

WIDTH = 116


@dataclass
class Voice:
    """Prints what happens.

    Attributes:
        acts: (title, seconds) of those that are over.
    """

    acts: list[tuple[str, float]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def act(self, title: str, *words: str) -> None:
        """The next act, and what it is about."""
        self.end()
        self.acts.append((title, time.monotonic()))
        print(f"\n━━ Act {len(self.acts)} · {title} {'━' * max(0, WIDTH - len(title) - 12)}")
        for line in words:
            print(f"   {line}")
        print(flush=True)

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self.began

    def end(self) -> None:
        """How long the act took."""
        if self.acts:
            print(f"   {'(' + format(time.monotonic() - self.acts[-1][1], '.0f') + ' s)':>{WIDTH - 3}}", flush=True)

    def say(self, *lines: str) -> None:
        """Something that happened."""
        for line in lines:
            print(f"   {line[:WIDTH]}", flush=True)

    def run(self, who: Project, *command: str, show: str = "", code: int | None = 0, **extra: str) -> str:
        """A command, and those lines of what it said that match."""
        print(f"   $ {' '.join(_quoted(word) for word in command)}", flush=True)
        done = who.run(*command, code=code, **extra)
        said = done.stdout + done.stderr
        self.lines(said, show)
        return said

    def lines(self, said: str, show: str) -> None:
        """Those that match, once each."""
        found = [line.rstrip() for line in said.splitlines() if show and re.search(show, line)]
        self.say(*(f"    {line.strip() if len(line) > WIDTH else line}" for line in dict.fromkeys(found)))

    def ran(self, workflow: str, run: Run, show: str = "") -> Run:
        """A workflow that ran, job by job."""
        jobs = ", ".join(f"{job.name} {'✓' if job.conclusion == 'success' else '✗'}" for job in run.jobs.values())
        self.say(f"⚙ {workflow}: {jobs}  ({run.seconds:.0f} s)")
        said = "\n".join(line.partition("| ")[2] for line in run.log.splitlines() if "| " in line)
        self.lines(said, show)
        return run


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word else word
