"""Parity: the ONNX file scores as the model that it was made from does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weighlock.errors import ModelError
from weighlock.learners.recipe import Model, matrix

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.scoring import Scorer

PARITY = 1e-5


def check_parity(model: Model, scorer: Scorer, rows: pd.DataFrame) -> float:
    """The largest difference of native and ONNX scores over all rows; for regression, as a share of their size.

    The size is the root mean square: single precision has seven digits of a value, however little it varies.

    Args:
        model: in scikit-learn's form.
        scorer: of the ONNX file that was made from it.
        rows: as `conform` makes them.

    Raises:
        ModelError: it is above 1e-5; the message names the row.
    """
    native = model.score(matrix(rows, model.schema))
    onnx = scorer.score(rows)
    scale = float(np.sqrt(np.mean(native**2))) if model.schema.task == "regression" else 1.0
    difference = np.abs(native - onnx).reshape(len(rows), -1).max(axis=1) / (scale or 1.0)
    worst = int(difference.argmax())
    if not difference[worst] <= PARITY:
        raise ModelError(
            f"native and ONNX scores differ by {difference[worst]:.2g} (allowed: {PARITY:g}) on row {worst} "
            f"and {int((~(difference <= PARITY)).sum()) - 1} more. The learner `{model.recipe.learner}` does not "
            "convert exactly; take it out of `train.learners`"
            + (", or try `train.calibration: never`." if model.recipe.calibration else ".")
        )
    return float(f"{difference[worst]:.1e}")
