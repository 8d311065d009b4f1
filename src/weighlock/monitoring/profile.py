"""Day profiles: a histogram of each feature and of the score for each day, which later days are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from weighlock.categories import most_frequent

BINS = 16
SCORE_BINS = 20
MISSING = "(missing)"
OTHER = "(other)"
SCORE = "(score)"


def day_profile(
    columns: pd.DataFrame, kinds: Mapping[str, str], scores: dict[str, Any], days: pd.Series | None, most: int
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows by day, column and bin, and what the bins are.

    Args:
        columns: (n, k) features, as `conform` makes them.
        kinds: each feature's type.
        scores: (n,) each, by name; the score of binary or regression, or of each class.
        days: (n,) the local day; None where there is no time, then all rows are of one day.
        most: how many categories of a feature are told apart.

    Returns:
        The profile, in long form: `day`, `column`, `bin`, `rows`, only bins that have rows; and by column the edges
        between its bins (numbers: bin i holds edges[i-1] < x <= edges[i]) or its categories.
    """
    day = pd.Series("all", index=columns.index) if days is None else days.dt.strftime("%Y-%m-%d")
    scored = {f"{SCORE}{name}": pd.Series(values, index=columns.index) for name, values in scores.items()}
    bins: dict[str, Any] = {}
    tables = []
    for name, values in {**dict(columns.items()), **scored}.items():
        cut = _categories if kinds.get(str(name)) == "category" else _intervals
        place, bins[str(name)] = cut(values, most if cut is _categories else SCORE_BINS if name in scored else BINS)
        rows = pd.DataFrame({"day": day, "bin": place}).groupby(["day", "bin"], sort=True).size()
        table = rows.rename("rows").reset_index()
        table.insert(1, "column", str(name))
        tables.append(table)
    return pd.concat(tables, ignore_index=True), bins


def _categories(values: pd.Series, most: int) -> tuple[pd.Series, dict[str, Any]]:
    kept = most_frequent(values, most)
    return values.where(values.isin(kept), OTHER).where(values.notna(), MISSING), {"categories": kept}


def _intervals(values: pd.Series, count: int) -> tuple[pd.Series, dict[str, Any]]:
    known = values.dropna().to_numpy(dtype=float)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, count + 1)[1:-1])) if len(known) else known
    numbers = np.searchsorted(edges, values.to_numpy(dtype=float), side="left").astype(str)
    return pd.Series(numbers, index=values.index).where(values.notna(), MISSING), {"edges": edges.tolist()}
