"""Scores as answers and as records of the prediction log."""

from __future__ import annotations

import math
import secrets
from itertools import compress, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from weighlock.monitoring.prediction_log import Answered, LogParams, Model, Record, redact
from weighlock.serving.problems import Fault, in_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from weighlock.scoring import Signature
    from weighlock.serving.measures import Measures
    from weighlock.serving.rows import Rows
    from weighlock.serving.settings import Identity


_UNSET: Any = repeat(UNSET)
_NONE: Any = repeat(None)


class Given(NamedTuple):
    """What each row's scores amount to, (n,) each; None: the task does not give it."""

    score: list[float] | None = None
    value: list[float] | None = None
    scores: list[dict[str, float]] | None = None
    label: list[str] | None = None


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
    predictions: msgspec.Raw


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
        self._made = 0

    def make(
        self, rows: Rows, scores: NDArray[np.float32], time: str, entity: str | None, request: str | None
    ) -> tuple[bytes, bytes]:
        """The answer to a request's rows, and the lines that the log must hold before it leaves.

        Args:
            rows: (n,) rows.
            scores: (n,) or (n, classes).
            time: when, as `monitoring.prediction_log.stamp` writes it.
            entity, request: as the client's headers name them.

        Raises:
            Refused: a row has no finite score.
        """
        given = self._given(scores)
        names = self._names(len(rows.sent))
        flags = [rows.flags.get(place) for place in range(len(names))] if rows.flags else None
        for flagged in rows.flags.values():
            self._measures.flagged(flagged)
        predictions = list(
            map(
                Prediction,
                names,
                given.score or _UNSET,
                given.scores or _UNSET,
                given.value or _UNSET,
                given.label or _UNSET,
                _UNSET if flags is None else [UNSET if f is None else f for f in flags],
            )
        )
        encoded = msgspec.Raw(self._encoder.encode(predictions))
        answer = self._encoder.encode(Answer(self._model, encoded))
        about = (time, entity, request)
        if rows.raw is not None and self._takes_all and not self._redacts:
            return answer, self._line(rows.raw, encoded, about)
        return answer, self._lines(names, rows, given, flags, about)

    def _line(self, rows: bytes, predictions: msgspec.Raw, about: tuple[str, str | None, str | None]) -> bytes:
        """The rows as one line of the log, from what came and what goes."""
        time, entity, request = about
        sent: Any = msgspec.Raw(rows)
        said: Any = predictions
        return self._encoder.encode_lines([Answered(time, self._logged_model, sent, said, entity, request)])

    def _lines(
        self,
        names: list[str],
        rows: Rows,
        given: Given,
        flags: list[list[str] | None] | None,
        about: tuple[str, str | None, str | None],
    ) -> bytes:
        """The rows as the log's lines, those that are not sampled left out."""
        log, (time, entity, request) = self._log, about
        if not log.sample:
            return b""
        columns = (names, rows.sent, *(column or _NONE for column in given), flags or _NONE)
        each: Iterable[Any] = zip(*columns, strict=False)  # those that repeat have no end
        if not self._takes_all:
            each = compress(each, [log.takes(name) for name in names])
        entity, request = log.header("entity", entity), log.header("request", request)
        model, redacts = self._logged_model, self._redacts
        return self._encoder.encode_lines(
            [
                Record(
                    name, time, model, redact(msgspec.to_builtins(row), log) if redacts else row,
                    entity, request, score, value, scores, label, flagged or [],
                )
                for name, row, score, value, scores, label, flagged in each
            ]
        )  # fmt: skip

    def _names(self, number: int) -> list[str]:
        """New ids: the worker's name, and a number."""
        start, worker = self._made + 1, self._worker
        self._made += number
        return [f"{worker}{place:08x}" for place in range(start, start + number)]

    def _given(self, scores: NDArray[np.float32]) -> Given:
        """What scores amount to, counted."""
        if self._task == "multiclass":
            return self._multiclass(scores)
        values: list[float] = scores.tolist()
        self._finite(values)
        if self._task == "regression":
            self._measures.scored(values, ())
            return Given(value=values)
        negative, positive = self._classes
        threshold = self._threshold
        labels = [positive if value >= threshold else negative for value in values]
        self._measures.scored(values, labels)
        return Given(score=values, label=labels)

    def _multiclass(self, scores: NDArray[np.float32]) -> Given:
        table: list[list[float]] = scores.tolist()
        self._finite([sum(row) for row in table])
        best = scores.argmax(axis=1).tolist()
        labels = [self._classes[place] for place in best]
        self._measures.scored([row[place] for row, place in zip(table, best, strict=True)], labels)
        return Given(scores=[dict(zip(self._classes, row, strict=True)) for row in table], label=labels)

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
