"""act, as GitHub's runner: one workflow of one commit, for one event, on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from github.events import Event
from github.run import Run, entry_of, job_of, line_of
from github.server import GitHub
from github.state import Token

ACTIONS = Path(__file__).parent / "actions"
PINNED = re.compile(r"uses:\s*['\"]?([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([\w.-]+)")
BOT = "github-actions[bot]"
ROOM = 2 * 2**30  # bytes that must be free in memory


@dataclass
class Runner:
    """Runs workflows of a bare repository; what runs keep (caches, artifacts) is in `folder`."""

    github: GitHub
    folder: Path
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def act(
        self,
        workflow: str,
        event: Event,
        job: str | None = None,
        secrets: dict[str, str] | None = None,
        env: dict[str, str] | None = None,
        variables: dict[str, str] | None = None,
        stop_at: str = "",
        timeout: float = 500,
    ) -> Run:
        """Run a workflow for an event.

        Args:
            workflow: its file's name in .github/workflows.
            event: made by `github.events`.
            job: only this job and those that it needs.
            secrets: besides the runner's own; a fork's pull request gets none of both.
            env: variables of the machine for each step.
            variables: the repository's variables (`vars`), besides the runner's own.
            stop_at: kill the run (as by `kill -9`) once its log shows this text.
            timeout: seconds after which it fails.
        """
        number = next(self.github.ids)
        place = self.folder / f"run-{number}"
        tree = self._tree(place, event)
        path = tree / ".github/workflows" / workflow
        content = yaml.safe_load(path.read_text())
        tokens = self._tokens(number, content, event.fork)
        path.write_text(_with_own_tokens(path.read_text()))
        given = {} if event.fork else {**self.secrets, **(secrets or {})}
        words = [
            str(Path(sys.executable).parent / "act"), event.name, "--json", "-C", str(tree), "-W", str(path),
            "-P", "ubuntu-latest=-self-hosted", "-P", "ubuntu-24.04=-self-hosted",
            "--no-skip-checkout", "--no-cache-server", "--strict",
            "--eventpath", str(place / "event.json"), "--actor", event.actor, "--defaultbranch", "main",
            "--env-file", str(place / "env"), "--secret-file", str(place / "secrets"),
            "--var-file", str(place / "vars"),
            "--input-file", str(place / "none"), "--concurrent-jobs", "2",
            *self._stand_ins(tree), *(["--job", job] if job else []),
        ]  # fmt: skip
        for name, value in event.inputs.items():
            words += ["--input", f"{name}={value}"]
        (place / "event.json").write_text(json.dumps(event.payload))
        of_jobs = {"STANDIN_TOKENS": json.dumps(tokens)}
        _write(place / "env", {**self._env(place, number, event), **of_jobs, **(env or {})})
        own = {_secret_of(name): token for name, token in tokens.items()}
        _write(place / "secrets", {**given, **own, "GITHUB_TOKEN": f"ghs_run{number}"})
        _write(place / "vars", {**self.variables, **(variables or {})})
        with self._home() as home:
            began = time.monotonic()
            code, lines = _watched(words, home, place, stop_at, timeout)
            seconds = time.monotonic() - began
        return self._told(place, number, workflow, content, event, code, lines, seconds)

    def _tokens(self, number: int, workflow: dict[str, Any], fork: bool) -> dict[str, str]:
        """Job -> its own token, with the rights that it names. The run's common one may do nothing."""
        self.github.tokens[f"ghs_run{number}"] = Token(BOT, {})
        tokens = {name: f"ghs_run{number}_{name}" for name in workflow["jobs"]}
        for name, token in tokens.items():
            self.github.tokens[token] = Token(BOT, _rights(workflow["jobs"][name], workflow, fork))
        return tokens

    def _tree(self, place: Path, event: Event) -> Path:
        """The commit whose workflows run; jobs see it only by checking it out."""
        tree = place / "tree"
        place.mkdir(parents=True)
        _git("clone", "-q", "--shared", "--no-checkout", str(self.github.origin), str(tree))
        _git("-C", str(tree), "sparse-checkout", "set", ".github")  # nothing else of it is read
        _git("-C", str(tree), "fetch", "-q", "origin", event.ref)
        branch = event.ref.removeprefix("refs/heads/") if event.ref.startswith("refs/heads/") else None
        if branch:
            _git("-C", str(tree), "checkout", "-q", "-B", branch, event.sha)
        else:
            _git("-C", str(tree), "checkout", "-q", "--detach", event.sha)
        return tree

    def _stand_ins(self, tree: Path) -> list[str]:
        """Our stand-in for each third party's action that the workflows and our own actions use."""
        files = [*(tree / ".github").rglob("*.yml"), *(tree / ".github").rglob("*.yaml")]
        found = {(match[1], match[3]) for file in files for match in PINNED.finditer(file.read_text())}
        words = []
        for name, commit in sorted(found):
            folder = ACTIONS / name.replace("/", "__")
            assert folder.is_dir(), f"no stand-in for `{name}`: write {folder}/action.yml"
            words += ["--local-repository", f"{name}@{commit}={folder}"]
        return words

    def _env(self, place: Path, number: int, event: Event) -> dict[str, str]:
        kept = ("GIT_CONFIG_NOSYSTEM", "DVC_NO_ANALYTICS", "LANG")
        return {
            **{name: self.environment[name] for name in kept if name in self.environment},
            **{k: v for k, v in self.environment.items() if k.startswith(("SSL_", "LC_"))},
            "GITHUB_API_URL": self.github.url,
            "GITHUB_SERVER_URL": self.github.url,
            "GITHUB_GRAPHQL_URL": f"{self.github.url}/graphql",
            "GITHUB_REPOSITORY": self.github.repository,
            "GITHUB_REPOSITORY_OWNER": self.github.repository.partition("/")[0],
            "GITHUB_RUN_ID": str(number),
            "GITHUB_RUN_NUMBER": str(number),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_REF": event.ref,
            "GITHUB_SHA": event.sha,
            "RUNNER_ENVIRONMENT": "self-hosted",
            # for the stand-ins
            "STANDIN_ORIGIN": str(self.github.origin),
            "STANDIN_KEPT": str(self.github.kept),
            "STANDIN_PYTHON": sys.executable,
            "STANDIN_CODE": str(ACTIONS / "code"),
            "PYTHONPATH": "",
        }

    @contextmanager
    def _home(self) -> Iterator[dict[str, str]]:
        """What act itself is started with: nothing of this process but its tools, and a home of its own."""
        memory = Path("/dev/shm")  # workspaces are thousands of files that live for seconds
        fits = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
        home = Path(tempfile.mkdtemp(prefix="weighlock-act-", dir=memory if fits else None))
        # as on GitHub's runners, nobody has told git who commits
        (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n[init]\n\tdefaultBranch = main\n")
        tools = str(Path(sys.executable).parent)  # the tests' own environment: jobs get theirs from the setup action
        path = ":".join(part for part in self.environment["PATH"].split(":") if part != tools)
        try:
            yield {**self.environment, "HOME": str(home), "PATH": path, "TERM": "dumb", "GIT_PAGER": "cat"}
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _told(
        self, place: Path, number: int, workflow: str, content: dict[str, Any], event: Event, code: int,
        lines: list[str], seconds: float,
    ) -> Run:  # fmt: skip
        entries = [entry_of(line) for line in lines]
        jobs = {
            name: job_of(name, job, [one for one in entries if one.get("jobID") == name])
            for name, job in content["jobs"].items()
        }
        jobs = {name: job for name, job in jobs.items() if job}
        conclusion = "success" if code == 0 else "cancelled" if code < 0 else "failure"
        pull = event.payload.get("pull_request")
        record = {
            "id": number, "name": content.get("name", workflow), "path": f".github/workflows/{workflow}",
            "event": event.name, "status": "completed", "conclusion": conclusion, "run_number": number,
            "run_attempt": 1,
            "head_sha": pull["head"]["sha"] if pull else event.sha,
            "head_branch": pull["head"]["ref"] if pull else event.ref.removeprefix("refs/heads/"),
            "head_repository": pull["head"]["repo"]["full_name"] if pull else self.github.repository,
            "actor": {"login": event.actor},
        }  # fmt: skip
        self.github.runs.append(
            {key: value for key, value in record.items() if key not in {"head_repository", "actor"}}
        )
        artifacts = self.github.kept / "artifacts" / str(number)
        artifacts.mkdir(parents=True, exist_ok=True)
        log = "".join(line_of(one) for one in entries)
        self._keep_tokens_secret(log, artifacts)
        (place / "log").write_text(log)
        return Run(code, log, {k: v for k, v in jobs.items() if v}, seconds, record, artifacts, event.sha)

    def _keep_tokens_secret(self, log: str, artifacts: Path) -> None:
        """Whoever may read logs and artifacts must not find a token there."""
        texts = {"the log": log.encode()}
        texts |= {str(file): file.read_bytes() for file in artifacts.rglob("*") if file.is_file()}
        for token in self.github.tokens:
            for name, text in texts.items():
                assert token.encode() not in text, f"{name} holds the token of {self.github.tokens[token].author}"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def _rights(job: dict[str, Any], workflow: dict[str, Any], fork: bool) -> dict[str, str]:
    """What a job's token may do; a fork's reads at the most."""
    asked = job.get("permissions", workflow.get("permissions", {})) or {}
    assert isinstance(asked, dict), "permissions are named one by one"
    return {scope: "read" if fork and right == "write" else right for scope, right in asked.items()}


def _secret_of(job: str) -> str:
    return f"STANDIN_TOKEN_{job.upper().replace('-', '_')}"


def _with_own_tokens(text: str) -> str:
    """The workflow with each job's own token in place of the one that act gives to all of them."""
    lines, job, inside = [], "", False
    for line in text.splitlines(keepends=True):
        if line[:1].strip():
            inside, job = line.startswith("jobs:"), ""
        elif inside and (start := re.match(r"  ([\w-]+):", line)):
            job = start[1]
        own = f"secrets.{_secret_of(job)}"
        lines.append(re.sub(r"\b(github\.token|secrets\.GITHUB_TOKEN)\b", own, line) if job else line)
    return "".join(lines)


def _write(path: Path, values: dict[str, str]) -> None:
    """A file of variables, each value quoted."""
    quoted = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("$", "\\$")
        for name, value in values.items()
    }
    path.write_text("".join(f'{name}="{value}"\n' for name, value in quoted.items()))


def _watched(words: list[str], env: dict[str, str], place: Path, stop_at: str, timeout: float) -> tuple[int, list[str]]:
    process = subprocess.Popen(
        words, cwd=place, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert process.stdout
    lines = []
    limit = time.monotonic() + timeout
    try:
        for line in process.stdout:
            lines.append(line)
            if stop_at and stop_at in line:
                _kill(process)
                break
            assert time.monotonic() < limit, f"the run takes more than {timeout} s:\n{''.join(lines)[-4000:]}"
        return process.wait(timeout=10), lines
    finally:
        _kill(process)
        process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    """End the run and everything that it started; act gives each step a process group of its own."""
    import psutil

    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in family:
        _end(one.pid)
    process.wait(timeout=10)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
