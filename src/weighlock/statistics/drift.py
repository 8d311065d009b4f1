"""Drift of columns between a reference and a window, days being the unit, all columns under one threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.drift_chance import Chance, chances
from weighlock.statistics.drift_distance import Column, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


LEAST_DAYS = 5
POWER = 0.8416  # the normal quantile of .8


@dataclass(frozen=True)
class Drift:
    """One measure of one column.

    Attributes:
        column: its name.
        measure: `shift` in standard deviations of the reference, `mix` from 0 to 1, `nulls` as a share.
        distance: of window and reference, as found.
        effect: what of it is beyond chance.
        floor: the effect below which nothing is called drift.
        score: by how many tails of chance the distance lies above what is usual.
        limit: the score from which on it is drift: the same for all columns.
        smallest: the effect that would have been called drift four times in five.
    """

    column: str
    measure: Measure
    distance: float
    effect: float
    floor: float
    score: float
    limit: float
    smallest: float

    @property
    def drifted(self) -> bool:
        """Whether it is beyond chance, and large enough to matter."""
        return self.score > self.limit and self.effect >= self.floor


def drifts(
    columns: Sequence[Column], floors: Mapping[Measure, float], error: float, random: np.random.Generator
) -> list[Drift]:
    """Every measure of every column; where nothing drifts, any of them is called drift at most as often as `error`.

    Distances are held against what splits of all days at random come to, each measured by its own tail; the limit is
    that of the largest of all (max-T: Westfall & Young, 1993).

    Args:
        columns: of the same days, in order of time.
        floors: by measure.
        error: such as .025.
        random: for draws.

    Raises:
        ValueError: fewer than five days with rows on either side.
    """
    window, reference = (int((side.sum(axis=1) > 0).sum()) for side in (columns[0].window, columns[0].reference))
    if min(window, reference) < LEAST_DAYS:
        raise ValueError(f"{window} days of window and {reference} of reference: it takes {LEAST_DAYS} of either")
    found = chances(columns, error, random)
    largest = np.max([chance.draws for chance in found], axis=0)
    limit = max(float(np.quantile(largest, 1 - error, method="higher")), 1.0)
    return [_drift(chance, columns[chance.column], floors[chance.measure], limit) for chance in found]


def _drift(chance: Chance, column: Column, floor: float, limit: float) -> Drift:
    border = chance.usual + limit * chance.tail * chance.spread
    return Drift(
        column.name,
        chance.measure,
        chance.found,
        _beyond(chance.measure, chance.found, chance.usual),
        floor,
        chance.score,
        limit,
        max(floor, _beyond(chance.measure, border + POWER * chance.spread, chance.usual)),
    )


def _beyond(measure: Measure, found: float, usual: float) -> float:
    """Jensen and Shannon's divergence is what adds up; Wasserstein's distance and shares do as they are."""
    return float(np.sqrt(max(found**2 - usual**2, 0.0))) if measure == "mix" else max(found - usual, 0.0)
