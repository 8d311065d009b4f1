"""Day profiles: a histogram of each feature and of the score for each day, which later days are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

BINS = 16
SCORE_BINS = 20
MISSING = "(missing)"
OTHER = "(other)"
SCORE = "(score)"


def day_profile(
    columns: pd.DataFrame, kinds: dict[str, str], scores: dict[str, Any], days: pd.Series | None, most: int
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
    bins: dict[str, Any] = {}
    tables = []
    for name, values in [*columns.items(), *((f"{SCORE}{k}", pd.Series(v, index=columns.index)) for k, v in scores.items())]:
        if kinds.get(str(name)) == "category":
            counts = values.value_counts()
            kept = sorted(counts.index, key=lambda c: (-counts[c], c))[:most]
            place = values.where(values.isin(kept), OTHER).where(values.notna(), MISSING)
            bins[str(name)] = {"categories": kept}
        else:
            known = values.dropna().to_numpy(dtype=float)
            edges = np.unique(np.quantile(known, np.linspace(0, 1, (SCORE_BINS if name in scores else BINS) + 1)[1:-1])) if len(known) else np.empty(0)
            numbers = np.searchsorted(edges, values.to_numpy(dtype=float), side="left")
            place = pd.Series(numbers.astype(str), index=values.index).where(values.notna(), MISSING)
            bins[str(name)] = {"edges": edges.tolist()}
        table = pd.DataFrame({"day": day, "bin": place}).groupby(["day", "bin"], sort=True).size().rename("rows").reset_index()
        table.insert(1, "column", str(name))
        tables.append(table)
    return pd.concat(tables, ignore_index=True), bins
