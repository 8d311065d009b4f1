"""The bento's service: BentoML packs it and can serve it, and what answers is Weighlock's own application alone.

BentoML's routes and the content types that it reads (pickles among them) are never built: docs/image.md. Importing this
opens no model, so that building a bento does not either.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml

from weighlock.serving.asgi import Entry
from weighlock.serving.settings import beside

if TYPE_CHECKING:
    from weighlock.serving.settings import Settings

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


class Bare(bentoml.Service[Any]):  # type: ignore[misc]
    """A service whose application is not made by BentoML."""

    def to_asgi(self, is_main: bool = True) -> Any:  # noqa: ARG002, FBT001  (BentoML's own signature)
        """What each of BentoML's workers runs."""
        return Entry(_settings)


def _settings() -> Settings:
    return beside(HERE / "model")


def _image() -> Any:
    """For `bentoml containerize`; `weighlock image` makes a smaller one of the same bento."""
    return bentoml.images.Image(
        base_image=os.environ.get("WEIGHLOCK_BASE_IMAGE", "docker.io/library/python:3.11-slim"),
        distro="",  # with one, a compiler and git come along
        lock_python_packages=False,  # they are locked, with hashes
        python_requirements=REQUIREMENTS.read_text(encoding="utf-8") if REQUIREMENTS.exists() else "",
    )


service = Bare(
    name="weighlock",
    image=_image(),
    config={
        "workers": 1,
        "endpoints": {"livez": "/healthz", "readyz": "/readyz"},
        "logging": {"access": {"enabled": False}},
    },
)
