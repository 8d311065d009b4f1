"""A record out of what the working tree holds, once all of it is of one piece and as git and DVC have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError, RepositoryError
from weighlock.files import digest_of, file_digest, read_json
from weighlock.layout import METRICS, MODEL, SERVED, SIGNATURE, WEIGHED
from weighlock.params import FILE as PARAMS
from weighlock.params import read_params
from weighlock.releases.evidence import folder_of
from weighlock.releases.record import (
    Artifact,
    Data,
    Release,
    format_release,
    next_version,
    parse_release,
    path_of,
    read_release,
    read_release_params,
    versions,
)
from weighlock.releases.repository import ask
from weighlock.revisions import LOCK, file_md5, load_lock, outs
from weighlock.scoring.signature import read_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighlock.releases.record import Judged

ROWS = "data/"
SHOWN = 3


@dataclass(frozen=True)
class Models:
    """The two models of the working tree, verified."""

    weighed: Artifact
    served: Artifact


@dataclass(frozen=True)
class Made:
    """What was built of them: a bento's tag, an image's address with its digest; None where nothing was."""

    bento: str | None = None
    image: str | None = None


def require_committed(root: Path) -> None:
    """Refuse a tree in which a file that git tracks differs from the commit: that would not be what made the models.

    Raises:
        RepositoryError: names them.
    """
    changed = ask(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    if changed:
        names = ", ".join(f"`{line[3:]}`" for line in changed[:SHOWN])
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        raise RepositoryError(
            f"{names}{more}: changed and not committed, so no commit says what made the model. Commit it or put it "
            "aside (`git stash`), then run this again."
        )


def read_models(root: Path) -> Models:
    """The models of the working tree, as `dvc.lock` and their signatures have them.

    Raises:
        EvidenceError: a file is missing, or is not what `dvc.lock` or its signature says.
    """
    held = locked(root)
    for path, digest in held.items():
        if path.startswith((f"{WEIGHED}/", f"{SERVED}/")):
            file = root / path
            if not file.is_file():
                raise EvidenceError(f"`{path}` is missing. Run `dvc checkout`, or `dvc pull` where the cache lacks it.")
            if file_md5(file) != digest:
                raise EvidenceError(f"`{path}` is not what `{LOCK}` says. Run `dvc checkout` (or `dvc repro`) first.")
    return Models(*(_artifact(folder, held, root) for folder in (WEIGHED, SERVED)))


def locked(root: Path) -> dict[str, str]:
    """By path, DVC's digest of each output of the working tree's `dvc.lock`.

    Raises:
        EvidenceError: there is none, or it is torn.
    """
    path = root / LOCK
    if not path.is_file():
        raise EvidenceError(f"`{LOCK}` is missing, so nothing was trained here. Run `dvc repro` first.")
    return outs(load_lock(path.read_bytes(), f"`{LOCK}`"))


def released_as(models: Models, root: Path) -> Release | None:
    """The release that these very models are; None where they are new."""
    for version in reversed(versions(root)):
        release = read_release(version, root)
        if (release.weighed.digest, release.served.digest) == (models.weighed.digest, models.served.digest):
            return release
    return None


def compose(
    root: Path, models: Models, judged: Judged, evidence: Mapping[str, bytes], made: Made, commit: str, by: str, at: str
) -> Release:
    """The record of what the tree holds.

    Args:
        root: the repository.
        models: the tree's.
        judged: what lets them through.
        evidence: file name -> content.
        made: what was built of them.
        commit: of the tree.
        by, at: who records it, and when.

    Raises:
        EvidenceError: a file is missing.
        ConfigError: `params.yaml` does not fit.
    """
    params, version = read_params(root / PARAMS), next_version(root)
    window = params.data.window
    metrics = read_json(root / METRICS, "dvc repro")["model"]
    return Release(
        version=version,
        name=read_release_params(root / PARAMS).name,
        at=at,
        by=by,
        commit=commit,
        lock=file_digest(root / LOCK),
        params=file_digest(root / PARAMS),
        data=Data(
            start=None if window.start is None else str(window.start),
            end=None if window.end is None else str(window.end),
            outputs={path: digest for path, digest in locked(root).items() if path.startswith(ROWS)},
        ),
        weighed=models.weighed,
        served=models.served,
        metrics={name: float(value) for name, value in metrics.items() if isinstance(value, int | float)},
        verdict=judged,
        evidence={f"{folder_of(version)}/{name}": digest_of(content) for name, content in sorted(evidence.items())},
        bento=made.bento,
        image=made.image,
    )


def files_of(release: Release, evidence: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What is committed: path -> content; the record reads back as what it was written from."""
    text = format_release(release)
    if parse_release(text, path_of(release.version)) != release:
        raise AssertionError(f"{path_of(release.version)} does not read back")
    files: dict[str, bytes | None] = {f"{folder_of(release.version)}/{name}": c for name, c in evidence.items()}
    return {**files, path_of(release.version): text.encode()}


def _artifact(folder: str, held: Mapping[str, str], root: Path) -> Artifact:
    model, signature = root / folder / MODEL, root / folder / SIGNATURE
    for path in (model, signature):
        if str(path.relative_to(root)) not in held:
            raise EvidenceError(f"`{LOCK}` does not hold `{path.relative_to(root)}`. Run `dvc repro` first.")
    stated = read_signature(signature)
    if file_digest(model) != stated.digest:
        raise EvidenceError(f"`{model}` is not the model that `{signature}` describes. Run `dvc repro` again.")
    return Artifact(
        digest=stated.digest,
        signature=file_digest(signature),
        trained_until=stated.trained_until,
        files={path: digest for path, digest in held.items() if path.startswith(f"{folder}/")},
    )
