"""Small repositories with a pipeline, and branches that change something of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PARAMS = """\
data:
  source: {files: mine.csv}
  depends_on: mine.csv
  window: {start: "2024-01-01", end: "2024-03-31"}
train: {seed: 7, learners: {linear: {fixed: {C: 1.0}}}}
gate: {primary: {metric: log_loss, margin: 0.2}}
serve: {open: false}
"""
DVC = """\
stages:
  ingest:
    cmd: weighlock stage ingest
    deps: ["${data.depends_on}", src/weighlock/stages/ingest.py]
    outs: [data/raw]
  train:
    cmd: weighlock stage train
    deps: [data/raw, src/weighlock/learners]
    outs: [models/weighed/model.onnx]
    metrics: [{reports/metrics.json: {cache: false}}]
"""


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git as it is without anyone's configuration."""
    for variable in [v for v in os.environ if v.startswith("GIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


def begun(root: Path) -> Path:
    """A repository with main."""
    sh(root, "init", "-q", "-b", "main")
    commit(root, {"params.yaml": PARAMS, "dvc.yaml": DVC, "mine.csv": "a", "README.md": "x"})
    return root


def sh(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(root: Path, files: dict[str, str | None]) -> str:
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    sh(root, "add", "-A")
    sh(root, "commit", "-qm", "a change")
    return sh(root, "rev-parse", "HEAD")


def branch(root: Path, files: dict[str, str | None]) -> str:
    sh(root, "checkout", "-q", "-b", "branch")
    head = commit(root, files)
    sh(root, "checkout", "-q", "main")
    return head


def with_params(old: str, new: str) -> dict[str, str | None]:
    assert old in PARAMS
    return {"params.yaml": PARAMS.replace(old, new)}


TRAIN = with_params("C: 1.0", "C: 2.0")
