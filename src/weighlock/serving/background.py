"""Scores large requests in a thread of their own, all that wait together.

While onnxruntime works, which needs no interpreter, the event loop reads the next requests and writes the last ones'
answers. The thread then takes at once what has come meanwhile, so it waits for the interpreter once for all of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from weighlock.serving.engine import Request

TOGETHER = 400  # rows scored at once; one request alone may have more

Scores: TypeAlias = NDArray[np.float32]
Score: TypeAlias = Callable[[Sequence["Request"]], Scores]
Done: TypeAlias = Callable[[Sequence["Request"], Scores | Exception], None]


class Background:
    """The thread, and what waits for it."""

    def __init__(self, score: Score, done: Done) -> None:
        """Start it.

        Args:
            score: from some requests to the scores of all their rows, (n,) or (n, classes); called in the thread.
            done: takes these requests and their scores, or why there are none; called in the event loop.
        """
        self._score = score
        self._done = done
        self._waiting: SimpleQueue[Request | None] = SimpleQueue()
        threading.Thread(target=self._work, name="scoring", daemon=True).start()

    def submit(self, request: Request) -> None:
        """Score a request's rows, unless its answer is given up before their turn."""
        self._waiting.put(request)

    def close(self) -> None:
        """End the thread after what it is scoring; nothing that waits is scored any more."""
        with contextlib.suppress(Empty):
            while True:
                self._waiting.get_nowait()
        self._waiting.put(None)

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            requests = [r for r in self._with_company(first) if not r.answer.done()]
            if not requests:
                continue
            found: Scores | Exception
            try:
                found = self._score(requests)
            except Exception as error:  # onnxruntime's own errors have no common base
                found = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                requests[0].answer.get_loop().call_soon_threadsafe(self._done, requests, found)

    def _with_company(self, first: Request) -> list[Request]:
        """This one and those behind it, as many as are scored at once."""
        requests, rows = [first], len(first.rows.values)
        while rows < TOGETHER:
            try:
                follower = self._waiting.get_nowait()
            except Empty:
                break
            if follower is None:  # the end, which has to be met again
                self._waiting.put(None)
                break
            requests.append(follower)
            rows += len(follower.rows.values)
        return requests
