"""What distances come to by chance: all days of both sides, put together and split anew at random.

Every day has as many rows as the window's have, so that a window of few rows is held against windows of few rows. And
neighbouring days are alike: a week that follows one another differs more than seven days drawn at random do. By how
much, each column's own days say, and what was found counts for that much less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.drift_distance import LEAST_SPREAD, Column, Measure, distance
from weighlock.statistics.paired import autocorrelation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

SPLITS = 600
RARELY = 0.99  # what so many draws stay below is told as it is: a day in the year without any weather
OFTEN = 0.8  # the quantile of draws above which their tail is looked at


@dataclass(frozen=True)
class Chance:
    """One measure of one column, and what it comes to where nothing has drifted.

    Attributes:
        column: its place among the columns.
        measure: of distance.
        found: the window's distance from the reference.
        usual: the mean distance by chance.
        spread: its standard deviation, widened where neighbouring days are alike.
        tail: how many spreads it hardly ever exceeds: of storms that come once a month, many.
        score: by how many tails what was found lies above what is usual.
        draws: (k,) the same for each split.
    """

    column: int
    measure: Measure
    found: float
    usual: float
    spread: float
    tail: float
    score: float
    draws: Floats


def chances(columns: Sequence[Column], error: float, random: np.random.Generator) -> list[Chance]:
    """Every measure of every column, against splits of all days at random (Pitman, 1937), the same for all columns.

    Args:
        columns: of the same days, in order of time.
        error: how often any of them may exceed its tail.
        random: thins days and draws splits.
    """
    length = len(columns[0].window)
    days = len(columns[0].reference) + length
    chosen = np.zeros((SPLITS, days))
    np.put_along_axis(chosen, np.argsort(random.random((SPLITS, days)), axis=1)[:, :length], 1.0, axis=1)
    each = error / sum(len(column.measures) for column in columns)
    return [
        chance for place, column in enumerate(columns) for chance in _of_column(place, column, chosen, each, random)
    ]


def thinned(counts: Counts, rows: NDArray[np.int64], random: np.random.Generator) -> Counts:
    """Days with only so many rows, drawn without putting back; where a day has fewer, with putting back.

    Args:
        counts: (D, B) rows by day and bin.
        rows: (D,) how many to draw of each; of a day without rows none can be.
    """
    total = counts.sum(axis=1)
    drawn = np.zeros_like(counts)
    left, wanted = total.copy(), np.where(total > 0, np.minimum(rows, total), 0)
    for place in np.flatnonzero(counts.any(axis=0)):
        left -= counts[:, place]
        drawn[:, place] = random.hypergeometric(counts[:, place], left, wanted)
        wanted -= drawn[:, place]
    more = (rows > total) & (total > 0)
    if more.any():
        drawn[more] = random.multinomial(rows[more], counts[more] / total[more, None])
    return drawn


def inflation(counts: Counts | Floats, steps: Floats | None, window: NDArray[np.bool_]) -> float:
    """By how much likeness of neighbouring days inflates a variance: of their means, or of their main mixture.

    Args:
        counts: (D, B + 1) rows by day and bin, days in order of time.
        steps: as in `Column`.
        window: (D,) which days are the window's; its own mean and the reference's are taken out.
    """
    known = counts.sum(axis=1) > 0
    shares = counts[known] / counts[known].sum(axis=1, keepdims=True)
    if steps is None:
        centred = shares - shares.mean(axis=0)
        line = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    else:
        line = shares[:, :-1] @ np.concatenate([[0.0], np.cumsum(steps)])
    for side in (window[known], ~window[known]):
        if side.any():
            line[side] -= line[side].mean()
    return autocorrelation(line)[0]


def tail_of(scores: Floats, error: float) -> float:
    """What scores exceed as often as `error`, where those above their 80 % quantile are exponential.

    Args:
        scores: (k,) of draws.
        error: far smaller than 20 %.
    """
    often = float(np.quantile(scores, OFTEN))
    return often + float(np.mean(scores[scores >= often] - often)) * float(np.log((1 - OFTEN) / error))


def _of_column(place: int, column: Column, chosen: Floats, error: float, random: np.random.Generator) -> list[Chance]:
    rows = column.window.sum(axis=1)
    # the largest days of the window would be thinned, too, were they rare; they are not, so that means do
    wanted = np.full(len(column.reference), max(round(float(rows[rows > 0].mean())), 1))
    both = np.concatenate([column.window, thinned(column.reference, wanted, random)]).astype(np.float64)
    window = np.arange(len(both)) < len(rows)
    widening = float(np.sqrt(inflation(both, column.steps, window)))
    first, least = chosen @ both, float(np.sqrt(rows.sum()))
    second = both.sum(axis=0) - first
    found = []
    for measure in column.measures:
        against = float(distance(measure, both[window].sum(axis=0), both[~window].sum(axis=0), column.steps))
        draws = distance(measure, first, second, column.steps)
        usual, spread = float(draws.mean()), max(float(draws.std()), LEAST_SPREAD[measure] / least)
        scores = (draws - usual) / spread
        tail = max(tail_of(scores, error), float(np.quantile(scores, RARELY)), 1.0)
        score = (against - usual) / (spread * widening * tail)
        found.append(Chance(place, measure, against, usual, spread * widening, tail, score, scores / tail))
    return found
