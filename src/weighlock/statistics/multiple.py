"""Many looks at once: p-values that hold together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values: whoever rejects where one is at most .05 errs anywhere at most 5 % of the time (Holm, 1979).

    Args:
        p_values: (m,) in any order, however they depend on one another; none is fine.

    Returns:
        (m,) in the same order, each at least the p-value that it came from and at most 1.

    Raises:
        ValueError: one of them is no probability.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p-values should lie between 0 and 1; these are {values.tolist()}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1.0)
    return adjusted
