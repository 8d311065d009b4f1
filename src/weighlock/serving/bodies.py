"""Bodies of requests on their way: what they may be, how large, and how long they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from weighlock.serving.problems import Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = dict[bytes, bytes]

JSON = b"application/json"
BUFFERED = 64 << 20  # bytes of bodies that are still arriving, of all clients
CLOSE = (b"connection", b"close")


class Gone(Exception):  # noqa: N818
    """The client hung up before its body was complete."""


class Arriving:
    """Bodies on their way: how large they may be, how long they may take, and how much of them is kept at once."""

    def __init__(self, seconds: float, largest: int) -> None:
        self._seconds = seconds
        self._largest = largest
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._kept = 0

    async def body(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body of a request.

        Raises:
            Refused: it is not JSON by its header, too large, or too slow.
            Gone: the client hung up.
        """
        _check_type(headers)
        length = headers.get(b"content-length")
        if length is not None and int(length) > self._largest:
            raise self._too_large()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (ASGI servers run each request as one)
        self._waiting[task] = asyncio.get_running_loop().time() + self._seconds
        try:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                return bytes(message.get("body", b""))
            return await self._rest(message, receive)
        except asyncio.CancelledError:
            if task not in self._expired:
                raise
            self._expired.discard(task)
            task.uncancel()
            raise Refused(
                "timeout", f"The body was not there after {self._seconds:g} seconds.", headers=[CLOSE]
            ) from None
        finally:
            del self._waiting[task]

    def expire(self, time: float) -> None:
        """Give up bodies that should have arrived by this time of the event loop."""
        for task, due in self._waiting.items():
            if due < time and task not in self._expired:
                self._expired.add(task)
                task.cancel()

    async def _rest(self, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        parts: list[bytes] = []
        kept = 0
        try:
            while message["type"] == "http.request":
                part = bytes(message.get("body", b""))
                parts.append(part)
                kept += len(part)
                self._kept += len(part)
                if kept > self._largest:
                    raise self._too_large()
                if not message.get("more_body", False):
                    return b"".join(parts)
                if self._kept > BUFFERED:
                    raise Refused(
                        "too-busy", "Too many large bodies arrive at once.", headers=[(b"retry-after", b"1"), CLOSE]
                    )
                message = await receive()
        finally:
            self._kept -= kept
        raise Gone

    def _too_large(self) -> Refused:
        return Refused("too-large", f"A body may have {self._largest:,} bytes.", headers=[CLOSE])


def _check_type(headers: Headers) -> None:
    kind = headers.get(b"content-type", b"")
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        raise Refused("media-type", "`Content-Type` should be `application/json`.")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused("media-type", "The body should not be compressed.")
