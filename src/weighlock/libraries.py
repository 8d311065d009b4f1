"""The library versions that touch models: `libraries.yaml`, a DVC dependency of every stage.

A stage that runs with other versions than those recorded would make results that `dvc.lock` ascribes
to the recorded ones, so it refuses.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path("libraries.yaml")


def check_libraries(names: Iterable[str], file: Path = FILE) -> None:
    """Compare what is installed with what `file` records.

    Raises:
        ConfigError: a version differs, or a name is not recorded.
    """
    recorded = read_libraries(file)
    for name in names:
        installed = installed_version(name)
        if name not in recorded:
            raise ConfigError(f"`{file}` does not record {name}. Run `weighlock libraries --write`.")
        if recorded[name] != installed:
            raise ConfigError(
                f"`{file}` records {name} {recorded[name]}, but {installed} is installed, so results would not be "
                "what they are said to be. Run `make env`, or `weighlock libraries --write` to change over."
            )


def read_libraries(file: Path = FILE) -> dict[str, str]:
    """Name to version, as recorded."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"`{file}` is missing. Run `weighlock libraries --write`.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"`{file}` should map library names to versions. Run `weighlock libraries --write`.")
    return {str(k): str(v) for k, v in content.items()}


def installed_version(name: str) -> str:
    """The installed version of a distribution; `none` where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
