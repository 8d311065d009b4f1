"""Prediction files, as `evaluate` writes them: a row's key, truth and score, whoever's model it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.metrics import Scored

if TYPE_CHECKING:
    import pandas as pd

    from weighlock.schema import Task

NOT_SLICES = {"key", "time", "group", "truth", "score", "value"}


@dataclass(frozen=True)
class Predictions:
    """One model's scores of the holdout's rows.

    Attributes:
        name: as the user named it: a file, a folder, a git revision.
        frame: a row each, in the order of the keys: `key` (text), `time` (UTC) and `group` (text) where there are any,
            `truth` (0/1, the class's name, or the value), `score` | `score_<class>`… | `value`, slice columns (text).
        task: binary, multiclass or regression.
        target: what is predicted.
        classes: binary: the negative, then the positive; None for regression.
        threshold: for binary: a score from here on is labelled positive.
        model: the digest of the model that scored, `sha256:…`; None where the file does not say.
        trained_until: the newest row that it was trained on, such as 2013-08-04T03:59Z; None where nothing says so.
    """

    name: str
    frame: pd.DataFrame
    task: Task
    target: str
    classes: tuple[str, ...] | None
    threshold: float | None
    model: str | None
    trained_until: str | None

    @property
    def scored(self) -> Scored:
        """As metrics take them."""
        truth = self.frame["truth"]
        if self.task == "multiclass":
            names = list(self.classes or ())
            scores = self.frame[[f"score_{name}" for name in names]].to_numpy(dtype=np.float64)
            return Scored(self.task, truth.map({name: i for i, name in enumerate(names)}).to_numpy(), scores)
        column = "score" if self.task == "binary" else "value"
        kind = np.int64 if self.task == "binary" else np.float64
        return Scored(
            self.task, truth.to_numpy(dtype=kind), self.frame[column].to_numpy(dtype=np.float64), self.threshold
        )

    @property
    def slices(self) -> list[str]:
        """The names of the slice columns."""
        return [n for n in self.frame.columns if n not in NOT_SLICES and not n.startswith("score_")]
