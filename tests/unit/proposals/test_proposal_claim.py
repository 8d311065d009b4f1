"""Whether a branch's `dvc.lock` is what comes out, where its models were pushed nowhere."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from weighlock.proposals.changes import Changes
from weighlock.proposals.claim import claim
from weighlock.proposals.reproduce import reproduce
from weighlock.results import COMPARED

pytestmark = pytest.mark.processes  # git, over and over

METRICS = {"rows": 10, "model": {"log_loss": 0.361, "roc_auc": 0.9}}


def lock(**changes: Any) -> str:
    outs = [{"path": path, "md5": changes.get("md5", "0" * 32)} for path in COMPARED]
    stage = {
        "cmd": "train",
        "deps": [{"path": "code", "md5": changes.get("code", "c1")}],
        "params": {"params.yaml": {"train": {"seed": changes.get("seed", 7)}}},
        "outs": outs,
    }
    return yaml.safe_dump({"schema": "2.0", "stages": {"train": stage}})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in [v for v in os.environ if v.startswith("GIT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for path in COMPARED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("what came out")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("")
    for words in (["init", "-q"], ["add", ".dvc"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def claimed(root: Path, text: str, metrics: Any, came_out: Any = METRICS) -> str:
    """A branch that commits this lock and these metrics, and a run that gives others."""
    (root / "dvc.lock").write_text(text)
    (root / "reports/metrics.json").write_text(json.dumps(metrics))
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", "-f", "dvc.lock", "reports/metrics.json"], cwd=root, check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "x"], cwd=root, check=True)
    (root / "dvc.lock").write_text(lock(md5="1" * 32))
    (root / "reports/metrics.json").write_text(json.dumps(came_out))
    return text


@pytest.mark.parametrize(
    ("text", "metrics", "outcome", "said"),
    [
        (lock(md5="1" * 32), METRICS, "identical", "byte for byte"),
        (lock(), METRICS, "equivalent", "Its metrics are what comes out"),
        (lock(), {"rows": 10, "model": {"log_loss": 0.3610000001, "roc_auc": 0.9}}, "equivalent", "Its metrics"),
        (lock(), {"rows": 10, "model": {"log_loss": 0.01, "roc_auc": 0.9}}, "different", "0.01 is claimed"),
        (lock(), {"rows": 10, "model": {"log_loss": 0.361}}, "different", "None is claimed"),
        (lock(), METRICS | {"extra": 1}, "different", "claims other metrics"),
        (lock(), ["no metrics"], "different", "metrics"),
        (lock(seed=8), METRICS, "different", "was not made from this code, these parameters and data: `train`"),
        (lock(code="c2"), METRICS, "different", "was not made from this code"),
        (lock().replace("'" + "0" * 32 + "'", "0" * 32), METRICS, "different", "is not what DVC writes"),  # a number
        (lock(md5="../../../etc/passwd"), METRICS, "different", "is not what DVC writes"),
        ("stages: [", METRICS, "different", "is not what DVC writes"),
        ("", METRICS, "different", "is not what DVC writes"),
    ],
)  # fmt: skip
def test_a_lock_is_held_against_what_comes_out(root: Path, text: str, metrics: Any, outcome: str, said: str) -> None:
    found, reasons = claim(root, "HEAD", claimed(root, text, metrics))
    assert found == outcome
    assert said in " ".join(reasons)


def test_where_nothing_changed_nothing_is_started(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a command was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    same = Changes("nothing", "b" * 40, "a" * 40, False, (), ())
    assert reproduce(root, same).outcome == "unchanged"
