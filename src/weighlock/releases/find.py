"""A release's model on this machine: the tree's, where it is the same, or the one that `weighlock fetch` brought."""

from __future__ import annotations

from pathlib import Path

from weighlock.errors import EvidenceError
from weighlock.layout import SERVED, SIGNATURE
from weighlock.releases.record import Release, next_version, read_release, read_release_params, versions
from weighlock.serving.find import find_service, identify
from weighlock.serving.settings import Identity, Service

FETCHED = "models/releases"


def folder_of(version: str) -> str:
    """Where `weighlock fetch` puts a release's model, relative to the repository."""
    return f"{FETCHED}/{version}"


def find_release(version: str, root: Path) -> tuple[Path, Service]:
    """The folder of a release's served model, and what is known of it; served as the tree's `params.yaml` says.

    Raises:
        EvidenceError: there is no such release, or its model is not on this machine.
        ConfigError: `params.yaml: serve` is wrong.
    """
    release = read_release(version, root)
    stated = identity_of(release)
    for folder in (root / SERVED, root / folder_of(version)):
        if (folder / SIGNATURE).is_file():
            found = identify(folder)
            if (found.digest, found.signature_digest) == (stated.digest, stated.signature_digest):
                _, service = find_service(folder, root)
                told = {"model": stated, "commit": release.commit, "release": release.model_dump()}
                return folder, service.model_copy(update=told)
    raise EvidenceError(
        f"`{version}` is the model {stated.digest}, which is neither in `{SERVED}` nor in `{folder_of(version)}`. Run "
        f"`weighlock fetch {version}`."
    )


def find_next(root: Path) -> tuple[Path, Service]:
    """The tree's model as it will be called once it is released, so that its image can be built and recorded with it.

    Raises:
        EvidenceError: there is no model, or it is released already.
        ConfigError: `params.yaml: release` or `serve` is wrong.
    """
    folder, service = find_service(None, root)
    for version in versions(root):
        released = read_release(version, root).served
        if (released.digest, released.signature) == (service.model.digest, service.model.signature_digest):
            raise EvidenceError(f"the tree's model is `{version}` already. Say `--release {version}`.")
    name, version = read_release_params(root / "params.yaml").name, next_version(root)
    return folder, service.model_copy(
        update={"model": service.model.model_copy(update={"name": name, "version": version})}
    )


def identity_of(release: Release) -> Identity:
    """What answers, records and metrics call a release's model."""
    return Identity(
        name=release.name,
        version=release.version,
        digest=release.served.digest,
        signature_digest=release.served.signature,
    )
