"""See that main's champion is here before anything of a branch is opened: from DVC, or built again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.releases.rebuild import rebuilt
from weighlock.releases.record import read_release
from weighlock.releases.sources import NotThereError
from weighlock.revisions import Revision, find_commit
from weighlock.weighing.champion import NONE, stable_release
from weighlock.weighing.versions import MODELS

if TYPE_CHECKING:
    from pathlib import Path


def bring_champion(root: Path) -> str | None:
    """What production's stable release is, once both its models can be read here; None before the first one.

    Raises:
        EvidenceError: they are nowhere, and its commit does not make them again.
        ConfigError: `deploy/production.yaml` does not fit.
    """
    name = stable_release(root)
    if name in {None, NONE}:
        return None
    release = read_release(str(name), root)
    try:
        _read(release.commit, root)
    except EvidenceError as nowhere:
        try:
            rebuilt(release, root)  # into DVC's cache
            _read(release.commit, root)
        except (NotThereError, EvidenceError) as error:
            raise EvidenceError(
                f"the champion `{name}` is not to be had: {nowhere} Nor can it be rebuilt: {error}"
            ) from None
    return name


def _read(commit: str, root: Path) -> None:
    revision = Revision(find_commit(commit, root) or commit, root)
    for folder in MODELS.values():
        for file in ("model.onnx", "signature.json"):
            revision.data(f"{folder}/{file}")
