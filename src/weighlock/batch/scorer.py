"""The scorer of everything else, fed by Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.errors import EvidenceError
from weighlock.scoring import Scorer, read_signature
from weighlock.scoring.scorer import MODEL_FILE, SIGNATURE_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from weighlock.batch.feeds import Feeds


class BatchScorer(Scorer):
    """A scorer that takes feeds as `make_feeds` makes them, so that no value is looked at twice."""

    @classmethod
    def open(cls, folder: Path, threads: int = 1) -> BatchScorer:
        """The model of a folder; many threads may score at once.

        Raises:
            EvidenceError: it is missing, torn, or not that of its signature.
        """
        signature = read_signature(folder / SIGNATURE_FILE)
        try:
            content = (folder / MODEL_FILE).read_bytes()
        except OSError as error:
            raise EvidenceError(f"`{folder / MODEL_FILE}` cannot be read: {error.strerror or error}.") from error
        return cls(content, signature, threads=threads)

    def score_feeds(self, feeds: Feeds) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Scores, (n,) or (n, classes), and which of the rows have a finite one, (n,)."""
        if not len(next(iter(feeds.columns.values()))):
            classes = self.signature.classes if self.signature.task == "multiclass" else None
            return np.empty((0, len(classes)) if classes else 0, dtype=np.float32), np.empty(0, dtype=np.bool_)
        scores = self._run(feeds.columns)
        finite = np.isfinite(scores)
        return scores, finite if finite.ndim == 1 else np.logical_and.reduce(finite, axis=1)

    def labels(self, scores: NDArray[np.float32]) -> NDArray[np.integer[Any]] | None:
        """The place of each row's label among the signature's classes; None for regression."""
        task = self.signature.task
        if task == "regression":
            return None
        if task == "multiclass":
            best: NDArray[np.integer[Any]] = scores.argmax(axis=1).astype(np.int32)
            return best
        threshold = np.float32(0.5 if self.signature.threshold is None else self.signature.threshold)
        return (scores >= threshold).astype(np.int32)
