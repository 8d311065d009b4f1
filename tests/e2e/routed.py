"""A client that asks for predictions through nginx and notes who answered; and what an environment's files are."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from support.deployed import RELEASES, environment
from weighlock.deployment.environment import Route
from weighlock.deployment.render import render
from weighlock.deployment.targets import Machine

ANYONE = "anyone"  # as what a service that asks for no key takes


@dataclass(frozen=True)
class Answer:
    """What came back: its status, the model that answered (its version), the scores, and how many seconds it took."""

    status: int
    model: str
    scores: tuple[float, ...]
    seconds: float
    request: str


class Client:
    """One connection, kept open, which asks for the same rows again and again."""

    def __init__(self, port: int, body: bytes, key: str = ANYONE) -> None:
        self._address = ("127.0.0.1", port)
        self._body = body
        self._head = (
            f"POST /v1/predict HTTP/1.1\r\nHost: routed.test\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n"
        )
        self._socket = self._connect()

    def ask(self, **headers: str | None) -> Answer:
        """Ask once; `X_Entity_Id="e1"` becomes the header X-Entity-Id, None leaves it out."""
        more = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items() if v is not None)
        begun = time.perf_counter()
        self._socket.sendall(f"{self._head}{more}\r\n".encode() + self._body)
        head, body = self._answer()
        seconds = time.perf_counter() - begun
        lines = head.decode("latin-1").split("\r\n")
        told = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        status = int(lines[0].split()[1])
        content: Any = json.loads(body) if status == 200 else {}
        scores = tuple(p["score"] for p in content.get("predictions", []))
        if told.get("connection") == "close":
            self._socket.close()
            self._socket = self._connect()
        return Answer(
            status, content.get("model", {}).get("version", ""), scores, seconds, told.get("x-request-id", "")
        )

    def close(self) -> None:
        self._socket.close()

    def _connect(self) -> socket.socket:
        found = socket.create_connection(self._address, 20)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def _answer(self) -> tuple[bytes, bytes]:
        found = b""
        while b"\r\n\r\n" not in found:
            found += self._some()
        head, _, body = found.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._some()
        return head, body

    def _some(self) -> bytes:
        found = self._socket.recv(65_536)
        if not found:
            raise ConnectionError("the connection was closed")
        return found


def ask_all(
    port: int, body: bytes, asked: Sequence[dict[str, str | None]], key: str = ANYONE, clients: int = 4
) -> list[Answer]:
    """Ask everything, with several clients at once; the answers in the order of what was asked."""
    answers: list[Answer | None] = [None] * len(asked)

    def work(first: int) -> None:
        client = Client(port, body, key)
        for at in range(first, len(asked), clients):
            answers[at] = client.ask(**asked[at])
        client.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in answers, "a client broke off"
    return [answer for answer in answers if answer]


def files(machine: Machine, route: Route | None = None, name: str = "production") -> dict[str, str]:
    """What nginx reads of an environment."""
    found = render(name, environment(route, machine=machine), RELEASES)
    return {path.removeprefix("machine/"): text for path, text in found.items() if path.endswith(".conf")}
