"""Faults of a feed, as opposed to drift: what no day of the reference comes near, seen within a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from weighlock.statistics.drift_distance import Column, moments
from weighlock.statistics.drift_tails import fence, of_shares, share_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FaultKind = Literal["type", "range", "nulls", "unseen", "constant", "jump", "unit"]
KINDS = 7
LEAST_CHANGES = 20  # from one day to the next, for the largest of them to say what is usual
SELDOM = 0.05
NEVER = 1e-12  # a share whose logarithm is taken
SURE = 5.0  # standard errors
LEAST_BINS = 8  # a column that is mostly one value, such as rain, has no level to speak of


@dataclass(frozen=True)
class Feed:
    """What the days of a window hold of one feature, beside its histograms.

    Attributes:
        column: its histograms.
        values: (B,) what stands for its bins; None for categories.
        mistyped: (W,) rows whose value is not of the feature's type.
        outside: (W,) rows whose value is out of the feature's range.
        unseen: (W,) rows whose category the model does not know.
        only: of each day, the only value that it has, as text; None where there are several, or none.
        levels: (W,) of each day's values; NaN where there are none; empty for categories.
        before: the mean of the day before the window; None where that is not known.
        follows: (R - 1,) whether a reference day is the day after the one before it.
        alike: (1 + W,) levels of the day before and of the window's, as the reference's are told: by bins, and by how
            far values lie beyond them; NaN and empty as `levels`.
    """

    column: Column
    values: Floats | None
    mistyped: NDArray[np.int64]
    outside: NDArray[np.int64]
    unseen: NDArray[np.int64]
    only: tuple[str | None, ...]
    levels: Floats
    before: float | None
    follows: NDArray[np.bool_]
    alike: Floats


@dataclass(frozen=True)
class FaultLimits:
    """From where on something is a fault.

    Attributes:
        error: how often a window without any may show one, over all features and days.
        nulls: by how much a share of missing values must exceed the highest day of the reference.
        outside: the share of values out of range or of another type.
        unseen: the share of unknown categories.
        jump: standard deviations from one day to the next.
    """

    error: float
    nulls: float = 0.05
    outside: float = 0.01
    unseen: float = 0.05
    jump: float = 1.0


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        column: the feature.
        kind: type, range, nulls, unseen: a share; constant; jump: from one day to the next; unit: a mean that is
            what the other columns foretell in another unit.
        days: which of the window's days show it.
        found: the largest share; the new mean after a jump or in another unit; nothing (NaN) where constant.
        usual: the highest share of a reference day; the mean before the jump, or as foretold.
        value: the only value, where constant; the conversion.
    """

    column: str
    kind: FaultKind
    days: tuple[int, ...]
    found: float
    usual: float
    value: str | None = None


def faults(feeds: Sequence[Feed], limits: FaultLimits) -> list[Fault]:
    """Every fault of every feature for itself, in their order; `drift_units` holds them against each other."""
    return [fault for feed in feeds for fault in _of_feed(feed, limits, each_error(feeds, limits))]


def each_error(feeds: Sequence[Feed], limits: FaultLimits) -> float:
    """How often one kind of fault may be shown of one feature on one day, where there is none."""
    return limits.error / (len(feeds) * KINDS * (len(feeds[0].only) + 1))


def at_least(count: float, rows: float, error: float) -> float:
    """The lower bound of a share, which errs as often as `error` (Clopper & Pearson, 1934)."""
    from scipy.special import betaincinv

    return 0.0 if count == 0 else float(betaincinv(count, rows - count + 1, error))


def _of_feed(feed: Feed, limits: FaultLimits, error: float) -> Iterator[Fault]:
    rows = feed.column.window.sum(axis=1)
    reference = feed.column.reference
    nulls = reference[:, -1] / np.maximum(reference.sum(axis=1), 1)
    border = share_of(fence(of_shares(nulls), error)) if len(nulls) > 1 and nulls.max() < 1 else 1.0
    highest = float(nulls.max(initial=0.0))
    shares: list[tuple[FaultKind, NDArray[np.int64], float, float]] = [
        ("type", feed.mistyped, 0.0, limits.outside),
        ("range", feed.outside, 0.0, limits.outside),
        ("nulls", feed.column.window[:, -1] - feed.mistyped, highest, max(limits.nulls, border - highest)),
        ("unseen", feed.unseen, 0.0, limits.unseen),
    ]
    for kind, counts, usual, floor in shares:
        days = [day for day, n in enumerate(rows) if n and at_least(counts[day], n, error) > usual + floor]
        if days:
            yield Fault(feed.column.name, kind, tuple(days), float((counts[days] / rows[days]).max()), usual)
    yield from _long_nulls(feed, limits, error, nulls)
    yield from _constant(feed, error)
    yield from _jump(feed, limits, error)


