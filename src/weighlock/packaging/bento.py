"""A bento of a served model: the model, the service and the modules that it needs, packed by BentoML.

BentoML imports the service to pack it, in a process of its own; that opens no model (`serving/service.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import weighlock
from weighlock.errors import EvidenceError, ModelError
from weighlock.files import file_digest, read_json
from weighlock.layout import GOLDEN, MODEL, SIGNATURE
from weighlock.packaging.modules import needed
from weighlock.serving.settings import SERVICE_FILE

if TYPE_CHECKING:
    from weighlock.serving.settings import Service

SERVING = "serving"
LOCK = "requirements.lock"
_DEFAULT_BASE = "docker.io/library/python:{}-slim"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Packed:
    """A bento in BentoML's store.

    Attributes:
        tag: its name and version, as BentoML's commands take them.
        path: its folder.
        labels: which model it is.
    """

    tag: str
    path: Path
    labels: dict[str, str]


def base_image(python: str) -> str:
    """The image that ours stands on where none is named."""
    return _DEFAULT_BASE.format(python)


def build_bento(folder: Path, service: Service, root: Path, base: str) -> Packed:
    """Pack a model; a bento of the same tag is replaced.

    Args:
        folder: with the model.
        service: what is known of it, and how it is served.
        root: the repository, with `serving/`.
        base: the image on which `bentoml containerize` would build.

    Raises:
        EvidenceError: the folder's files are not those of one model, or `serving/` is not there.
        ModelError: BentoML cannot pack it.
    """
    check(folder, service)
    name, version = slug(service.model.name), service.model.version.lower()
    with tempfile.TemporaryDirectory(prefix="weighlock-bento-") as scratch:
        stage(folder, service, root, Path(scratch))
        _forget(f"{name}:{version}")
        _bentoml(
            ["build", ".", "--name", name, "--version", version, "--output", "tag", *_options(labels(service))],
            Path(scratch),  # BentoML reads nothing outside of where it is
            {"WEIGHLOCK_BASE_IMAGE": base},
        )
    return Packed(f"{name}:{version}", _store() / name / version, labels(service))


def check(folder: Path, service: Service) -> None:
    """See that a folder holds the model that `service` names, whole.

    Raises:
        EvidenceError: a file is missing or of another model.
    """
    for name, wanted in ((MODEL, service.model.digest), (SIGNATURE, service.model.signature_digest)):
        path = folder / name
        if not path.exists():
            raise EvidenceError(f"`{path}` is missing. Run `dvc checkout` or `dvc repro` first.")
        found = file_digest(path)
        if found != wanted:
            raise EvidenceError(
                f"`{path}` is {found}, but {service.model.name} {service.model.version} has {wanted}. Run `dvc "
                "checkout` or `dvc repro`; nothing was packed."
            )
    golden = read_json(folder / GOLDEN, "dvc repro")
    if golden.get("model") != service.model.digest:
        raise EvidenceError(f"`{folder / GOLDEN}` is of another model. Run `dvc checkout` or `dvc repro`.")


def require_bento(tag: str, digest: str, signature: str) -> None:
    """See that a bento of this machine's store holds the model of these digests.

    Raises:
        EvidenceError: there is no such bento, or it holds another model.
    """
    name, colon, version = tag.partition(":")
    folder = _store() / name / version
    if not colon or not version or not (folder / "src/model").is_dir():
        raise EvidenceError(
            f"There is no bento `{tag}` in `{_store()}`. `weighlock bento` packs one and prints its tag."
        )
    for file, wanted in ((MODEL, digest), (SIGNATURE, signature)):
        path = folder / "src/model" / file
        found = file_digest(path) if path.is_file() else "nothing"
        if found != wanted:
            raise EvidenceError(f"`{tag}` holds {found} as `{file}`, but the model is {wanted}. Pack it again.")


def stage(folder: Path, service: Service, root: Path, into: Path) -> None:
    """Lay out in one folder what BentoML packs.

    Raises:
        EvidenceError: `serving/` is not there.
    """
    serving = root / SERVING
    if not (serving / "service.py").exists():
        raise EvidenceError(f"`{serving}` holds no service. Run this in the repository's root.")
    for name in ("service.py", "bentofile.yaml", "README.md"):
        shutil.copyfile(serving / name, into / name)
    shutil.copyfile(serving / LOCK, into / "requirements.txt")
    source = Path(weighlock.__file__).parents[1]
    for path in needed(source):
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, into / path)
    model = into / "model"
    model.mkdir()
    for name in (MODEL, SIGNATURE, GOLDEN):
        shutil.copyfile(folder / name, model / name)
    (model / SERVICE_FILE).write_text(service.model_dump_json(indent=2) + "\n", encoding="utf-8")


def labels(service: Service) -> dict[str, str]:
    """Which model it is, as labels of bento and image."""
    model = service.model
    found = {
        "weighlock.name": model.name,
        "weighlock.version": model.version,
        "weighlock.commit": service.commit or "unknown",
        "weighlock.model": model.digest,
        "weighlock.signature": model.signature_digest,
    }
    return {key: re.sub(r"\s+", " ", value) for key, value in found.items()}


def slug(name: str) -> str:
    """A name that both bentos and images may have.

    >>> slug("Late > 15 min?")
    'late-15-min'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "model"


def _options(labelled: dict[str, str]) -> list[str]:
    return [part for key, value in labelled.items() for part in ("--label", f"{key}={value}")]


def _forget(tag: str) -> None:
    if (_store() / tag.replace(":", "/")).exists():
        _bentoml(["delete", tag, "--yes"], Path.cwd(), {})


def _store() -> Path:
    """Where BentoML keeps bentos."""
    return Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml").absolute() / "bentos"


def _bentoml(arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", *arguments],
        cwd=folder,
        env={**os.environ, "BENTOML_DO_NOT_TRACK": "true", "BENTOML_HOME": str(_store().parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ModelError(f"`bentoml {arguments[0]}` failed:\n{(done.stderr or done.stdout).strip()}")
