"""Releases as MLflow's registry shows them: one registered version each, and aliases that say what production wants.

A projection: it is made of git's records, corrected wherever it differs from them, and never read back.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError
from weighlock.layout import MODEL, SIGNATURE
from weighlock.releases.fetch import obtain
from weighlock.releases.record import read_release, versions
from weighlock.scoring.signature import read_signature
from weighlock.tracking.content import log_model
from weighlock.tracking.runs import EXPERIMENT, ensure_experiment
from weighlock.tracking.server import connected, tracking_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighlock.releases.record import Release

VERSION = "weighlock.version"
CHAMPION, CANDIDATE = "champion", "candidate"


@dataclass(frozen=True)
class Projected:
    """What the registry shows now.

    Attributes:
        name: the registered model's; None where there is no release.
        new: the releases that this call registered.
        missing: (release, reason) of each whose model is nowhere to be had.
        aliases: alias -> release.
    """

    name: str | None
    new: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()


def project_releases(
    root: Path, wanted: Mapping[str, str | None], environ: Mapping[str, str] = os.environ
) -> Projected:
    """Make the registry show the releases of the repository at `root`.

    Args:
        root: the repository.
        wanted: alias -> release, or None where nothing bears it.
        environ: says where MLflow is.

    Raises:
        EvidenceError: a record is torn.
        TrackingError: MLflow does not answer, or refuses.
    """
    releases = [read_release(version, root) for version in versions(root)]
    if not releases:
        return Projected(None)
    name, new, missing = releases[-1].name, [], []
    with connected(tracking_uri(environ)) as client:
        _ensure_model(client, name)
        there = _registered(client, name)
        for release in releases:
            if release.version in there:
                _correct(client, name, there[release.version], tags_of(release))
                continue
            try:
                model = _logged(client, release) or _log(client, release, root, environ)
            except EvidenceError as error:
                missing.append((release.version, str(error).partition("\n")[0]))
                continue
            client.create_model_version(name, f"models:/{model}", tags=tags_of(release), model_id=model)
            new.append(release.version)
        there = _registered(client, name)
        aliases = _alias(client, name, there, wanted)
    return Projected(name, tuple(new), tuple(missing), aliases)


def tags_of(release: Release) -> dict[str, str]:
    """What a registered version says of its release."""
    tags = {
        VERSION: release.version,
        "weighlock.commit": release.commit,
        "weighlock.served": release.served.digest,
        "weighlock.signature": release.served.signature,
        "weighlock.weighed": release.weighed.digest,
        "weighlock.lock": release.lock,
        "weighlock.verdict": release.verdict.outcome,
        "weighlock.evidence": release.verdict.evidence,
        "weighlock.champion": release.verdict.champion or "none",
        "weighlock.released_at": release.at,
        "weighlock.released_by": release.by,
    }
    return tags | ({"weighlock.image": release.image} if release.image else {})


def _ensure_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    about = "Releases of a Weighlock repository. `weighlock track` projects them from git; edits here do not last."
    try:
        client.create_registered_model(name, description=about)
    except MlflowException as error:
        if error.error_code not in {"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"}:
            raise


def _registered(client: Any, name: str) -> dict[str, Any]:
    """By release, its registered version; of two that were made at the same moment, the first stays."""
    found: dict[str, Any] = {}
    for entry in sorted(client.search_model_versions(f"name = '{name}'"), key=lambda entry: int(entry.version)):
        version = entry.tags.get(VERSION)
        if version in found:
            with suppress(Exception):  # whoever made the other one may be faster
                client.delete_model_version(name, entry.version)
        elif version:
            found[version] = entry
    return found


def _correct(client: Any, name: str, entry: Any, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        if entry.tags.get(key) != value:
            client.set_model_version_tag(name, entry.version, key, value)


def _logged(client: Any, release: Release) -> str | None:
    """The id of a model of this digest that some `weighlock track` has logged."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    wanted = f"tags.`weighlock.digest` = '{release.served.digest}'"
    found = client.search_logged_models(experiments, filter_string=wanted)
    ready = sorted((m.creation_timestamp, m.model_id) for m in found if str(m.status) == "READY" and m.name == "served")
    return str(ready[0][1]) if ready else None


def _log(client: Any, release: Release, root: Path, environ: Mapping[str, str]) -> str:
    """Log a release's model, from wherever it still is, in a run of its own; the model's id.

    Raises:
        EvidenceError: it is nowhere to be had.
    """
    import mlflow

    files, _, _ = obtain(release, root, rebuild=False)
    with tempfile.TemporaryDirectory(prefix="weighlock-release-") as scratch:
        for path, content in files.items():
            Path(scratch, Path(path).name).write_bytes(content)
        signature = read_signature(Path(scratch, SIGNATURE))
        experiment = ensure_experiment(client, environ.get(EXPERIMENT, "").strip() or signature.target)
        tags = {VERSION: release.version, "weighlock.served": release.served.digest}
        run = client.create_run(experiment, tags=tags, run_name=f"{release.name} {release.version}")
        with mlflow.start_run(run_id=run.info.run_id):
            log_model("served", Path(scratch, MODEL), signature)
    logged = _logged(client, release)
    if logged is None:
        raise EvidenceError(f"MLflow does not find the model that was just logged for `{release.version}`.")
    return logged


def _alias(
    client: Any, name: str, there: dict[str, Any], wanted: Mapping[str, str | None]
) -> tuple[tuple[str, str], ...]:
    borne = client.get_registered_model(name).aliases
    set_to = {}
    for alias, version in wanted.items():
        entry = there.get(version or "")
        if entry is not None:
            set_to[alias] = entry.tags[VERSION]
            if str(borne.get(alias)) != str(entry.version):
                client.set_registered_model_alias(name, alias, entry.version)
        elif alias in borne:
            client.delete_registered_model_alias(name, alias)
    return tuple(set_to.items())
