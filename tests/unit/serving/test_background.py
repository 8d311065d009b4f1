"""Large requests are scored together, each gets its own scores, and nobody waits for what is given up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from weighlock.serving.background import TOGETHER, Background
from weighlock.serving.engine import Request
from weighlock.serving.rows import Rows


def request(loop: asyncio.AbstractEventLoop, rows: int, first: float) -> Request:
    return Request(Rows([], [(first + i,) for i in range(rows)], {}), None, None, loop.create_future())


class Scoring:
    """Gives each row its own value, and notes what went through the model together; it can be held up."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = threading.Event()
        self.begun = threading.Event()

    def score(self, requests: Sequence[Request]) -> Any:
        self.begun.set()
        self.go.wait(10)
        values = [value for r in requests for (value,) in r.rows.values]
        self.batches.append(len(values))
        if -1.0 in values:
            raise ZeroDivisionError
        return np.array(values, dtype=np.float32)


def share(requests: Sequence[Request], found: Any) -> None:
    start = 0
    for one in requests:
        end = start + len(one.rows.values)
        if isinstance(found, Exception):
            one.answer.set_exception(found)
        elif not one.answer.done():
            one.answer.set_result(found[start:end].tolist())  # type: ignore[arg-type]
        start = end


def test_what_waits_is_scored_together_up_to_a_limit_and_shared_out() -> None:
    scoring = Scoring()
    background = Background(scoring.score, share)

    async def ask() -> list[Any]:
        loop = asyncio.get_running_loop()
        requests = [request(loop, TOGETHER // 4, 1000.0 * i) for i in range(10)]
        background.submit(requests[0])
        await loop.run_in_executor(None, scoring.begun.wait, 10)
        for one in requests[1:]:
            background.submit(one)
        requests[2].answer.cancel()
        scoring.go.set()
        found = await asyncio.gather(*(r.answer for r in requests), return_exceptions=True)
        background.close()
        return found

    found = asyncio.run(ask())
    assert isinstance(found.pop(2), asyncio.CancelledError)
    assert [rows[0] for rows in found] == [1000.0 * i for i in range(10) if i != 2]
    assert all(len(rows) == TOGETHER // 4 for rows in found)
    # the first alone; of the next four one is given up; then four, and what is left
    assert scoring.batches == [TOGETHER // 4, TOGETHER // 4 * 3, TOGETHER, TOGETHER // 4]


def test_a_failure_reaches_who_asked_and_the_thread_goes_on() -> None:
    scoring = Scoring()
    scoring.go.set()
    background = Background(scoring.score, share)

    async def ask(first: float) -> Any:
        one = request(asyncio.get_running_loop(), 3, first)
        background.submit(one)
        return await one.answer

    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask(-1.0))
    assert asyncio.run(ask(5.0)) == [5.0, 6.0, 7.0]
    background.close()


def test_a_loop_that_has_ended_does_not_end_the_thread() -> None:
    scoring = Scoring()
    background = Background(scoring.score, share)

    async def leave() -> None:
        background.submit(request(asyncio.get_running_loop(), 3, 1.0))

    asyncio.run(leave())
    scoring.go.set()
    while not scoring.batches:  # what is scored together is of one loop: a worker has no other
        time.sleep(0.001)

    async def ask() -> Any:
        one = request(asyncio.get_running_loop(), 1, 7.0)
        background.submit(one)
        return await one.answer

    assert asyncio.run(ask()) == [7.0]
    background.close()


def test_closing_ends_the_thread_whatever_waits() -> None:
    scoring = Scoring()
    background = Background(scoring.score, share)

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        for number in range(4):
            background.submit(request(loop, TOGETHER, number))
        await loop.run_in_executor(None, scoring.begun.wait, 10)

    asyncio.run(leave())
    background.close()
    scoring.go.set()
    for thread in threading.enumerate():
        if thread.name == "scoring":
            thread.join(5)
    assert scoring.batches == [TOGETHER]
