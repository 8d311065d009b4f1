"""A release's record, `releases/vN.yaml`: what was trained of what, how it was judged and what ships. Never edited.

Needs pydantic and YAML alone: `weighlock serve --release` reads it where nothing that trains is installed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from weighlock.config import Strict, parse, parse_yaml
from weighlock.errors import ConfigError, EvidenceError

FOLDER = "releases"
_VERSION = re.compile(r"v[1-9]\d*")
_IMAGE = r"^[^\s@]+@sha256:[0-9a-f]{64}$"
_FILE = re.compile(r"(v[1-9]\d*)\.yaml")

Version = Annotated[str, Field(pattern=r"^v[1-9]\d*$")]
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
DvcDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}(\.dir)?$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Image = Annotated[str, Field(pattern=_IMAGE)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]


class Artifact(Strict):
    """One of the two models.

    Attributes:
        digest: of the ONNX file, as its signature states it.
        signature: of the bytes of `signature.json`.
        trained_until: the newest row that its training saw; None where the rows have no time.
        files: path in the repository -> digest by which DVC's cache and remote know it.
    """

    digest: Sha256
    signature: Sha256
    trained_until: str | None
    files: dict[str, DvcDigest]


class Data(Strict):
    """The rows: the window, both days included (None: all rows), and DVC's digest of each output with rows."""

    start: str | None
    end: str | None
    outputs: dict[str, DvcDigest]


class Judged(Strict):
    """What let it through.

    Attributes:
        outcome: the gate's.
        bootstrap: there was no champion.
        evidence: the digest of everything that the verdict hangs on.
        champion: what it was weighed against, such as v7; None for `bootstrap`.
        accepted: who let an INCONCLUSIVE through, and why.
    """

    outcome: Literal["PASS", "INCONCLUSIVE"]
    bootstrap: bool
    evidence: Sha256
    champion: str | None
    accepted: str | None = None

    @model_validator(mode="after")
    def _let_through(self) -> Judged:
        if self.outcome == "INCONCLUSIVE" and not self.accepted:
            raise ValueError("an INCONCLUSIVE ships only where someone accepted it")
        return self


class Release(Strict):
    """`releases/vN.yaml`.

    Attributes:
        version: v1, v2 … without gaps.
        name: what the model is called by tags, services and MLflow.
        at: when it was recorded, in UTC: 2026-01-31T05:15:00Z.
        by: who recorded it: `Name <mail>`.
        commit: whose code, params and `dvc.lock` made the models.
        lock, params: the SHA-256 of that commit's `dvc.lock` and `params.yaml`.
        data: the rows.
        weighed, served: the model that was judged, and the one that ships.
        metrics: of the weighed model on the holdout.
        verdict: what let it through.
        evidence: file in the repository -> SHA-256: what the model card is rendered from.
        bento: its tag, `name:version`; None where none was built.
        image: `registry/name@sha256:…`; None where none was built.
    """

    version: Version
    name: Name
    at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    by: str
    commit: Commit
    lock: Sha256
    params: Sha256
    data: Data
    weighed: Artifact
    served: Artifact
    metrics: dict[str, float]
    verdict: Judged
    evidence: dict[str, Sha256]
    bento: str | None
    image: Image | None

    @property
    def number(self) -> int:
        """8 of v8."""
        return int(self.version[1:])


def format_release(release: Release) -> str:
    """The record's text; `parse_release` gives it back."""
    head = f"# Release {release.version}. Written once: a record is never edited; `weighlock audit` would tell.\n"
    return head + yaml.safe_dump(release.model_dump(), sort_keys=False, allow_unicode=True, width=120)


def parse_release(text: str | bytes, source: str) -> Release:
    """The release of a record's text; `source` names it in messages.

    Raises:
        EvidenceError: it is no record, or not a whole one.
    """

    try:
        return parse_yaml(text, Release, source)
    except ConfigError as error:
        raise EvidenceError(f"`{source}` is no record of a release: {error}") from error


def check_image(address: str) -> str:
    """The address of an image, once it says which one by its digest.

    Raises:
        ConfigError: it does not.
    """
    if not re.fullmatch(_IMAGE, address):
        raise ConfigError(
            f"`--image {address}` does not say which image: it should end in its digest, as in "
            "`registry.example.org/flights@sha256:…` (64 hexadecimal digits), which pushing it prints. Tags move."
        )
    return address


def is_version(name: str) -> bool:
    """Whether a name is a release's, such as v7."""
    return _VERSION.fullmatch(name) is not None


def path_of(version: str) -> str:
    """Where a release's record is, relative to the repository: releases/v7.yaml."""
    return f"{FOLDER}/{version}.yaml"


def versions(root: Path) -> list[str]:
    """The releases that the working tree holds, oldest first."""
    found = (_FILE.fullmatch(path.name) for path in (root / FOLDER).glob("v*.yaml"))
    return sorted((match[1] for match in found if match), key=lambda version: int(version[1:]))


def next_version(root: Path) -> str:
    """v8 after v7.

    Raises:
        EvidenceError: the records have a gap, so that one was removed.
    """
    known = versions(root)
    wanted = [f"v{number}" for number in range(1, len(known) + 1)]
    if known != wanted:
        gone = next(w for w, k in zip(wanted, known, strict=True) if w != k)
        raise EvidenceError(
            f"`{path_of(gone)}` is missing, but there are later ones. Records are never removed: restore it."
        )
    return f"v{len(known) + 1}"


def read_release(version: str, root: Path) -> Release:
    """The record of a release of the working tree.

    Raises:
        EvidenceError: there is none, or it is torn, or of another version than its name says.
    """
    if not is_version(version) or not (root / path_of(version)).is_file():
        known = ", ".join(versions(root)) or "none"
        raise EvidenceError(f"There is no release `{version}`; `{FOLDER}/` holds {known}.")
    path = root / path_of(version)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"`{path}` cannot be read: {error.strerror}.") from error
    release = parse_release(text, str(path))
    if release.version != version:
        raise EvidenceError(f"`{path}` says that it is {release.version}. Records are never renamed: restore it.")
    return release


class CardParams(Strict):
    """`params.yaml: release.card`: what only people can say: for what it is, for what not, what to beware of."""

    use: str = ""
    not_for: list[str] = []
    limits: list[str] = []


class ReleaseParams(Strict):
    """`params.yaml: release`."""

    name: Name
    card: CardParams = CardParams()


def read_release_params(path: Path) -> ReleaseParams:
    """Read `params.yaml: release`.

    Raises:
        ConfigError: a key is missing or wrong; it is named.
    """
    from weighlock.params import read_params

    return parse(read_params(path).release or {}, ReleaseParams, f"{path}: release")
