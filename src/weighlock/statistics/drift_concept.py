"""Whether what a feature means for the outcome has changed: what a correction by it would gain on days it has not seen.

The correction is learnt from three days of four and applied to the fourth. It moves rows of one category against
the others', never all of them together: that a season has more positives is no news that a retraining could use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from weighlock.statistics.metrics import Scored, log_losses
from weighlock.statistics.paired import Estimate, Units, mean_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 8
FOLDS = 4
RIDGE = 40.0  # rows' worth of doubt that a category differs at all
FARTHEST = 6.0  # logits
CLIP = 1e-6
CLOSE = 1e-5  # logits


def correction_gain(scored: Scored, groups: NDArray[np.intp], days: NDArray[np.int64]) -> Estimate:
    """What correcting the scores by group gains in log loss, a row; paired, days being the unit.

    Args:
        scored: (n,) rows of a binary task.
        groups: (n,) the number of each row's category or bin, from 0 on.
        days: (n,) the number of each row's day, two different ones at least.

    Raises:
        ValueError: there is but one day.
    """
    number = np.unique(days, return_inverse=True)[1]
    if number.max() < 1:
        raise ValueError("a correction is learnt on some days and tried on others; there is one alone")
    logits = _logit(np.asarray(scored.scores, dtype=np.float64))
    corrected = logits.copy()
    folds = min(FOLDS, int(number.max()) + 1)
    for fold in range(folds):
        learn, apply = number % folds != fold, number % folds == fold
        centred = logits - logits[learn].mean()
        truth = np.asarray(scored.truth[learn], dtype=np.float64)
        offsets, slopes = _moves(logits[learn], centred[learn], truth, groups[learn], int(groups.max()) + 1)
        corrected[apply] += offsets[groups[apply]] + slopes[groups[apply]] * centred[apply]
    better = Scored("binary", scored.truth, 1 / (1 + np.exp(-corrected)))
    # where nothing has changed, gains are losses: that days may be alike needs no allowance
    return mean_difference(log_losses(scored) - log_losses(better), Units(number))


def _moves(
    logits: Floats, centred: Floats, truth: Floats, groups: NDArray[np.intp], count: int
) -> tuple[Floats, Floats]:
    """(g,) offsets and (g,) slopes by group, beside what all rows share: penalised likelihood, by Newton's steps.

    A slope is what tells labels that are the other way round where half of them are positive.
    """

    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(groups, weights=values, minlength=count), dtype=np.float64)

    shared = 0.0
    for _ in range(STEPS):
        given = 1 / (1 + np.exp(-(logits + shared)))
        step = float((truth - given).sum() / max((given * (1 - given)).sum(), CLIP))
        shared = float(np.clip(shared + step, -FARTHEST, FARTHEST))
        if abs(step) < CLOSE:
            break
    offsets, slopes, doubt = np.zeros(count), np.zeros(count), RIDGE / 4
    for _ in range(STEPS):
        given = 1 / (1 + np.exp(-(logits + shared + offsets[groups] + slopes[groups] * centred)))
        left, weight = truth - given, given * (1 - given)
        up, steep = summed(left) - doubt * offsets, summed(left * centred) - doubt * slopes
        bend, cross, twist = summed(weight) + doubt, summed(weight * centred), summed(weight * centred**2) + doubt
        determinant = bend * twist - cross**2
        further = np.clip((twist * up - cross * steep) / determinant, -1.0, 1.0)
        steeper = np.clip((bend * steep - cross * up) / determinant, -1.0, 1.0)
        offsets, slopes = offsets + further, slopes + steeper
        if max(np.abs(further).max(), np.abs(steeper).max()) < CLOSE:
            break
    rows = np.bincount(groups, minlength=count) / max(len(groups), 1)
    return offsets - offsets @ rows, slopes - slopes @ rows


def _logit(scores: Floats) -> Floats:
    kept = np.clip(scores, CLIP, 1 - CLIP)
    return np.asarray(np.log(kept / (1 - kept)))
