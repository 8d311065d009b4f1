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
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from weighlock.scoring import Signature
    from weighlock.serving.measures import Measures
    from weighlock.serving.reader import Rows
    from weighlock.serving.settings import Identity


# score, value, scores by class, label: those that the task gives, the rest None
Given = tuple[float | None, float | None, dict[str, float] | None, str | None]


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
        self._takes_all = log.sample >= 1
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
        log = self._log
        entity, request = log.header("entity", entity), log.header("request", request)
        given = self._given(scores)
        predictions, records = [], []
        encode, model = self._encoder.encode, self._logged_model
        for place, (row, (score, value, by_class, label)) in enumerate(zip(rows.sent, given, strict=True)):
            name = f"{self._worker}{next(self._number):08x}"
            flags = rows.flags.get(place)
            predictions.append(
                Prediction(
                    name,
                    UNSET if score is None else score,
                    UNSET if by_class is None else by_class,
                    UNSET if value is None else value,
                    UNSET if label is None else label,
                    UNSET if flags is None else flags,
                )
            )
            if self._takes_all or log.takes(name):
                features = redact(msgspec.to_builtins(row), log) if self._redacts else row
                record = Record(
                    name, time, model, features, entity, request, score, value, by_class, label, flags or []
                )
                records.append(encode(record))
        for flagged in rows.flags.values():
            self._measures.flagged(flagged)
        return encode(Answer(self._model, predictions)), records

    def _given(self, scores: NDArray[np.float32]) -> Iterable[Given]:
        """What each row's scores amount to, counted."""
        if self._task == "multiclass":
            return self._multiclass(scores)
        values: list[float] = scores.tolist()
        self._finite(values)
        if self._task == "regression":
            self._measures.scored(values, ())
            return [(None, value, None, None) for value in values]
        negative, positive = self._classes
        threshold = self._threshold
        labels = [positive if value >= threshold else negative for value in values]
        self._measures.scored(values, labels)
        return [(value, None, None, label) for value, label in zip(values, labels, strict=True)]

    def _multiclass(self, scores: NDArray[np.float32]) -> Iterable[Given]:
        table: list[list[float]] = scores.tolist()
        self._finite([sum(row) for row in table])
        best = scores.argmax(axis=1).tolist()
        labels = [self._classes[place] for place in best]
        self._measures.scored([row[place] for row, place in zip(table, best, strict=True)], labels)
        by_class = [dict(zip(self._classes, row, strict=True)) for row in table]
        return [(None, None, scores, label) for scores, label in zip(by_class, labels, strict=True)]

    @staticmethod
    def _finite(values: Sequence[float]) -> None:
        if math.isfinite(sum(values)):
            return
        faults = [
            Fault(row, None, "has no finite score; a number in it is too large")
            for row, value in enumerate(values)
            if not math.isfinite(value)
        ]
        if faults:
            raise in_rows(faults)
