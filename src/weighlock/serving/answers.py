"""Scores as answers and as records of the prediction log."""

from __future__ import annotations

import math
import secrets
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from weighlock.monitoring.prediction_log import LogParams, Model, Record, redact
from weighlock.serving.problems import Fault, in_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from weighlock.scoring import Signature
    from weighlock.serving.measures import Measures
    from weighlock.serving.reader import Rows
    from weighlock.serving.settings import Identity


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """One answered row; by task it has `score` and `label`, `scores` and `label`, or `value`."""

    id: str
    score: float | UnsetType = UNSET
    scores: dict[str, float] | UnsetType = UNSET
    value: float | UnsetType = UNSET
    label: str | UnsetType = UNSET
    flags: list[str] | UnsetType = UNSET


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The body of an answer."""

    model: msgspec.Raw
    predictions: list[Prediction]


class Answers:
    """Makes answers and records for one model in one worker."""

    def __init__(self, signature: Signature, model: Identity, log: LogParams, measures: Measures) -> None:
        self._task = signature.task
        self._classes = signature.classes or ()
        # compared as evaluation compares: in the scores' own precision
        self._threshold = float(np.float32(0.5 if signature.threshold is None else signature.threshold))
        about = {"name": model.name, "version": model.version, "digest": model.digest}
        self._model = msgspec.Raw(msgspec.json.encode(about))
        self._logged_model: Any = msgspec.Raw(msgspec.json.encode(Model(**about)))
        self._log = log
        self._redacts = bool(log.hash or log.drop)
        self._measures = measures
        self._encoder = msgspec.json.Encoder()
        self._worker = secrets.token_hex(8)
        self._number = count(1)

    def make(
        self, rows: Rows, scores: NDArray[np.float32], time: str, entity: str | None, request: str | None
    ) -> tuple[bytes, list[bytes]]:
        """The answer to a request's rows, and the records that the log must hold before it leaves.

        Args:
            rows: (n,) rows.
            scores: (n,) or (n, classes).
            time: when, as `monitoring.prediction_log.stamp` writes it.
            entity, request: as the client's headers name them.

        Raises:
            Refused: a row has no finite score.
        """
        predictions = self._predictions(rows, scores)
        answer = self._encoder.encode(Answer(self._model, predictions))
        log = self._log
        entity, request = log.header("entity", entity), log.header("request", request)
        taken = [log.takes(p.id) for p in predictions] if log.sample < 1 else None
        encode = self._encoder.encode
        model, redacts = self._logged_model, self._redacts
        records = [
            encode(
                Record(
                    p.id,
                    time,
                    model,
                    redact(msgspec.to_builtins(row), log) if redacts else row,
                    entity,
                    request,
                    None if p.score is UNSET else p.score,
                    None if p.value is UNSET else p.value,
                    None if p.scores is UNSET else p.scores,
                    None if p.label is UNSET else p.label,
                    [] if p.flags is UNSET else p.flags,
                )
            )
            for place, (p, row) in enumerate(zip(predictions, rows.sent, strict=True))
            if taken is None or taken[place]
        ]
        return answer, records

    def _predictions(self, rows: Rows, scores: NDArray[np.float32]) -> list[Prediction]:
        flags = rows.flags
        ids = [f"{self._worker}{next(self._number):08x}" for _ in rows.sent]
        if self._task == "multiclass":
            return self._multiclass(ids, scores, flags)
        values: list[float] = scores.tolist()
        self._finite(values)
        if self._task == "regression":
            self._measures.scored(values, ())
            return [
                Prediction(name, value=value, flags=flags.get(place, UNSET) if flags else UNSET)
                for place, (name, value) in enumerate(zip(ids, values, strict=True))
            ]
        negative, positive = self._classes
        labels = [positive if value >= self._threshold else negative for value in values]
        self._measures.scored(values, labels)
        return [
            Prediction(name, score=value, label=label, flags=flags.get(place, UNSET) if flags else UNSET)
            for place, (name, value, label) in enumerate(zip(ids, values, labels, strict=True))
        ]

    def _multiclass(
        self, ids: Sequence[str], scores: NDArray[np.float32], flags: dict[int, list[str]]
    ) -> list[Prediction]:
        best = scores.argmax(axis=1).tolist()
        table: list[list[float]] = scores.tolist()
        self._finite([sum(row) for row in table])
        labels = [self._classes[place] for place in best]
        self._measures.scored([row[place] for row, place in zip(table, best, strict=True)], labels)
        return [
            Prediction(
                name, scores=dict(zip(self._classes, row, strict=True)), label=label, flags=flags.get(place, UNSET)
            )
            for place, (name, row, label) in enumerate(zip(ids, table, labels, strict=True))
        ]

    @staticmethod
    def _finite(values: Sequence[float]) -> None:
        if not math.isfinite(sum(values)):
            faults = [
                Fault(row, None, "has no finite score; a number in it is too large")
                for row, value in enumerate(values)
                if not math.isfinite(value)
            ]
            if faults:
                raise in_rows(faults)
