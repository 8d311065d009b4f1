"""A changed unit, told by the other columns: what they foretell of a day's mean, and what it is instead.

A cold front moves a week's temperature as far as °C in place of °F do; but it moves the dew point with it. Only a
known conversion is a fault: whatever else comes between columns that belonged together is drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.drift_faults import LEAST_BINS, SURE, Fault, FaultLimits, Feed, each_error, means
from weighlock.statistics.drift_tails import fence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# (name, factor, shift): what one unit comes to in the other
CONVERSIONS = (
    ("°F to °C", 1 / 1.8, -32 / 1.8), ("miles to km", 1.609344, 0.0), ("inches to mm", 25.4, 0.0),
    ("inches to cm", 2.54, 0.0), ("pounds to kg", 0.45359237, 0.0), ("feet to m", 0.3048, 0.0),
    ("m/s to km/h", 3.6, 0.0), ("hPa to inHg", 0.02953, 0.0), ("a share to per cent", 100.0, 0.0),
    ("thousands to ones", 1000.0, 0.0), ("hours to minutes", 60.0, 0.0), ("ones to tens", 10.0, 0.0),
)  # fmt: skip
NEAR = 0.1  # of the value: days differ
LEAST_DAYS = 40
DAYS_A_COLUMN = 3
PRESENT = 0.95  # of the reference's days have a value; columns that are there less often foretell nothing
FOLDS = 10
RIDGE = 1.0  # days' worth of doubt that another column says anything


@dataclass(frozen=True)
class Foretold:
    """What the other columns make of one column's daily means, in its own unit.

    Attributes:
        place: the column's.
        before: foretold of the day before the window; NaN as below.
        means: (W,) foretold of the window's days; NaN where another column is missing.
        largest: by how much a reference day was ever off.
        border: by how much a day hardly ever is, had it as many rows as the reference's.
        noise: (W,) what comes on top where it has few.
    """

    place: int
    before: float
    means: Floats
    largest: float
    border: float
    noise: Floats


def conversions() -> list[tuple[str, float, float]]:
    """Every known conversion, there and back."""
    back = [(" to ".join(reversed(name.split(" to "))), 1 / f, -shift / f) for name, f, shift in CONVERSIONS]
    return [*CONVERSIONS, *back]


def conversion_of(before: float, after: float) -> str:
    """The conversion that comes nearest to what happened to a mean; empty where none is near."""
    tried = [(abs((after - shift) / factor - before), name) for name, factor, shift in conversions()]
    off, name = min(tried)
    return name if off <= NEAR * abs(before) else ""


def unit_faults(feeds: Sequence[Feed], limits: FaultLimits) -> list[Fault]:
    """The column, if any, whose means are no longer what the others foretell, and would be in another unit.

    A column in another unit makes the others look odd, too; the one that a conversion brings nearest is named.
    """
    numeric = [feed for feed in feeds if feed.values is not None and len(feed.values) >= LEAST_BINS]
    if len(numeric) < 2:
        return []
    found = [
        explained
        for foretold in foretell(numeric, each_error(feeds, limits))
        if (explained := _explained(numeric[foretold.place], foretold)) is not None
    ]
    return [min(found, key=lambda one: one[0])[1]] if found else []


def foretell(feeds: Sequence[Feed], error: float) -> list[Foretold]:
    """Each column's daily means by the others', by ridge regression (Hoerl & Kennard, 1970) on the reference's days.

    How far off a day may be is told from days that the regression has not seen: blocks of neighbouring ones are
    left out in turn.

    Args:
        feeds: of numbers.
        error: how often a day without any fault may be outside of the border.

    Returns:
        Of each column that is there on nearly all days; nothing where days are too few.
    """
    past = np.column_stack([means(feed.column.reference, feed.values) for feed in feeds if feed.values is not None])
    kept = np.flatnonzero(np.isfinite(past).mean(axis=0) >= PRESENT)
    past = past[:, kept][np.isfinite(past[:, kept]).all(axis=1)]
    if len(kept) < 2 or len(past) < max(LEAST_DAYS, DAYS_A_COLUMN * len(kept)):
        return []
    chosen = [feeds[int(place)] for place in kept]
    centre, scale = past.mean(axis=0), past.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    past = (past - centre) / scale
    now = (np.column_stack([feed.alike for feed in chosen]) - centre) / scale
    within = np.array([_within(feed) for feed in chosen]) / scale
    rows = np.array([feed.column.window[:, :-1].sum(axis=1) for feed in chosen]).min(axis=0)
    found = []
    for place in range(len(kept)):
        others = np.delete(np.arange(len(kept)), place)
        off = np.abs(_left_out(past[:, others], past[:, place]))
        weights = _ridge(past[:, others], past[:, place])
        # the same rows' means err together; their sum is the most that they can come to
        noise = SURE * (within[place] + np.abs(weights[1:]) @ within[others]) / np.sqrt(np.maximum(rows, 1))
        unit = float(scale[place])
        told = (weights[0] + now[:, others] @ weights[1:]) * unit + centre[place]
        largest, border = float(off.max()) * unit, fence(off, error) * unit
        found.append(Foretold(int(kept[place]), float(told[0]), told[1:], largest, border, noise * unit))
    return found


def _explained(feed: Feed, foretold: Foretold) -> tuple[float, Fault] | None:
    """How far off the column is in its best other unit, as a share of what is usual, and the fault; None: none is."""
    off = np.abs(feed.alike[1:] - foretold.means)
    days = np.flatnonzero(off > np.hypot(foretold.border, foretold.noise))  # a comparison with NaN is false
    if not len(days) or not _moved(feed, foretold, int(days[0])):
        return None
    usual = np.hypot(foretold.largest, foretold.noise[days])
    tried = [
        (float(np.mean(np.abs((feed.levels[days] - shift) / factor - foretold.means[days]) / usual)), name)
        for name, factor, shift in conversions()
    ]
    left, name = min(tried)
    if left > 1:
        return None
    first = int(days[0])
    told = (float(feed.levels[first]), float(foretold.means[first]))
    return left, Fault(feed.column.name, "unit", tuple(days.tolist()), *told, name)


def _moved(feed: Feed, foretold: Foretold, day: int) -> bool:
    """Whether it is the column that left what was foretold, and not the others that left it; so where nobody knows."""
    told = np.append(foretold.before, foretold.means)[day : day + 2]
    own = feed.alike[day : day + 2]
    known = np.isfinite([told[0], own[0]]).all() and abs(own[0] - told[0]) <= foretold.border
    return not known or abs(own[1] - own[0]) >= abs(told[1] - told[0])


def _within(feed: Feed) -> float:
    """The standard deviation inside of a day, from the reference."""
    assert feed.values is not None  # noqa: S101  (numbers alone come here)
    counts = feed.column.reference[:, :-1]
    rows, values = counts.sum(axis=1), feed.values
    middle = (counts @ values / np.maximum(rows, 1))[:, None]
    return float(np.sqrt((counts * (values - middle) ** 2).sum() / max(rows.sum(), 1)))


def _left_out(others: Floats, column: Floats) -> Floats:
    off = np.empty(len(column))
    for days in np.array_split(np.arange(len(column)), FOLDS):
        seen = np.delete(np.arange(len(column)), days)
        weights = _ridge(others[seen], column[seen])
        off[days] = column[days] - weights[0] - others[days] @ weights[1:]
    return off


def _ridge(others: Floats, column: Floats) -> Floats:
    """(1 + k,) constant, which is free, and weights."""
    full = np.column_stack([np.ones(len(others)), others])
    doubt = np.diag([0.0, *[RIDGE] * others.shape[1]])
    return np.asarray(np.linalg.solve(full.T @ full + doubt, full.T @ column))
