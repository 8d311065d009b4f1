"""What a run of act came to, read from its log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """What a job came to."""

    name: str
    conclusion: str  # success, failure, or cancelled where it was killed
    log: str
    outputs: dict[str, dict[str, str]]  # step -> name -> value
    summary: str
    steps: dict[str, str]  # name of the step -> success, failure or skipped
    own: float = 0.0  # seconds that our own commands took; the rest is the workflow's overhead


@dataclass(frozen=True)
class Run:
    """What a run came to."""

    code: int
    log: str
    jobs: dict[str, Job]
    seconds: float
    record: dict[str, Any]  # as GitHub's API shows it
    artifacts: Path  # one folder an artifact
    sha: str

    @property
    def overhead(self) -> float:
        """Seconds of everything but our commands; only of runs whose jobs follow one another."""
        return self.seconds - sum(job.own for job in self.jobs.values())

    @property
    def conclusion(self) -> str:
        return str(self.record["conclusion"])

    def artifact(self, name: str) -> Path:
        """The folder of an artifact that the run uploaded."""
        return self.artifacts / name

    def passed(self) -> Run:
        """Itself; fails with the log where it did not end well."""
        assert self.code == 0, self.log[-12_000:]
        return self

    def refused(self) -> Run:
        """Itself; fails with the log where it ended well."""
        assert self.code != 0, self.log[-12_000:]
        return self


def entry_of(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {"msg": line}
    return found if isinstance(found, dict) else {"msg": line}


def line_of(entry: dict[str, Any]) -> str:
    message = str(entry.get("msg", "")).rstrip("\n")
    prefix = f"[{entry['jobID']}] " if "jobID" in entry else ""
    bar = "| " if entry.get("raw_output") else ""
    return "".join(f"{prefix}{bar}{part}\n" for part in message.split("\n"))


def job_of(name: str, content: dict[str, Any], entries: list[dict[str, Any]]) -> Job | None:
    """A job from its lines and what the workflow says of it; None where it did not run."""
    if not entries:
        return None
    outputs: dict[str, dict[str, str]] = {}
    steps: dict[str, str] = {}
    summary = ""
    commands = {step.get("id", str(place)) for place, step in enumerate(content.get("steps", ())) if "run" in step}
    own = 0
    conclusion = "cancelled"
    for entry in entries:
        if entry.get("command") == "set-output":
            step = "/".join(entry.get("stepID", ["?"]))
            outputs.setdefault(step, {})[entry["name"]] = entry["arg"]
        elif entry.get("command") == "summary":
            summary += str(entry.get("content", ""))
        if "stepResult" in entry and entry.get("stage") == "Main" and len(entry.get("stepID", ())) == 1:
            steps[str(entry.get("step", ""))] = entry["stepResult"]
            own += entry.get("executionTime", 0) if entry["stepID"][0] in commands else 0
        if "jobResult" in entry:  # a matrix has several
            conclusion = "failure" if "failure" in {conclusion, entry["jobResult"]} else entry["jobResult"]
    return Job(name, conclusion, "".join(line_of(one) for one in entries), outputs, summary, steps, own / 1e9)
