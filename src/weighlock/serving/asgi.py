"""The ASGI entry: starts a worker when the server says so, and hands requests to it.

`uvicorn weighlock.serving.asgi:application` serves what the environment's `WEIGHLOCK_SERVICE` names.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, WeighlockError
from weighlock.serving.settings import VARIABLE, Settings, from_environment

if TYPE_CHECKING:
    from weighlock.serving.application import Scope, Send
    from weighlock.serving.bodies import Receive
    from weighlock.serving.startup import Started

logger = logging.getLogger("weighlock.serving")


class Entry:
    """An ASGI application that opens its model when its server starts."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._started: Started | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or start and stop (ASGI 3)."""
        if scope["type"] == "http" and self._started:
            await self._started.application(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError("the server sent a request before it had started the application")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            from weighlock.serving.startup import Started

            settings = self._settings()
            self._started = Started(settings)
        except WeighlockError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        tick = asyncio.create_task(self._started.application.tick())
        watch = asyncio.create_task(_outlive_nobody(settings.supervisor))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in (tick, watch):
            task.cancel()
        self._started.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _outlive_nobody(supervisor: int | None) -> None:
    """Stop when the supervisor is gone: nobody would stop or replace this worker any more."""
    while supervisor is not None:
        await asyncio.sleep(0.5)
        if os.getppid() != supervisor:
            logger.error("the process that started this worker is gone; stopping")
            signal.raise_signal(signal.SIGTERM)
            return


def _settings() -> Settings:
    settings = from_environment()
    if settings is None:
        raise ConfigError(f"`{VARIABLE}` is not set. `weighlock serve` sets it.")
    return settings


application = Entry(_settings)
