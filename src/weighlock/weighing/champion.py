"""Who the champion is where no one says: the release that is `stable` in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from weighlock.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "deploy/production.yaml"
NONE = "none"


def stable_release(root: Path) -> str | None:
    """The release that `deploy/production.yaml` calls stable; None before the first one.

    Raises:
        ConfigError: the file is missing or does not say, so that no one knows.
    """
    path = root / ENVIRONMENT
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        stable = content["stable"]
    except FileNotFoundError:
        raise ConfigError(
            f"`{path}` is missing, so no one knows the champion. Name one: `--champion REVISION`, a prediction file, "
            f"or `--champion {NONE}` before the first release."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"`{path}` does not say what is `stable` ({type(error).__name__}). Mend it.") from error
    if stable is not None and not isinstance(stable, str):
        raise ConfigError(f"`stable` in `{path}` should be a release such as v8, or null, but is {stable!r}.")
    return stable
