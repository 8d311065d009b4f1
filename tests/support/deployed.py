"""Releases and environments to render, made in one line."""

from __future__ import annotations

from typing import Any

from support.records import make_release
from weighlock.deployment.environment import Candidate, Environment, Route
from weighlock.releases.record import Release

DIGEST = "sha256:" + "a" * 64


def release(version: str, **other: Any) -> Release:
    """A record that could be: of a model of the flights, with an image."""
    return make_release(version, **{"image": f"registry.example/flights@{DIGEST}", **other})


RELEASES = {version: release(version) for version in ("v1", "v2")}


def environment(route: Route | None = None, **other: Any) -> Environment:
    """v1 stable and, where there is a route, v2 beside it."""
    candidate = Candidate(release="v2", route=route) if route else None
    return Environment(**{"stable": "v1", "candidate": candidate, **other})
