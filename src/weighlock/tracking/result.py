"""What is tracked: the pipeline's result, read from its files and known by a digest. No MLflow here."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighlock import layout
from weighlock.errors import EvidenceError
from weighlock.files import digest_of, file_digest, read_json
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.revisions import file_md5
from weighlock.schema import FILE as SCHEMA
from weighlock.scoring.signature import Signature, read_signature
from weighlock.tables import read_meta

REPRO = "dvc repro"
LOCK = Path("dvc.lock")
# Logged at the paths that they have here. What is large (rows, predictions) stays with DVC.
ARTIFACTS = (
    str(PARAMS), str(SCHEMA), layout.METRICS, layout.SLICES, layout.PLOTS, layout.SEARCH, layout.SPLIT,
    layout.VALIDATION, layout.VALIDATION_PAGE,
    *(f"{layout.WEIGHED}/{name}" for name in (layout.SIGNATURE, layout.RECIPE, layout.IMPORTANCE)),
    *(f"{layout.SERVED}/{name}" for name in (layout.SIGNATURE, layout.GOLDEN)),
)  # fmt: skip


@dataclass(frozen=True)
class Searched:
    """One learner of the search.

    Attributes:
        settings: its best trial's.
        validation: the primary metric of those settings on validation.
        trials: the primary metric of each trial, in order.
    """

    name: str
    settings: dict[str, Any]
    validation: float
    trials: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """What one run of the pipeline made, as far as it is tracked.

    Attributes:
        metric: the primary metric's name.
        chosen: the learner that won.
        params: `params.yaml`, flattened: `train.seed` -> 7.
        metrics: `reports/metrics.json`, flattened: `model.log_loss` -> .5, but for those of single classes.
        data: digest of the rows that it was trained on and judged by.
        identity: digest over both models, the metrics and the params: results of one identity are one result.
    """

    target: str
    task: str
    metric: str
    chosen: str
    params: dict[str, Any]
    metrics: dict[str, float]
    learners: tuple[Searched, ...]
    weighed: Signature
    served: Signature
    data: str
    identity: str


@dataclass(frozen=True)
class Commit:
    """The commit that the working tree stands on, and whether tracked files differ from it."""

    id: str
    dirty: bool


def read_result() -> Result:
    """The result in the current folder.

    Raises:
        ConfigError: `params.yaml` does not fit.
        EvidenceError: a file is missing, torn, or of another model or other params than the rest.
    """
    _require(*ARTIFACTS, f"{layout.WEIGHED}/{layout.MODEL}", f"{layout.SERVED}/{layout.MODEL}", layout.PREDICTIONS)
    lock = _read_yaml(LOCK) if LOCK.exists() else {}
    if stale := stale_params(_read_yaml(PARAMS), lock):
        raise EvidenceError(
            f"`{PARAMS}` is not what the result was made with: {', '.join(f'`{k}`' for k in stale)} differs from "
            f"`{LOCK}`. Run `{REPRO}` first."
        )
    params = read_params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    metrics, report = read_json(Path(layout.METRICS), REPRO), read_json(Path(layout.SEARCH), REPRO)
    weighed, served = _read_model(layout.WEIGHED), _read_model(layout.SERVED)
    if _scored_by(Path(layout.PREDICTIONS)) != weighed.digest:
        raise EvidenceError(
            f"`{layout.METRICS}` is of another model than `{layout.WEIGHED}/{layout.MODEL}`. Run `{REPRO}` first."
        )
    try:
        return Result(
            target=weighed.target,
            task=weighed.task,
            metric=report["metric"],
            chosen=report["chosen"],
            params=flatten(params),
            metrics=numbers({k: v for k, v in metrics.items() if k != "classes"}),
            learners=searched(report),
            weighed=weighed,
            served=served,
            data=data_digest(lock),
            identity=identity(weighed.digest, served.digest, metrics, params),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(
            f"`{layout.METRICS}` or `{layout.SEARCH}` is not what `{REPRO}` writes ({error!r}). Run it again."
        ) from error


def identity(weighed: str, served: str, metrics: dict[str, Any], params: dict[str, Any]) -> str:
    """The digest of what a result is made of, in hexadecimal; the order of keys does not matter."""
    parts = {"weighed": weighed, "served": served, "metrics": metrics, "params": params}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def flatten(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots; lists, and dictionaries without keys, stay values."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return flat


def numbers(content: dict[str, Any]) -> dict[str, float]:
    """The numbers of `content`, flattened; what is null could not be computed and is left out."""
    return {k: float(v) for k, v in flatten(content).items() if isinstance(v, int | float)}


def searched(report: dict[str, Any]) -> tuple[Searched, ...]:
    """The learners of `reports/search.json`."""
    metric = report["metric"]
    return tuple(
        Searched(name, found["settings"], found["validation"], tuple(trial[metric] for trial in found["trials"]))
        for name, found in report["learners"].items()
    )


def stale_params(params: dict[str, Any], lock: dict[str, Any]) -> list[str]:
    """The keys of `params.yaml` whose values are not those that a stage of `dvc.lock` ran with."""
    odd: dict[str, None] = {}
    for stage in lock.get("stages", {}).values():
        for key, value in stage.get("params", {}).get(str(PARAMS), {}).items():
            before, now = flatten({key: value}), flatten({key: _at(params, key)})
            odd |= dict.fromkeys(k for k in {**before, **now} if before.get(k) != now.get(k))
    return list(odd)


def data_digest(lock: dict[str, Any]) -> str:
    """A digest over the MD5 of each part of the split, which is DVC's name for it.

    Of the files themselves; where they were not pulled, of what `dvc.lock` says of them.

    Raises:
        EvidenceError: a part is neither there nor recorded.
    """
    outs = lock.get("stages", {}).get("split", {}).get("outs", [])
    recorded = {out["path"]: out["md5"] for out in outs}
    lines = []
    for file in layout.PART_FILES.values():
        if Path(file).exists():
            recorded[file] = file_md5(Path(file))
        elif file not in recorded:
            _require(file)
        lines.append(f"{file} {recorded[file]}")
    return digest_of("\n".join(lines).encode())


def read_commit() -> Commit | None:
    """The commit of the current folder; None outside of a Git repository, or before its first commit."""
    try:
        head = _git("rev-parse", "--verify", "HEAD")
        # as `git describe --dirty` has it: a stray file that git does not track changes nothing that it does
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return Commit(head, bool(changed))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "--no-optional-locks", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _require(*files: str) -> None:
    if missing := [f"`{file}`" for file in files if not Path(file).exists()]:
        verb = "is" if len(missing) == 1 else "are"
        raise EvidenceError(f"{', '.join(missing)} {verb} missing, so there is no whole result. Run `{REPRO}` first.")


def _read_model(folder: str) -> Signature:
    model, signature = Path(folder, layout.MODEL), Path(folder, layout.SIGNATURE)
    read = read_signature(signature)
    if file_digest(model) != read.digest:
        raise EvidenceError(f"`{model}` is not the model that `{signature}` describes. Run `{REPRO}` again.")
    return read


def _scored_by(predictions: Path) -> str | None:
    try:
        return read_meta(predictions).get("model")
    except (OSError, ValueError) as error:
        raise EvidenceError(f"`{predictions}` cannot be read ({error}). Run `{REPRO}` again.") from error


def _at(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _read_yaml(path: Path) -> Any:
    """As DVC reads it (YAML 1.2), so that what it wrote down compares equal."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise EvidenceError(f"`{path}` is not valid YAML: {error}") from error
