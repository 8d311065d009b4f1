"""What tests of shipping share: a hosted repository with a model, tools that stand in for docker and cosign, people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from conftest import SMALL_PARAMS, Project
from github import events
from github.repository import Repository
from github.runner import Run
from github.state import Pull

TOOLS = Path(__file__).parent / "github/tools"
RELEASE = "release: {name: parts, card: {use: 'Says which parts break.', not_for: [], limits: []}}\n"
APP = {"variables": {"WEIGHLOCK_APP_ID": "1"}, "secrets": {"WEIGHLOCK_APP_KEY": "a key"}}
RULES = {
    "name": "main", "target": "branch", "enforcement": "active", "id": 1,
    "rules": [{"type": "pull_request", "parameters": {}}],
}  # fmt: skip


def with_tools(repository: Repository, folder: Path) -> Repository:
    """Jobs find a docker and a cosign of ours, and uv's cache of this machine."""
    folder.mkdir()
    for name in ("docker", "cosign"):
        file = folder / name
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{TOOLS}/{name}.py" "$@"\n')
        file.chmod(0o755)
    runner = repository.runner
    runner.environment = {**runner.environment, "PATH": f"{folder}:{runner.environment['PATH']}"}
    return repository


def machine_env() -> dict[str, str]:
    """What jobs need of this machine: packages that were downloaded once."""
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    return {"UV_CACHE_DIR": cache, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


def with_release_params(project: Project) -> None:
    """The small table's parameters, with a name for its releases."""
    (project.path / "params.yaml").write_text(SMALL_PARAMS + RELEASE)


def pushed(repository: Repository, before: str, workflow: str, **more: Any) -> Run:
    """A workflow, for a push to main."""
    return repository.act(workflow, events.push(repository.github, before), env=machine_env(), **more)


def merge(repository: Repository, pull: Pull) -> str:
    """Someone merges a pull request with a merge commit; what main was before."""
    before, head = repository.main, repository.git("rev-parse", f"refs/heads/{pull.head}")
    tree = repository.git("merge-tree", "--write-tree", before, head).splitlines()[0]
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    words = ["commit-tree", tree, "-p", before, "-p", head, "-m", f"Merge pull request #{pull.number} from {pull.head}"]
    merged = repository.git(*identity, *words)
    repository.git("update-ref", "refs/heads/main", merged)
    pull.state, pull.merged = "closed", merged
    return before


def state(repository: Repository, name: str) -> dict[str, Any]:
    """An environment, as main has it."""
    return dict(yaml.safe_load(repository.show(f"deploy/{name}.yaml")))


def asked(repository: Repository, action: str) -> list[dict[str, str]]:
    """What a third party's action was asked, in all runs."""
    files = sorted((repository.github.kept / "asked").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["action"] == action]
