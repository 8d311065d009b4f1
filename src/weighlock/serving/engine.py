"""Scores what waits: small requests that are there at the same moment go through the model together.

Nothing waits for company: what one turn of the event loop has brought is scored at its end. A row's scores do not hang
on its company. Large requests are scored in a thread of their own, so that small ones need not wait for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.monitoring.prediction_log import LogFailure, LogWriter, now
from weighlock.serving.background import Background
from weighlock.serving.measures import BATCH, Measures
from weighlock.serving.problems import Refused
from weighlock.serving.rows import Columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from weighlock.serving.answers import Answers
    from weighlock.serving.model import ServedModel
    from weighlock.serving.params import ServeParams
    from weighlock.serving.rows import Rows

LARGE = 32  # rows of a request from which on it is scored in a thread
logger = logging.getLogger("weighlock.serving")


@dataclass(slots=True)
class Request:
    """Rows that wait for their scores, who asks, and where the answer goes."""

    rows: Rows
    entity: str | None
    request: str | None
    answer: asyncio.Future[bytes]


class Engine:
    """Answers requests of one worker: scores, logs, then answers."""

    def __init__(
        self, model: ServedModel, answers: Answers, log: LogWriter, measures: Measures, params: ServeParams
    ) -> None:
        self._model = model
        self._answers = answers
        self._log = log
        self._measures = measures
        self._most = params.max_concurrent
        self._seconds = params.timeout_seconds
        self._answers_unlogged = params.on_log_failure == "answer"
        self._waiting: list[Request] = []
        self._busy = 0
        self._failing = False
        self._background = Background(self._score, self._scored)

    async def answer(self, rows: Rows, entity: str | None, request: str | None) -> bytes:
        """Score rows, log them, and return the body of the answer.

        Raises:
            Refused: too many requests are being scored, a row has no finite score, or the log cannot be written.
        """
        if self._busy >= self._most:
            raise Refused(
                "too-busy", f"{self._busy} requests are being scored already.", headers=[(b"retry-after", b"1")]
            )
        self._busy += 1
        try:
            loop = asyncio.get_running_loop()
            asked = Request(rows, entity, request, loop.create_future())
            if len(rows.values) >= LARGE:
                return await self._large(asked)
            self._waiting.append(asked)
            if len(self._waiting) == 1:
                loop.call_soon(self._score_waiting)
            return await asked.answer
        finally:
            self._busy -= 1

    def record(self, lines: Sequence[bytes]) -> None:
        """Log what is no prediction.

        Raises:
            LogFailure: none of it is in the log.
        """
        try:
            self._log.append(lines)
        except LogFailure as failure:
            self._told(failure)
            raise
        self._failing = False

    def close(self) -> None:
        """Give up the log's segment and the thread."""
        self._background.close()
        self._log.close()

    @property
    def busy(self) -> int:
        """How many requests are being scored."""
        return self._busy

    async def _large(self, request: Request) -> bytes:
        self._background.submit(request)
        try:
            async with asyncio.timeout(self._seconds):
                return await request.answer
        except TimeoutError:
            rows = len(request.rows.values)
            raise Refused("too-slow", f"{rows} rows took more than {self._seconds:g} seconds.") from None

    def _score_waiting(self) -> None:
        waiting = [r for r in self._waiting if not r.answer.done()]  # one may have given up
        self._waiting = []
        if not waiting:
            return
        try:
            scores = self._score(waiting)
        except Exception as error:  # onnxruntime's own errors have no common base
            self._scored(waiting, error)
        else:
            self._scored(waiting, scores)

    def _score(self, requests: Sequence[Request]) -> NDArray[np.float32]:
        columns = [r.rows.columns for r in requests if r.rows.columns]
        if len(columns) < len(requests):  # small ones have none
            return self._model.score_rows([values for r in requests for values in r.rows.values])
        return self._model.score_columns(Columns.together(columns))

    def _scored(self, requests: Sequence[Request], found: NDArray[np.float32] | Exception) -> None:
        """Share scores out among the requests that they are of, or the reason why there are none."""
        if isinstance(found, Exception):
            for request in requests:
                if not request.answer.done():
                    request.answer.set_exception(found)
            return
        self._measures.metrics.observe(self._measures.batch, BATCH, len(found))
        scored, start = [], 0
        for request in requests:
            end = start + len(request.rows.values)
            if not request.answer.done():
                scored.append((request, found[start:end]))
            start = end
        self._finish(scored)

    def _finish(self, scored: Sequence[tuple[Request, NDArray[np.float32]]]) -> None:
        """Log all rows with one write, then answer."""
        time = now()
        done: list[tuple[Request, bytes]] = []
        records: list[bytes] = []
        for request, scores in scored:
            try:
                answer, lines = self._answers.make(request.rows, scores, time, request.entity, request.request)
            except Exception as error:  # a Refused, or a defect: of this request alone
                request.answer.set_exception(error)
            else:
                done.append((request, answer))
                records.append(lines)
        refusal = self._logged(records[0] if len(records) == 1 else b"".join(records))
        for request, answer in done:
            if refusal:
                request.answer.set_exception(refusal)
            else:
                request.answer.set_result(answer)

    def _logged(self, lines: bytes) -> Refused | None:
        try:
            self._log.write(lines)
        except LogFailure as failure:
            self._told(failure)
            return None if self._answers_unlogged else Refused("log-failure", "The prediction log cannot be written.")
        self._failing = False
        return None

    def _told(self, failure: LogFailure) -> None:
        self._measures.metrics.add(self._measures.log_failures)
        if not self._failing:  # once, not for each request
            logger.error("%s Requests are %s.", failure, "answered" if self._answers_unlogged else "refused")
        self._failing = True
