"""Which model to serve: the tree's, or that of a folder. Of releases knows `releases/find.py`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from weighlock.errors import EvidenceError
from weighlock.files import file_digest, read_json
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
    if folder and not (folder / SIGNATURE).is_file():
        raise EvidenceError(f"`{folder}` holds no model: no `{SIGNATURE}`. Name a folder such as `{SERVED}`.")
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
        signature_digest=file_digest(path),
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
