"""uvicorn's HTTP protocol, which also gives up clients that take too long to say what they want."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN = 10.0  # seconds from the first byte (or the connection) to the end of the headers


class Protocol(HttpToolsProtocol):
    """Closes connections whose headers are not complete in time; bodies have their own limit."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADERS_WITHIN, self._give_up)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_WITHIN, self._give_up)

    def on_headers_complete(self) -> None:
        """A request's headers are complete."""
        self._done()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._done()
        super().connection_lost(exc)

    def _done(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> Any:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
