"""What a window is held against: the days of the release's profile, those of its season, or those before the window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from weighlock.errors import EvidenceError
from weighlock.files import read_json
from weighlock.layout import IMPORTANCE, PROFILE, SERVED, WEIGHED
from weighlock.scoring import Signature, read_signature
from weighlock.tables import read_meta, read_table
from weighlock.watching.counts import Bins, DayCounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = dt.date(1970, 1, 1)
SEASON = 45  # days to either side
YEAR = 365.2425


@dataclass(frozen=True)
class Watched:
    """The model that is watched.

    Attributes:
        folder: of its files.
        signature: what it takes and gives.
        bins: of its profile, by column.
        profile: the days that it was trained on.
        importance: each feature's share of all importance; None where that is not known.
    """

    folder: Path
    signature: Signature
    bins: dict[str, Bins]
    profile: DayCounts
    importance: dict[str, float] | None


def read_watched(folder: Path) -> Watched:
    """A model's folder: its signature, profile and importance.

    Raises:
        EvidenceError: the profile is gone or of another model.
    """
    signature, path = read_signature(folder / "signature.json"), folder / PROFILE
    made_by = f"dvc pull {path}` or `weighlock fetch"
    frame = read_table(path, made_by)
    meta = read_meta(path)
    if meta.get("model") != signature.digest:
        raise EvidenceError(
            f"`{path}` is the profile of {meta.get('model')}, not of the model beside it, {signature.digest}. Run "
            f"`{made_by}`, which bring both."
        )
    bins = {name: Bins.of(content) for name, content in meta["bins"].items()}
    days = np.array(sorted({day for day in frame["day"].unique() if day != "all"}))
    numbers = np.array([(dt.date.fromisoformat(day) - EPOCH).days for day in days], dtype=np.int64)
    columns = {}
    for name, part in frame.groupby("column", sort=False):
        known = {label: place for place, label in enumerate(bins[name].names)}
        counts = np.zeros((len(days), len(known)), dtype=np.int64)
        if len(days):
            np.add.at(counts, (np.searchsorted(days, part["day"]), part["bin"].map(known).to_numpy()), part["rows"])
        columns[str(name)] = counts
    rows = next(iter(columns.values())).sum(axis=1)
    return Watched(folder, signature, bins, DayCounts(numbers, columns, rows), read_importance(folder))


def read_importance(folder: Path) -> dict[str, float] | None:
    """Each feature's share of all importance, from beside the model or its weighed twin; None where it is not there."""
    path = next((p for p in (folder / IMPORTANCE, _twin(folder) / IMPORTANCE) if p.is_file()), None)
    if path is None:
        return None
    losses = {str(k): max(float(v), 0.0) for k, v in read_json(path, "dvc repro")["features"].items()}
    total = sum(losses.values())
    return {name: loss / total for name, loss in losses.items()} if total else None


def season_of(profile: DayCounts, first: int, last: int) -> DayCounts:
    """The profile's days of the same season in former years: 45 days to either side of the window's middle."""
    years = ((first + last) / 2 - profile.days) / YEAR
    away = np.abs(years - np.round(years)) * YEAR
    return profile.of((away <= SEASON) & (np.round(years) >= 1))


def day_number(day: dt.date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def dates(numbers: NDArray[np.int64]) -> tuple[dt.date, ...]:
    """The days of numbers."""
    return tuple(EPOCH + dt.timedelta(days=int(number)) for number in numbers)


def _twin(folder: Path) -> Path:
    return folder.parent / WEIGHED.rsplit("/", 1)[-1] if folder.name == SERVED.rsplit("/", 1)[-1] else folder
