"""The folder `deploy/rendered/<env>/`: compared with what it should hold, and replaced in one step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from weighlock.errors import ConfigError
from weighlock.files import outputs


def differences(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Path below the folder -> how it differs from what it should be; empty where nothing does."""
    return {
        path: "is missing" if old is None else "does not belong here" if new is None else "is not what is rendered"
        for path, old, new in _compared(folder, files)
    }


def replace(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Make the folder hold these files and no others; what was done to which: added, changed or removed.

    The folder is swapped whole: killed at any time, it holds the old files, the new ones, or for a moment none.

    Raises:
        ConfigError: the folder holds something that rendering never wrote, such as another one's `--out`.
        StorageError: the disk is full or read-only; nothing was changed.
    """
    changed = {
        path: "added" if old is None else "removed" if new is None else "changed"
        for path, old, new in _compared(folder, files)
    }
    if changed:
        _ours(folder)
        with outputs(f"render-{folder.name}", folder.parent) as out:
            target = out.folder(folder.name)
            for path, text in files.items():
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_text(text, encoding="utf-8")
    return changed


def _compared(folder: Path, files: Mapping[str, str]) -> list[tuple[str, bytes | None, bytes | None]]:
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    pairs = [
        (path, _content(there[path]) if path in there else None, files[path].encode() if path in files else None)
        for path in sorted({*there, *files})
    ]
    return [(path, old, new) for path, old, new in pairs if old != new]


def _content(path: Path) -> bytes:
    return f"a link to {path.readlink()}".encode() if path.is_symlink() else path.read_bytes()


def _ours(folder: Path) -> None:
    strange = [path.name for path in folder.glob("*") if path.name not in {"machine", "kubernetes"}]
    if strange:
        raise ConfigError(
            f"`{folder}` holds `{sorted(strange)[0]}`, which rendering never writes, and would be replaced whole. "
            "Choose an empty folder for `--out`, or remove that."
        )
