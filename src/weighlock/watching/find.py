"""Which model is watched in an environment, and where its things are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

from weighlock.deployment.environment import read_environment
from weighlock.errors import EvidenceError
from weighlock.layout import RECIPE, SERVED, WEIGHED
from weighlock.params import read_params
from weighlock.releases.evidence import folder_of as evidence_of
from weighlock.releases.find import find_release
from weighlock.releases.record import read_release
from weighlock.serving.find import identify
from weighlock.watching.reference import Watched, read_importance, read_watched


@dataclass(frozen=True)
class Found:
    """What is watched.

    Attributes:
        name: of the model.
        watched: it.
        timezone: whose days.
        metric: the primary one.
        recipe: the file that says how it was made.
        released: when; None where no release is watched.
    """

    name: str
    watched: Watched
    timezone: str
    metric: str
    recipe: Path
    released: dt.datetime | None


def find_watched(environment: str, release: str | None, folder: Path | None, root: Path) -> Found:
    """The model of an environment, or the one that is named instead.

    Raises:
        ConfigError: there is no such environment.
        EvidenceError: nothing is stable there, or the model is not on this machine.
    """
    params = read_params(root / "params.yaml")
    released = version = None
    if folder is None:
        version = release or read_environment(environment, root).stable
        if version is None:
            raise EvidenceError(
                f"`deploy/{environment}.yaml` names no stable release, so there is nothing to watch. `--model "
                f"{SERVED}` watches the tree's model."
            )
        folder, service = find_release(version, root)
        name, released = service.model.version, dt.datetime.fromisoformat(read_release(version, root).at)
    else:
        identity = identify(folder)
        name = f"{identity.name} {identity.version}"
    # a release that was fetched has its recipe and importance in git, as evidence; the tree's may be another model's
    places = [folder, *([root / evidence_of(version)] if version else []), root / WEIGHED]
    recipe = next((place / RECIPE for place in places if (place / RECIPE).is_file()), places[-1] / RECIPE)
    watched = read_watched(folder)
    if watched.importance is None and version:
        watched = replace(watched, importance=read_importance(root / evidence_of(version)))
    return Found(name, watched, params.data.timezone, params.train.metric, recipe, released)
