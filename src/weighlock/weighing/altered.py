"""A model whose scores can be changed row by row, for the better and for the worse, by known means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.statistics.metrics import Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.statistics.paired import Units
    from weighlock.weighing.predictions import Predictions


@dataclass(frozen=True)
class Altered:
    """One model, and what its scores are changed towards.

    Attributes:
        base: the model.
        scored: its n rows.
        truth: the scores of someone who knows it; (n,) or (n, classes), as all scores here.
        others: each row's are another row's.
        contrary: each row's are those of a row that came out otherwise.
        rank: (n,) the place of each row in the order in which they change.
        heads: (n,) which of two equal models loses a row's score; the same for all rows of a cluster.
    """

    base: Predictions
    scored: Scored
    truth: NDArray[np.float64]
    others: NDArray[np.float64]
    contrary: NDArray[np.float64]
    rank: NDArray[np.intp]
    heads: NDArray[np.bool_]

    @classmethod
    def of(cls, base: Predictions, units: Units, seed: int) -> Altered:
        """Fix the order of the rows and what they change to.

        Args:
            base: the model.
            units: of its rows.
            seed: the same seed makes the same.
        """
        found = base.scored
        scored = replace(found, scores=np.asarray(found.scores, dtype=np.float64))
        rows, classes = len(scored.truth), scored.scores.shape[1:]
        random = np.random.default_rng(seed)
        clusters = int(units.clusters.max()) + 1
        coins = (random.permutation(clusters) + random.integers(2)) % 2 == 0
        return cls(
            base,
            scored,
            truth=np.eye(*classes)[scored.truth] if classes else scored.truth.astype(np.float64),
            others=scored.scores[random.permutation(rows)],
            contrary=scored.scores[_otherwise(scored, random)],
            rank=random.permutation(rows),
            heads=coins[units.clusters],
        )

    @property
    def row(self) -> float:
        """The share of the rows that one row is."""
        return 1 / len(self.rank)

    def worse(self, share: float) -> Scored:
        """The model without what it knew of the first rows."""
        return self._mixed(self.others, self._first(share))

    def without_last(self, share: float) -> Scored:
        """The model without what it knew of the last rows."""
        return self._mixed(self.others, self.rank >= (1 - share) * len(self.rank))

    def misled(self, share: float) -> Scored:
        """The model with its first rows taken for such as come out otherwise."""
        return self._mixed(self.contrary, self._first(share))

    def better(self, share: float) -> Scored:
        """The model with the truth of the first rows."""
        return self._mixed(self.truth, self._first(share))

    def twins(self, share: float) -> tuple[Scored, Scored]:
        """Two models without what the model knew of the first rows: one in some clusters, one in the others.

        Which is which a coin says, so that they are equal but for chance.
        """
        lost = self.rank < share * len(self.rank)
        return self._mixed(self.others, lost & self.heads), self._mixed(self.others, lost & ~self.heads)

    def predictions(self, scored: Scored, name: str) -> Predictions:
        """As a file of predictions, whose model has no digest."""
        if self.base.task == "multiclass":
            columns = {f"score_{c}": scored.scores[:, i] for i, c in enumerate(self.base.classes or ())}
        else:
            columns = {"score" if self.base.task == "binary" else "value": scored.scores}
        return replace(self.base, name=name, frame=self.base.frame.assign(**columns), model=None)

    def _first(self, share: float) -> NDArray[np.float64]:
        """(n,) 1 for the first rows, 0 for the last, and a fraction for the one between: no steps in the share."""
        return np.clip(share * len(self.rank) - self.rank, 0.0, 1.0)

    def _mixed(self, towards: NDArray[np.float64], weights: NDArray[Any]) -> Scored:
        weight = weights.astype(np.float64).reshape(-1, *[1] * (towards.ndim - 1))
        return replace(self.scored, scores=(1 - weight) * self.scored.scores + weight * towards)


def _otherwise(scored: Scored, random: np.random.Generator) -> NDArray[np.intp]:
    """(n,) for each row some row of another class, or from the other side of the median; itself where there is none."""
    side = scored.truth > np.median(scored.truth) if scored.task == "regression" else scored.truth
    chosen = np.arange(len(side))
    for here in np.unique(side):
        there = np.flatnonzero(side != here)
        if len(there):
            chosen[side == here] = random.choice(there, int(np.count_nonzero(side == here)))
    return chosen
