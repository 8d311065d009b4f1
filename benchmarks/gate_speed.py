"""What weighing two models on 27,000 rows takes, beside a loop over scikit-learn's metric functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sklearn.metrics as reference
from sklearn.calibration import calibration_curve

from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Scored, find_metric
from weighlock.statistics.paired import Estimate, Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS, DAYS, SLICES = 27_000, 29, 20
METRICS = ("log_loss", "roc_auc", "calibration_error", "average_precision", "f1")


@dataclass(frozen=True)
class Weighing:
    """Two models on a month of rows, and the slices that each row is in one of."""

    challenger: Scored
    champion: Scored
    days: NDArray[np.int64]
    slices: NDArray[np.int64]

    @classmethod
    def draw(cls, random: np.random.Generator) -> Weighing:
        """A fifth to a fourth of the rows are positive, as on the flights."""
        days = np.sort(random.integers(0, DAYS, ROWS))
        chance = random.normal(size=ROWS) + 0.7 * random.normal(size=DAYS)[days] - 1.6
        truth = (random.random(ROWS) < _share(chance)).astype(np.int64)
        first, second = (
            Scored("binary", truth, _share(chance + spread * random.normal(size=ROWS)), 0.3) for spread in (0.5, 0.6)
        )
        return cls(first, second, days, random.integers(0, SLICES, ROWS))

    def weigh(self, resampling: Resampling) -> list[Estimate]:
        """The metrics' differences, then the slices'."""
        units = Units.days(self.days)
        found = [
            difference(find_metric(name, "binary"), self.challenger, self.champion, units, resampling)
            for name in METRICS
        ]
        log_loss = find_metric("log_loss", "binary")
        for number in range(SLICES):
            chosen = self.slices == number
            first, second = (
                Scored(s.task, s.truth[chosen], s.scores[chosen], s.threshold) for s in (self.challenger, self.champion)
            )
            found.append(difference(log_loss, first, second, units.where(chosen), resampling))
        return found

    def loop(self, random: np.random.Generator, resamples: int) -> None:
        """The same from resampled rows, by scikit-learn."""
        by_day = [np.flatnonzero(self.days == day) for day in range(DAYS)]
        for _ in range(resamples):
            rows = np.concatenate([by_day[day] for day in random.integers(0, DAYS, DAYS)])
            truth, slices = self.challenger.truth[rows], self.slices[rows]
            for model in (self.challenger, self.champion):
                scores = model.scores[rows]
                reference.log_loss(truth, scores)
                reference.roc_auc_score(truth, scores)
                calibration_curve(truth, scores, n_bins=10, strategy="quantile")
                reference.average_precision_score(truth, scores)
                reference.f1_score(truth, scores >= model.threshold)
                for number in range(SLICES):
                    chosen = slices == number
                    reference.log_loss(truth[chosen], scores[chosen])


def _share(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logit)))
