"""What belongs to the old model, and how it is cleared away: never the user's own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from weighlock.config import load_yaml
from weighlock.errors import ConfigError, StorageError

PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
RECORDS = (Path("releases"), Path("deploy"))  # of models that were trained on other data
KEPT = {".gitignore", ".gitkeep", "README.md"}
NOTHING_RUNS = """\
# What should run here. `stable` is a release such as v8, or null before the first one.
stable: null
"""


def written(root: Path) -> list[Path]:
    """Every file and folder that the pipeline's stages write, below `root`.

    Raises:
        ConfigError: there is no pipeline here.
    """
    try:
        stages = load_yaml((root / PIPELINE).read_bytes())["stages"]
        named = [
            out for stage in stages.values() for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])
        ]
    except FileNotFoundError:
        raise ConfigError(
            f"there is no `{PIPELINE}` in `{root}`. Run `weighlock init` in the folder of a clone of Weighlock."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"`{PIPELINE}` is no pipeline ({error}). Restore it: `git checkout {PIPELINE}`.") from error
    return [Path(next(iter(out)) if isinstance(out, dict) else out) for out in named]


def old(root: Path) -> list[Path]:
    """What there is of the old model, below `root`."""
    records = [
        path.relative_to(root)
        for folder in RECORDS
        if (root / folder).is_dir()
        for path in sorted((root / folder).rglob("*"))
        if path.name not in KEPT and not path.is_dir() and path not in set(environments(root))
    ]
    return [path for path in (LOCK, *written(root), *records) if (root / path).exists() or (root / path).is_symlink()]


def environments(root: Path) -> list[Path]:
    """The files that say what should run where, which start anew."""
    return sorted((root / "deploy").glob("*.yaml"))


def clear(root: Path, paths: list[Path]) -> None:
    """Remove these files and folders.

    Raises:
        StorageError: one cannot be removed.
    """
    for path in paths:
        try:
            if (root / path).is_dir() and not (root / path).is_symlink():
                shutil.rmtree(root / path)
            else:
                (root / path).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"`{path}` is of the old model and cannot be removed: {error.strerror}. The new configuration is "
                "written; mend the rights and run the same command again, with `--force`."
            ) from error
