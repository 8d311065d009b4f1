"""Scores what waits: small requests that are there at the same moment go through the model together.

Nothing waits for company: what one turn of the event loop has brought is scored at its end. A row's scores do not hang
on its company. A large request is scored in a thread of its own, so that small ones need not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.monitoring.prediction_log import LogFailure, LogWriter, now
from weighlock.serving.measures import BATCH, Measures
from weighlock.serving.problems import Refused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from weighlock.serving.answers import Answers
    from weighlock.serving.model import ServedModel
    from weighlock.serving.params import ServeParams
    from weighlock.serving.reader import Rows

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
        self._thread = ThreadPoolExecutor(1, "scoring")

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
            if len(rows.values) >= LARGE:
                return await self._large(rows, entity, request)
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[bytes] = loop.create_future()
            self._waiting.append(Request(rows, entity, request, answer))
            if len(self._waiting) == 1:
                loop.call_soon(self._score_waiting)
            return await answer
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
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._log.close()

    @property
    def busy(self) -> int:
        """How many requests are being scored."""
        return self._busy

    async def _large(self, rows: Rows, entity: str | None, request: str | None) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                scores = await loop.run_in_executor(self._thread, self._score, rows)
        except TimeoutError:
            raise Refused("too-slow", f"{len(rows.values)} rows took more than {self._seconds:g} seconds.") from None
        self._measures.metrics.observe(self._measures.batch, BATCH, len(rows.values))
        answer: asyncio.Future[bytes] = loop.create_future()
        self._finish([(Request(rows, entity, request, answer), scores)])
        return answer.result()

    def _score(self, rows: Rows) -> NDArray[np.float32]:
        return self._model.score_columns(rows.columns) if rows.columns else self._model.score_rows(rows.values)

    def _score_waiting(self) -> None:
        waiting = [r for r in self._waiting if not r.answer.done()]  # one may have given up
        self._waiting = []
        if not waiting:
            return
        try:
            scores = self._model.score_rows([values for r in waiting for values in r.rows.values])
        except Exception as error:  # onnxruntime's own errors have no common base
            for request in waiting:
                request.answer.set_exception(error)
            return
        self._measures.metrics.observe(self._measures.batch, BATCH, len(scores))
        scored, start = [], 0
        for request in waiting:
            end = start + len(request.rows.values)
            scored.append((request, scores[start:end]))
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