def _long_nulls(feed: Feed, limits: FaultLimits, error: float, nulls: Floats) -> Iterator[Fault]:
    """Where single days may be all null, the whole window against as many reference days in a row, and others."""
    length, rows = len(feed.only), feed.column.window.sum()
    if nulls.max(initial=0.0) < 1 - limits.nulls or len(nulls) < 2 * length or length < 2:
        return
    usual = float(np.convolve(nulls, np.full(length, 1 / length), mode="valid").max())
    runs = nulls[len(nulls) % length :].reshape(-1, length).mean(axis=1)  # which know nothing of one another
    border = share_of(fence(of_shares(runs), error)) if runs.max() < 1 else 1.0
    count = int((feed.column.window[:, -1] - feed.mistyped).sum())
    if at_least(count, rows, error) > max(usual + limits.nulls, border):
        yield Fault(feed.column.name, "nulls", tuple(range(length)), count / rows, usual)


def _constant(feed: Feed, error: float) -> Iterator[Fault]:
    """Days that have one value only, where that would hardly ever be.

    How often is told from above, by how often all rows of a day like the reference's would fall into one bin.
    """
    rows = feed.column.window[:, :-1].sum(axis=1)
    counts = feed.column.reference[:, :-1]
    counts = counts[counts.sum(axis=1) > 0]
    if not len(counts):
        return
    total = counts.sum(axis=1)
    logs = np.log(np.maximum(counts / total[:, None], NEVER))
    stuck = [d for d, value in enumerate(feed.only) if value is not None and _alike(logs, total, rows[d]) <= error]
    values = {feed.only[day] for day in stuck}
    # weeks without rain are rare, and no fault: only what hardly ever is the same all day is looked at week by week
    seldom = _alike(logs, total, int(rows.mean())) <= SELDOM
    if not stuck and seldom and len(set(feed.only)) == 1 and feed.only[0] is not None and len(logs) >= 2 * len(rows):
        length = len(rows)
        sums = np.cumsum(np.concatenate([np.zeros((1, logs.shape[1])), logs]), axis=0)
        runs = (sums[length:] - sums[:-length]) / length
        many = np.convolve(total, np.ones(length, dtype=np.int64), mode="valid")
        if _alike(runs, many, int(rows.sum())) <= error:
            stuck, values = list(range(length)), {feed.only[0]}
    if stuck:
        yield Fault(feed.column.name, "constant", tuple(stuck), np.nan, np.nan, ", ".join(sorted(map(str, values))))


def means(counts: NDArray[np.int64], values: Floats) -> Floats:
    """(D,) of each day's binned values; NaN where it has none."""
    rows = counts[:, :-1]
    with np.errstate(invalid="ignore"):
        return np.asarray(rows @ values / rows.sum(axis=1))


def _alike(logs: Floats, total: NDArray[np.int64], rows: int) -> float:
    """How often so many rows fall into one bin, whichever, on days of these shares; a day tells of no more than it has.

    Args:
        logs: (D, B) of the shares.
        total: (D,) rows of each day.
        rows: how many.
    """
    return float(np.exp(np.minimum(rows, total)[:, None] * logs).sum(axis=1).mean())


def _jump(feed: Feed, limits: FaultLimits, error: float) -> Iterator[Fault]:
    """A daily mean that leaps from one day to the next by far more than it ever did.

    Far is told from the tail of the reference's changes (`fence`); on top comes what a mean of few rows errs by.
    """
    if feed.values is None or len(feed.values) < LEAST_BINS:
        return
    usual = np.abs(np.diff(means(feed.column.reference, feed.values)))[feed.follows]
    usual = usual[np.isfinite(usual)]
    if len(usual) < LEAST_CHANGES:
        return
    deviation = moments(feed.column.reference, feed.values)[1]
    border = max(fence(usual, error), limits.jump * deviation)
    line = np.concatenate([[np.nan if feed.before is None else feed.before], feed.levels])
    rows = feed.column.window[:, :-1].sum(axis=1)
    noise = SURE * deviation * np.sqrt(1 / np.maximum(rows, 1) + 1 / np.maximum(np.append(rows[:1], rows[:-1]), 1))
    with np.errstate(invalid="ignore"):
        leaps = np.flatnonzero(np.abs(np.diff(line)) > np.hypot(border, noise))
    if len(leaps):
        day = int(leaps[0])
        yield Fault(feed.column.name, "jump", tuple(leaps.tolist()), float(line[day + 1]), float(line[day]))
