"""A small repository whose result is whole: models of a few bytes, a lock, reports and a verdict on exactly these."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import yaml

from weighlock.files import to_json
from weighlock.releases.acceptance import evidence_digest

PARAMS = """\
data: {source: {files: mine.csv}, depends_on: mine.csv, window: {start: "2024-01-01", end: "2024-03-31"}}
validate: {max_bad_share: 0.01, max_single_feature: 0.98}
split: {by: hash, validation: 0.2, holdout: 0.2}
train:
  seed: 7
  metric: log_loss
  max_categories: 20
  search: {folds: 2, max_rows: 5000}
  learners: {linear: {trials: 2, space: {C: {low: 0.1, high: 1.0}}}}
  calibration: never
  threshold: {rule: f1}
evaluate: {baseline: prior, slices: [], max_slices: 5, bins: 5}
refit: always
release: {name: parts, card: {use: "For the <b>shop</b> floor.", not_for: [safety], limits: ["Knows no `glue`."]}}
"""
SCHEMA = """\
task: binary
target: broke
classes: [false, true]
features:
  heat: {type: number, min: 0, max: 100}
  load: {type: number, nullable: true}
  colour: {type: category, values: [red, green]}
  shape: {type: category, values: open}
"""
SIGNATURE = {
    "version": 1, "task": "binary", "target": "broke", "classes": ["false", "true"], "threshold": 0.5,
    "features": [
        {"name": "heat", "type": "number", "nullable": False, "min": 0, "max": 100, "categories": None, "open": True}
    ],
    "opset": {"ai.onnx": 18}, "trained_until": "2024-03-01T00:00Z",
}  # fmt: skip
METRICS = {"rows": 40, "model": {"log_loss": 0.25, "roc_auc": 0.8}, "baseline": {"log_loss": 0.5}}
REACHED = {
    "digest": f"sha256:{'9' * 64}", "rows": 40, "unit": "day", "units": 14, "confidence": 0.95,
    "metrics": [
        {"name": "log_loss", "better": "lower", "value": 0.25, "lower": 0.2, "upper": 0.3, "baseline": 0.5},
        {"name": "recall", "better": "higher", "value": 0.7, "lower": None, "upper": None, "baseline": None},
    ],
    "groups": [
        {"group": "colour = red", "measure": "selection rate", "rows": 20, "value": 0.4, "lower": 0.3, "upper": 0.5}
    ],
}  # fmt: skip
PART = {"rows": 40, "from": "2024-01-01T00:00Z", "to": "2024-03-01T00:00Z", "mean": 0.25}
REPORTS: dict[str, Any] = {
    "ingest.json": {"rows": 120, "columns": [], "months": {}},
    "validation.json": {"rows": 120, "quarantined": 2, "failures": [], "columns": [], "problems": []},
    "split.json": {"train": PART, "validation": PART, "holdout": PART},
    "search.json": {"chosen": "linear"},
    "metrics.json": METRICS,
    "slices.json": [
        {"column": "colour", "slice": "red | <i>", "rows": 20, "mean_truth": 0.2, "mean_score": 0.3, "log_loss": 0.2}
    ],
}  # fmt: skip
IMPORTANCE = {"metric": "log_loss", "rows": 40, "score": 0.25, "features": {"heat": 0.2, "load": -0.01, "a<b>": 0.1}}
POLICY = {"primary": {"metric": "log_loss"}, "slices": {"min_rows": 30}}


def sh(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def models(weighed: bytes, served: bytes) -> dict[str, bytes]:
    """Both model folders' files."""
    files = {}
    for which, content in (("weighed", weighed), ("served", served)):
        files[f"models/{which}/model.onnx"] = content
        files[f"models/{which}/signature.json"] = to_json(SIGNATURE | {"digest": sha256_of(content)}).encode()
    files["models/weighed/recipe.json"] = to_json({"learner": "linear", "calibration": None, "threshold": 0.5}).encode()
    files["models/weighed/importance.json"] = to_json(IMPORTANCE).encode()
    return files | {"models/served/golden.json": b"{}", "models/served/profile.parquet": b"profile"}


def lock_of(files: dict[str, bytes]) -> bytes:
    """A `dvc.lock` that holds these files, and rows."""
    held = [{"path": path, "md5": md5(content)} for path, content in files.items()]
    rows = [{"path": "data/raw", "md5": f"{'7' * 32}.dir"}, {"path": "data/valid.parquet", "md5": "8" * 32}]
    return yaml.safe_dump({"schema": "2.0", "stages": {"ingest": {"outs": rows}, "train": {"outs": held}}}).encode()


def verdict(root: Path, **change: Any) -> Path:
    """The `gate.json` of the tree's models; `change` replaces keys of it."""
    digests = {which: sha256_of((root / f"models/{which}/model.onnx").read_bytes()) for which in ("weighed", "served")}
    content: dict[str, Any] = {
        "outcome": "PASS", "bootstrap": True, "reasons": ["Floors hold."], "task": "binary", "target": "broke",
        "challenger": {"model": "weighed", "digests": digests}, "champion": None,
        "holdout": {"digest": REACHED["digest"], "rows": 40},
        "checks": [
            {
                "kind": "condition", "name": "floors", "result": "pass", "reason": "log_loss 0.25 | fine",
                "comparison": None,
            },
            {
                "kind": "fairness", "name": "colour = red: selection rate", "result": "inconclusive", "reason": "Few.",
                "comparison": {
                    "champion": 0.1, "challenger": 0.2, "margin": 0.05,
                    "gain": {"value": -0.1, "interval": {"lower": -0.2, "upper": 0.01}},
                },
            },
        ],
        "about": {"names": {"challenger": "the working tree", "champion": None}, "warnings": ["Mind the gap."]},
        "policy": POLICY,
    }  # fmt: skip
    content |= change
    path = root / "reports/gate/gate.json"
    write(root, {"reports/gate/gate.json": to_json(content | {"evidence": evidence_digest(content)}).encode()})
    return path


def make_result(root: Path, weighed: bytes = b"weighed", served: bytes = b"served") -> None:
    """Write, or replace, a whole result."""
    made = models(weighed, served)
    write(root, made)
    write(root, {f"reports/{name}": to_json(content).encode() for name, content in REPORTS.items()})
    write(root, {
        "params.yaml": PARAMS.encode(), "schema.yaml": SCHEMA.encode(), "dvc.lock": lock_of(made),
        "reports/plots/calibration.csv": b"predicted,observed,rows\n0.1,0.2,20\n0.8,0.7,20\n",
        ".gitignore": b"/models/\n/reports/gate/\n.staging-*\n/.dvc/*\n!/.dvc/config\n", "mine.csv": b"a\n",
        ".dvc/config": b"[core]\n    analytics = false\n",
    })  # fmt: skip
