"""Dotted paths such as `package.module:name`: how params.yaml points at Python."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from weighlock.errors import ConfigError


def resolve(path: str, key: str) -> Any:
    """The object at `package.module:name`; modules beside `params.yaml` are found as well.

    Raises:
        ConfigError: there is no such module or name; `key` says where the path stands.
    """
    module_name, _, name = path.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigError(f"`{key}` names `{path}`, which is no dotted path such as `package.module:name`.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`{key}` names `{path}`, but there is no module `{error.name}`. Put it below `src/` or mend the path."
        ) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise ConfigError(f"`{key}` names `{path}`, but `{module_name}` has no `{name}`.") from None
