"""Parts of the holdout: which rows they are, which of them can be weighed at all, and how two models compare there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.decisions.gate import LEAST_UNITS
from weighlock.decisions.verdict import Comparison, Kind
from weighlock.slices import MISSING
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Metric, Scored

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from weighlock.statistics.paired import Units
    from weighlock.weighing.policy import Margin


@dataclass(frozen=True)
class Unweighed:
    """A part of the holdout that nothing can be said of, and why: `carrier = OO`, has 16 rows …"""

    name: str
    reason: str


@dataclass(frozen=True)
class Part:
    """The rows of one slice column's value; `rows` are their positions, in order."""

    column: str
    value: str
    rows: NDArray[np.intp]

    @property
    def name(self) -> str:
        """As it is called everywhere: `carrier = UA`."""
        return f"{self.column} = {self.value}"


def parts_of(frame: pd.DataFrame, column: str) -> Iterator[Part]:
    """One column's parts in order of their names; rows without a value are one of them."""
    names = frame[column].astype(object).where(frame[column].notna(), MISSING).astype(str)
    for value, rows in sorted(names.groupby(names, sort=False).indices.items()):
        yield Part(column, str(value), np.asarray(rows))


def too_small(rows: NDArray[Any], units: Units, least: int, what: str = "rows") -> str | None:
    """Why nothing can be said of these rows; None where they are enough.

    Args:
        rows: their positions.
        units: of all rows.
        least: rows that are enough.
        what: they are called.
    """
    if len(rows) < least:
        return f"has {len(rows):,} {what}; it takes {least:,}."
    return too_few(len(np.unique(units.clusters[rows])), what)


def too_few(clusters: int, what: str = "rows") -> str | None:
    """Why so many clusters tell nothing; None where they are enough."""
    return f"has {what} in {clusters} clusters; it takes {LEAST_UNITS}." if clusters < LEAST_UNITS else None


def compare(
    kind: Kind,
    name: str,
    metric: Metric,
    challenger: Scored,
    champion: Scored,
    units: Units,
    margin: Margin,
    resampling: Resampling,
) -> Comparison:
    """Two models on the same rows; a relative margin is a share of the champion's value there.

    Raises:
        ValueError: the metric says nothing about these rows; why.
    """
    gain = difference(metric, challenger, champion, units, resampling)
    before, after = metric(champion), metric(challenger)
    return Comparison(kind, name, before, after, gain, margin.of(before))


def take(scored: Scored, rows: NDArray[Any]) -> Scored:
    """Some of the rows."""
    return Scored(scored.task, scored.truth[rows], scored.scores[rows], scored.threshold)
