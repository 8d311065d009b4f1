"""The evidence of a release, `releases/evidence/vN/`: small text files from which its card is rendered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.files import digest_of, to_json
from weighlock.layout import (
    IMPORTANCE,
    INGEST_REPORT,
    METRICS,
    PLOTS,
    RECIPE,
    SEARCH,
    SLICES,
    SPLIT,
    VALIDATION,
    WEIGHED,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighlock.releases.record import Release

FOLDER = "releases/evidence"
GATE, REACHED = "gate.json", "reached.json"
# What git holds already takes no room when it stands in a second place.
COPIED = {
    "params.yaml": "params.yaml",
    "schema.yaml": "schema.yaml",
    "ingest.json": INGEST_REPORT,
    "validation.json": VALIDATION,
    "split.json": SPLIT,
    "search.json": SEARCH,
    "metrics.json": METRICS,
    "slices.json": SLICES,
    "calibration.csv": f"{PLOTS}/calibration.csv",
    "recipe.json": f"{WEIGHED}/{RECIPE}",
    "importance.json": f"{WEIGHED}/{IMPORTANCE}",
}
MADE_BY = "dvc repro"


@dataclass(frozen=True)
class Evidence:
    """The files of a release's evidence, each as its record says."""

    release: Release
    files: Mapping[str, bytes]

    def json(self, name: str) -> Any:
        """The content of a JSON file.

        Raises:
            EvidenceError: it is none.
        """
        try:
            return json.loads(self.text(name))
        except ValueError as error:
            raise EvidenceError(f"`{folder_of(self.release.version)}/{name}` is not JSON: {error}.") from error

    def text(self, name: str) -> str:
        """The content of a file.

        Raises:
            EvidenceError: the record names no such file, or it is no text.
        """
        path = f"{folder_of(self.release.version)}/{name}"
        if name not in self.files:
            raise EvidenceError(f"`{self.release.version}` has no evidence `{path}`: its record is not whole.")
        try:
            return self.files[name].decode()
        except UnicodeDecodeError as error:
            raise EvidenceError(f"`{path}` is no text: {error.reason}.") from error


def folder_of(version: str) -> str:
    """Where a release's evidence is, relative to the repository."""
    return f"{FOLDER}/{version}"


def gather(root: Path, verdict: Path, reached: dict[str, Any]) -> dict[str, bytes]:
    """The evidence of the tree's result: file name -> content.

    Args:
        root: the repository.
        verdict: the `gate.json`.
        reached: what the weighed model reached on the holdout, with intervals.

    Raises:
        EvidenceError: a file is missing.
    """
    found = {GATE: _without_rows(_read(verdict, "weighlock gate"), verdict), REACHED: to_json(reached).encode()}
    for name, path in COPIED.items():
        found[name] = _read(root / path, MADE_BY)
    return found


def _without_rows(verdict: bytes, path: Path) -> bytes:
    """The verdict without the rows that turned: git forgets nobody, and its evidence is the same without them."""
    try:
        content = json.loads(verdict)
        return to_json({key: value for key, value in content.items() if key != "flips"}).encode()
    except (ValueError, AttributeError) as error:
        raise EvidenceError(f"`{path}` is no verdict: {error}. Run `weighlock gate` again.") from error


def read_evidence(release: Release, root: Path) -> Evidence:
    """The evidence of a release, once every file is as the record says.

    Raises:
        EvidenceError: a file is missing, or was edited.
    """
    files = {}
    for path, stated in release.evidence.items():
        content = _read(root / path, "git restore releases")
        if digest_of(content) != stated:
            raise EvidenceError(
                f"`{path}` is not what the record of `{release.version}` says: it was edited. Restore it: `git restore "
                f"--source TAG {path}`, where TAG is from when it was recorded."
            )
        files[Path(path).name] = content
    return Evidence(release, files)


def _read(path: Path, made_by: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EvidenceError(f"`{path}` is missing. Run `{made_by}` first.") from None
    except OSError as error:
        raise EvidenceError(f"`{path}` cannot be read: {error.strerror}.") from error
