"""Distances between histograms: of many pairs at once, as permuting days asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

Measure = Literal["shift", "mix", "nulls"]
# A spread below these, each over the root of the rows, is a sample's that has seen too little.
LEAST_SPREAD: dict[Measure, float] = {"shift": 0.2, "mix": 0.2, "nulls": 0.1}


@dataclass(frozen=True)
class Column:
    """What days hold of one column: rows by bin.

    Attributes:
        name: of a feature or a score.
        reference: (R, B + 1) rows by reference day and bin; the last bin is of missing values.
        window: (W, B + 1) rows by day of the window and the same bins.
        steps: (B - 1,) from the middle of each bin to that of the next, in standard deviations of the reference; None
            where bins are categories, which have no order.
    """

    name: str
    reference: Counts
    window: Counts
    steps: Floats | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is compared."""
        return ("mix" if self.steps is None else "shift", "nulls")


def distance(measure: Measure, first: Counts | Floats, second: Counts | Floats, steps: Floats | None) -> Floats:
    """The distance of each pair of histograms.

    Args:
        measure: `shift`: Wasserstein's distance of what is not missing, in standard deviations; `mix`: Jensen and
            Shannon's (the root of the divergence to base 2, from 0 to 1), missing being a category like others;
            `nulls`: of the shares of missing values.
        first: (…, B + 1) rows by bin, the last one missing.
        second: the same.
        steps: as in `Column`.

    Returns:
        (…,) distances; 0 where either side has no row to compare.
    """
    if measure == "nulls":
        return np.abs(_shares(first)[..., -1] - _shares(second)[..., -1])
    if measure == "mix":
        return _jensen_shannon(_shares(first), _shares(second))
    below = np.cumsum(_shares(first[..., :-1]), axis=-1) - np.cumsum(_shares(second[..., :-1]), axis=-1)
    known = (first[..., :-1].sum(axis=-1) > 0) & (second[..., :-1].sum(axis=-1) > 0)
    return np.asarray(np.where(known, np.abs(below[..., :-1]) @ np.asarray(steps), 0.0))


def middles(edges: Floats) -> Floats:
    """(B,) a value that stands for each of the bins between B - 1 edges; the outer ones as wide as their neighbours."""
    if len(edges) == 0:
        return np.zeros(1)
    if len(edges) == 1:
        width = max(abs(float(edges[0])), 1.0) / 2
        return np.array([edges[0] - width, edges[0] + width])
    inner = (edges[1:] + edges[:-1]) / 2
    return np.concatenate([[edges[0] - (edges[1] - edges[0]) / 2], inner, [edges[-1] + (edges[-1] - edges[-2]) / 2]])


def moments(counts: Counts, values: Floats) -> tuple[float, float]:
    """The mean and the standard deviation of binned values; a deviation of 0 is told as 1.

    Args:
        counts: (D, B + 1) rows by day and bin.
        values: (B,) that stand for the bins.
    """
    rows = counts[:, :-1].sum(axis=0)
    if rows.sum() == 0:
        return 0.0, 1.0
    mean = float(rows @ values / rows.sum())
    deviation = float(np.sqrt(rows @ (values - mean) ** 2 / rows.sum()))
    return mean, deviation or 1.0


def _shares(counts: Counts | Floats) -> Floats:
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(total, 1))


def _jensen_shannon(first: Floats, second: Floats) -> Floats:
    middle = (first + second) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(p > 0, p * np.log2(p / middle), 0.0).sum(axis=-1) for p in (first, second)]
    known = (first.sum(axis=-1) > 0) & (second.sum(axis=-1) > 0)
    return np.asarray(np.where(known, np.sqrt(np.clip((parts[0] + parts[1]) / 2, 0.0, 1.0)), 0.0))
