"""The watch's looks: every `watch.json` below a folder, with the reports that lie beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from weighlock.errors import EvidenceError
from weighlock.site.read import Watch, read

VERDICT = "watch.json"
REPORTS = {"evidently.html": "Evidently's report", "watch.md": "summary", "timeline.png": "timeline"}
LARGEST = 5_000_000  # bytes of a verdict


@dataclass(frozen=True)
class Look:
    """One of them.

    Attributes:
        seen: what it says.
        folder: where it and its reports are.
        place: a name that no other look at this environment has, fit for a path.
    """

    seen: Watch
    folder: Path
    place: str

    @property
    def reports(self) -> dict[str, Path]:
        """The reports beside it, in order: file name -> file. What leads elsewhere is none."""
        found = {name: self.folder / name for name in REPORTS}
        return {name: path for name, path in found.items() if path.is_file() and not path.is_symlink()}


@dataclass(frozen=True)
class Looks:
    """All of a folder.

    Attributes:
        by_environment: its looks, oldest window first; of the same window and model only the last.
        problems: what does not read, in words.
    """

    by_environment: dict[str, tuple[Look, ...]]
    problems: tuple[str, ...]


def read_looks(folder: Path) -> Looks:
    """The looks below a folder; none where it is missing."""
    found: dict[str, dict[tuple[str, str, str], tuple[Watch, Path]]] = {}
    problems = []
    for path in _verdicts(folder):
        source = path.relative_to(folder).as_posix()
        try:
            seen = read(_content(path, source), Watch, source)
        except EvidenceError as error:
            problems.append(str(error))
            continue
        key = (seen.window.end.isoformat(), seen.window.start.isoformat(), seen.model.digest)
        found.setdefault(seen.environment, {})[key] = (seen, path.parent)
    return Looks({name: _placed(looks) for name, looks in found.items()}, tuple(problems))


def _verdicts(folder: Path) -> list[Path]:
    """Every verdict's file, in the order of their paths; links are not followed."""
    found = [Path(at) / VERDICT for at, _, files in os.walk(folder) if VERDICT in files]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _content(path: Path, source: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise EvidenceError(f"`{source}` is larger than a verdict can be: more than {LARGEST:,} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"`{source}` cannot be read: {error.strerror}.") from error


def _placed(looks: dict[tuple[str, str, str], tuple[Watch, Path]]) -> tuple[Look, ...]:
    ends: dict[str, int] = {}
    placed = []
    for (end, _, _), (seen, folder) in sorted(looks.items()):
        ends[end] = ends.get(end, 0) + 1
        placed.append(Look(seen, folder, end if ends[end] == 1 else f"{end}-{ends[end]}"))
    return tuple(placed)
