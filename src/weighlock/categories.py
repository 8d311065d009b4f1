"""Categories: which of a column's values stand for themselves where only so many can."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def most_frequent(values: pd.Series, limit: int) -> list[str]:
    """The most frequent values, at most `limit`; by name where equally frequent, so that order is no accident."""
    counts = values.value_counts()
    return sorted(counts.index, key=lambda name: (-counts[name], name))[:limit]
