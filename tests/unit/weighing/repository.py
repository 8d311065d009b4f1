"""A small repository as the pipeline leaves it: configuration, rows, models, predictions, `dvc.lock`, DVC's cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from weighlock.layout import MODEL, PART_FILES, PREDICTIONS, SERVED, SIGNATURE, WEIGHED
from weighlock.schema import Schema
from weighlock.scoring import Scorer
from weighlock.tables import write_table
from weighlock.weighing.holdout import read_holdout

PARAMS = """\
data: {{source: {{files: mine.csv}}, depends_on: mine.csv}}
validate: {{max_bad_share: 0.01, max_single_feature: 0.98}}
split: {{by: {by}, validation: 0.2, holdout: {holdout}}}
train:
  seed: 7
  metric: log_loss
  max_categories: 20
  search: {{folds: 2, max_rows: 5000}}
  learners: {{linear: {{trials: 2}}}}
  calibration: never
  threshold: {{rule: f1}}
evaluate: {{baseline: prior, slices: [port], max_slices: 5, bins: 5}}
refit: always
"""
FIRST = "2013-08-04T04:00Z"
BEFORE = "2013-08-04T03:59Z"
NEWER = "2013-08-18T00:00Z"
OLDER = "2013-07-01T00:00Z"


@dataclass(frozen=True)
class Model:
    """A learner of conftest's `train`, and up to when it says that it was trained."""

    learner: str
    until: str | None = BEFORE


@dataclass(frozen=True)
class Repository:
    """A folder with a git repository, and how its models are trained."""

    root: Path
    train: Callable[[str, str], Any]

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self) -> str:
        """Commit everything that git holds and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-qm", "a result", "--allow-empty")
        return self.git("rev-parse", "HEAD").strip()

    def save(self, schema: Schema, parts: dict[str, pd.DataFrame], by: str = "time", holdout: float = 0.2) -> None:
        """Write configuration and rows."""
        content = schema.model_dump(mode="json", exclude_defaults=True)
        (self.root / "schema.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        (self.root / "params.yaml").write_text(PARAMS.format(by=by, holdout=holdout), encoding="utf-8")
        for name, rows in parts.items():
            path = self.root / PART_FILES[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_table(rows, path)

    def put(self, folder: str, model: Model, task: str = "binary", **change: Any) -> Path:
        """Write a model into a folder."""
        trained = self.train(task, model.learner)
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        signature = replace(trained.signature, trained_until=model.until, **change)
        (self.root / folder / MODEL).write_bytes(trained.content)
        (self.root / folder / SIGNATURE).write_text(json.dumps(signature.to_json()), encoding="utf-8")
        return self.root / folder

    def run(self, weighed: Model, served: Model, task: str = "binary") -> None:
        """Make both models, the predictions of the weighed one, and `dvc.lock`."""
        self.put(WEIGHED, weighed, task)
        self.put(SERVED, served, task)
        self.evaluate()
        self.lock()

    def evaluate(self) -> None:
        made = read_holdout(self.root).predictions(Scorer.load(self.root / WEIGHED), "weighed")
        meta = {k: getattr(made, k) for k in ("task", "target", "classes", "threshold", "model", "trained_until")}
        (self.root / PREDICTIONS).parent.mkdir(exist_ok=True)
        write_table(made.frame, self.root / PREDICTIONS, meta)

    def lock(self) -> None:
        """Write `dvc.lock`, and what it names into DVC's cache."""
        stages = {
            "split": list(PART_FILES.values()),
            "train": [f"{WEIGHED}/{MODEL}", f"{WEIGHED}/{SIGNATURE}"],
            "evaluate": [PREDICTIONS],
            "refit": [f"{SERVED}/{MODEL}", f"{SERVED}/{SIGNATURE}"],
        }
        reads = {"evaluate": [PART_FILES["holdout"], f"{WEIGHED}/{MODEL}"]}
        content = {
            name: {"cmd": name, "deps": self._entries(reads.get(name, [])), "outs": self._entries(outs)}
            for name, outs in stages.items()
        }
        text = yaml.safe_dump({"schema": "2.0", "stages": content}, sort_keys=False)
        (self.root / "dvc.lock").write_text(text, encoding="utf-8")

    def cached(self, path: str) -> Path:
        """Where DVC's cache has a file of the tree."""
        md5 = hashlib.md5((self.root / path).read_bytes(), usedforsecurity=False).hexdigest()
        return self.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]

    def _entries(self, paths: list[str]) -> list[dict[str, Any]]:
        entries = []
        for path in paths:
            content, cached = (self.root / path).read_bytes(), self.cached(path)
            cached.parent.mkdir(parents=True, exist_ok=True)
            cached.write_bytes(content)
            entries.append({"path": path, "hash": "md5", "md5": cached.parent.name + cached.name, "size": len(content)})
        return entries


def make_repository(root: Path, train: Callable[[str, str], Any]) -> Repository:
    """An empty one, with DVC set up."""
    made = Repository(root, train)
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text(f"[core]\n    analytics = false\n    site_cache_dir = {root}/.dvc/site\n")
    (root / ".gitignore").write_text("/.dvc/cache\n/.dvc/tmp\n/.dvc/site\n*.parquet\n*.onnx\nsignature.json\n")
    made.git("init", "-q", "-b", "main", "--template=")
    with (root / ".git/config").open("a") as config:
        config.write("[user]\n\tname = Test\n\temail = test@example.invalid\n")
    return made


def alone(monkeypatch: Any) -> None:
    """No configuration of the machine's user, and no variables of a run of git around this one."""
    for name in [n for n in os.environ if n.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
