"""Which model to serve: the tree's, a release's, or that of a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from weighlock.errors import EvidenceError
from weighlock.files import read_json, sha256
from weighlock.layout import METRICS, SERVED, SIGNATURE
from weighlock.monitoring.log_policy import read_monitoring
from weighlock.serving.params import read_serve_params
from weighlock.serving.settings import SERVICE_FILE, Identity, Service, read_service


def find_service(folder: Path | None, root: Path) -> tuple[Path, Service]:
    """The folder of a model, and what is known of it.

    Args:
        folder: with a model; where it has a `service.json` (as in a bento), that says how it is served. None: the
            tree's model.
        root: the repository; its `params.yaml` says how it is served.

    Raises:
        EvidenceError: there is no model, or its signature is none.
        ConfigError: `params.yaml: serve` or `service.json` is wrong.
    """
    at = folder or root / SERVED
    if folder and (folder / SERVICE_FILE).exists():
        return folder, read_service(folder)
    identity = identify(at)
    params = root / "params.yaml"
    metrics = root / METRICS
    return at, Service(
        model=identity,
        commit=commit(root),
        metrics=_holdout(read_json(metrics, "dvc repro")) if not folder and metrics.exists() else {},
        serve=read_serve_params(params),
        log=read_monitoring(params).log,
    )


def identify(folder: Path) -> Identity:
    """A model that no release names: it is called by its target, and by its digest's first digits.

    Raises:
        EvidenceError: the folder has no signature.
    """
    path = folder / SIGNATURE
    content = read_json(path, "dvc repro")
    try:
        name, digest = str(content["target"]), str(content["digest"])
    except (KeyError, TypeError) as error:
        raise EvidenceError(f"`{path}` is no signature: {error!r}.") from error
    return Identity(
        name=name,
        version=f"tree-{digest.removeprefix('sha256:')[:8]}",
        digest=digest,
        signature_digest=f"sha256:{sha256(path)}",
    )


def commit(root: Path) -> str | None:
    """The commit of the tree, with `+` where it has changes; None outside of git."""
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{found}+" if changed else found


def _holdout(metrics: Any) -> dict[str, Any]:
    """What the weighed twin of the served model reached on the holdout."""
    return {key: metrics[key] for key in ("rows", "model", "baseline") if key in metrics}


def find_release(version: str, root: Path) -> tuple[Path, Service]:
    """The tree's model where it is the one that a release names, served as the tree's `params.yaml` says.

    Raises:
        EvidenceError: there is no such release, its record names no served model, or the tree's is another.
    """
    path = root / "releases" / f"{version}.yaml"
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
        digest, signature = str(record["served"]["model"]), str(record["served"]["signature"])
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("v*.yaml"))) or "none"
        raise EvidenceError(f"There is no release `{version}`; `releases/` holds {known}.") from None
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise EvidenceError(f"`{path}` names no served model: {error!r}.") from error
    folder, service = find_service(None, root)
    found = service.model
    if (found.digest, found.signature_digest) != (digest, signature):
        raise EvidenceError(
            f"`{version}` is the model {digest}, but `{folder}` holds {found.digest}. Check out the commit that "
            f"`{path}` names and run `dvc checkout`, or give the model's folder with `--model`."
        )
    released = found.model_copy(update={"version": version})
    return folder, service.model_copy(update={"model": released, "release": record})
