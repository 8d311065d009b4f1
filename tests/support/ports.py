"""Ports of this machine that are free, below those that outgoing connections take: none is taken in the meantime."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress


def free_port() -> int:
    """A port that nothing listens on."""
    return free_ports(1)


def free_ports(many: int) -> int:
    """The first of several ports in a row that nothing listens on."""
    while True:
        first = random.randrange(10_000, 32_000)
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + many):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
