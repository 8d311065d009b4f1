"""Rows of a table as the day profile holds them: by day, column and bin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.monitoring.profile import MISSING, OTHER
from weighlock.statistics.drift_distance import Column, middles, moments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """How a column's values are told apart: edges between bins of numbers, or categories; not both.

    Attributes:
        edges: (B - 1,) bin i holds edges[i - 1] < x <= edges[i].
        categories: what is none of these is `(other)`.
    """

    edges: Floats | None = None
    categories: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Bins:
        """From a profile's metadata."""
        if "edges" in content:
            return cls(np.asarray(content["edges"], dtype=np.float64))
        return cls(categories=tuple(content["categories"]))

    @property
    def names(self) -> list[str]:
        """As the profile's column `bin` calls them; missing comes last."""
        inner = [str(i) for i in range(len(self.edges) + 1)] if self.edges is not None else [*self.categories, OTHER]
        return [*inner, MISSING]

    @property
    def centres(self) -> Floats | None:
        """What stands for each bin of numbers, `(missing)` left out; None for categories."""
        return None if self.edges is None else middles(self.edges)

    def places(self, values: pd.Series | NDArray[Any]) -> NDArray[np.intp]:
        """(n,) the number of each value's bin."""
        import pandas as pd

        if self.edges is not None:
            numbers = np.asarray(values, dtype=np.float64)
            found = np.searchsorted(self.edges, numbers, side="left")
            return np.where(np.isnan(numbers), len(self.edges) + 1, found)
        codes, seen = pd.factorize(values)
        known = {name: place for place, name in enumerate(self.categories)}
        place_of = np.array([*(known.get(name, len(known)) for name in seen), len(known) + 1], dtype=np.intp)
        return np.asarray(place_of[codes])  # -1 of missing values is the last

    def overshoot(self, values: Floats) -> Floats:
        """(n,) how far numbers lie beyond the outer bins, which are as wide as their neighbours; NaN stays.

        A binned mean hides it: whatever is below all bins counts as the middle of the lowest.
        """
        centres = self.centres
        if centres is None or self.edges is None or not len(self.edges):
            return np.zeros(len(values))
        low, high = 2 * centres[0] - self.edges[0], 2 * centres[-1] - self.edges[-1]
        return np.asarray(values - np.clip(values, low, high), dtype=np.float64)

    def steps(self, reference: Counts) -> Floats | None:
        """From bin to bin, in standard deviations of the reference; None for categories."""
        if self.centres is None:
            return None
        return np.asarray(np.diff(self.centres) / moments(reference, self.centres)[1])


@dataclass(frozen=True)
class DayCounts:
    """What days hold.

    Attributes:
        days: (D,) numbers of days since 1970, rising.
        columns: by name, (D, B + 1) rows by day and bin.
        rows: (D,) of each day, whatever columns hold.
    """

    days: NDArray[np.int64]
    columns: dict[str, Counts]
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def of(self, chosen: NDArray[Any]) -> DayCounts:
        """Some of the days."""
        return DayCounts(
            self.days[chosen], {name: counts[chosen] for name, counts in self.columns.items()}, self.rows[chosen]
        )

    def with_rows(self) -> DayCounts:
        """The days that have rows."""
        return self.of(self.rows > 0)


def counted(
    columns: Mapping[str, pd.Series | NDArray[Any]],
    bins: Mapping[str, Bins],
    day: NDArray[np.int64],
    first: int,
    days: int,
) -> DayCounts:
    """Rows by day, column and bin.

    Args:
        columns: (n,) values each; those that have no bins are left out.
        bins: by column.
        day: (n,) the number of each row's day.
        first: the number of the first day.
        days: how many there are; rows of others do not count.
    """
    inside = (day >= first) & (day < first + days)
    place = (day - first)[inside]
    whole = bool(inside.all())
    found = {}
    for name, values in columns.items():
        if name in bins:
            width = len(bins[name].names)
            bin_of = bins[name].places(values if whole else np.asarray(values)[inside])
            found[name] = np.bincount(place * width + bin_of, minlength=days * width).reshape(days, width)
    return DayCounts(np.arange(first, first + days), found, np.bincount(place, minlength=days))


def stacked(parts: Sequence[DayCounts]) -> DayCounts:
    """Days of several, one after another; a column that one of them lacks has no rows there."""
    widths = {name: counts.shape[1] for part in parts for name, counts in part.columns.items()}
    columns = {
        name: np.concatenate([p.columns.get(name, np.zeros((len(p.days), width), dtype=np.int64)) for p in parts])
        for name, width in widths.items()
    }
    return DayCounts(np.concatenate([p.days for p in parts]), columns, np.concatenate([p.rows for p in parts]))


def columns_of(reference: DayCounts, window: DayCounts, bins: Mapping[str, Bins]) -> list[Column]:
    """The columns that both sides have rows of."""
    return [
        Column(name, counts, window.columns[name], bins[name].steps(counts))
        for name, counts in reference.columns.items()
        if name in window.columns and counts.any() and window.columns[name].any()
    ]
