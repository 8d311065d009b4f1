"""Who the champion is where no one says: the release that is `stable` in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.deployment.environment import read_environment
from weighlock.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "production"
NONE = "none"


def stable_release(root: Path) -> str | None:
    """The release that `deploy/production.yaml` calls stable; None before the first one.

    Raises:
        ConfigError: the file is missing or does not fit, so that no one knows.
    """
    try:
        return read_environment(ENVIRONMENT, root).stable
    except ConfigError as error:
        raise ConfigError(
            f"{error} So no one knows the champion. Name one: `--champion REVISION`, a prediction file, or "
            f"`--champion {NONE}` before the first release."
        ) from error
