"""Releases and environments to render, made in one line."""

from __future__ import annotations

from typing import Any

from weighlock.deployment.environment import Candidate, Environment, Route
from weighlock.releases.record import Release

DIGEST = "sha256:" + "a" * 64


def release(version: str, **other: Any) -> Release:
    """A record that could be: of a model of the flights, with an image."""
    artifact = {"digest": DIGEST, "signature": DIGEST, "trained_until": None, "files": {}}
    content: dict[str, Any] = {
        "version": version,
        "name": "flights",
        "at": "2026-01-31T05:15:00Z",
        "by": "A Person <a@example.invalid>",
        "commit": "0" * 40,
        "lock": DIGEST,
        "params": DIGEST,
        "data": {"start": None, "end": None, "outputs": {}},
        "weighed": artifact,
        "served": artifact,
        "metrics": {},
        "verdict": {"outcome": "PASS", "bootstrap": True, "evidence": DIGEST, "champion": None},
        "evidence": {},
        "bento": None,
        "image": f"registry.example/flights@{DIGEST}",
    }
    return Release.model_validate({**content, **other})


RELEASES = {version: release(version) for version in ("v1", "v2")}


def environment(route: Route | None = None, **other: Any) -> Environment:
    """v1 stable and, where there is a route, v2 beside it."""
    candidate = Candidate(release="v2", route=route) if route else None
    return Environment(**{"stable": "v1", "candidate": candidate, **other})
