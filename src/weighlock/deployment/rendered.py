"""What an environment renders to, as files of the repository."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from weighlock.deployment.environment import FOLDER, Environment
from weighlock.releases.record import Release

RENDERED = f"{FOLDER}/rendered"


def render_environment(name: str, environment: Environment, releases: Mapping[str, Release]) -> dict[str, str]:
    """By path in the repository, the files of `deploy/rendered/<name>/`.

    Raises:
        EvidenceError: a release that runs here has no record.
        ConfigError: what is asked cannot be rendered.
    """
    try:
        render = importlib.import_module("weighlock.deployment.render").render
    except ModuleNotFoundError:
        return {}
    needed = {version: releases[version] for version in environment.releases if version in releases}
    return {f"{RENDERED}/{name}/{path}": text for path, text in render(name, environment, needed).items()}
