"""Slices: which part of the rows, by one column's value, each row belongs to."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from weighlock.categories import most_frequent

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = "(missing)"
OTHER = "(other)"


def slice_labels(values: pd.Series, kind: str, most: int) -> pd.Series:
    """A name for each row: its category, or the quarter of the rows that its number is in.

    Args:
        values: (n,) one column, as `conform` makes it.
        kind: number, integer, boolean or category.
        most: how many categories stand for themselves, the largest first; the rest are `(other)`.
    """
    if kind in {"number", "integer"} and values.nunique() > most:
        return _quarters(values)
    if kind == "category":
        names = values.astype(object)
    elif kind == "boolean":
        names = values.map({1.0: "true", 0.0: "false"}).astype(object)
    else:
        levels = np.unique(values.dropna())
        names = values.map(dict(zip(levels, _texts(levels), strict=True))).astype(object)
    return names.where(names.isin(most_frequent(names, most)) | names.isna(), OTHER).where(names.notna(), MISSING)


def _quarters(values: pd.Series) -> pd.Series:
    edges = np.unique(np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1]))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    names = np.array([f"{low} to {high}" for low, high in pairwise(_texts(edges))], dtype=object)
    return pd.Series(np.where(values.isna(), MISSING, names[place]), index=values.index)


def _texts(numbers: NDArray[np.float64]) -> list[str]:
    """Distinct numbers in as few digits as tell them apart, six or more."""
    texts = ([f"{number:.{digits}g}" for number in numbers] for digits in range(6, 18))
    return next(t for t in texts if len(set(t)) == len(numbers))
