"""A load on one URL: by wrk where it is installed, else by a client of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 16
PACED = 32  # connections of a load that pauses between requests
_SCRIPT = """
wrk.method = "POST"
wrk.path = %(path)s
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %(key)s"
bodies = {%(bodies)s}
requests, turn = {}, 0
init = function()
  for place, body in ipairs(bodies) do requests[place] = wrk.format(nil, nil, nil, body) end
end
request = function()
  turn = turn %% #requests + 1
  return requests[turn]
end
%(delay)s
done = function(summary, latency, requests)
  io.stderr:write(string.format('{"requests": %%d, "micros": %%d, "bad": %%d, "p50": %%d, "p99": %%d}',
    summary.requests, summary.duration, summary.errors.status + summary.errors.read + summary.errors.timeout
    + summary.errors.connect + summary.errors.write, latency:percentile(50), latency:percentile(99)))
end
"""
# Pauses are exponential, so that requests come as those of many strangers do.
_DELAY = "function delay() return math.floor(-math.log(1 - math.random()) * %f + 0.5) end"


@dataclass(frozen=True)
class Load:
    """What a load found: requests/s, and the times to answer that half and all but 1 % stay under, in seconds."""

    rate: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Target:
    """Where a load goes, and what it sends: one body after the other, over and over."""

    port: int
    path: str
    bodies: Sequence[bytes]
    key: str = "-"

    def load(self, seconds: float, rate: float | None = None) -> Load:
        """Ask for some seconds, without pause or at about a rate (requests/s).

        Raises:
            RuntimeError: a request was not answered with 200.
        """
        pause = None if rate is None else PACED / rate
        found = (_wrk if shutil.which("wrk") else _own)(self, seconds, pause)
        if found["bad"] or not found["requests"]:
            raise RuntimeError(f"port {self.port}{self.path}: {found['bad']} of {found['requests']} requests failed")
        return Load(found["requests"] / found["micros"] * 1e6, found["p50"] / 1e6, found["p99"] / 1e6)

    def request(self, body: bytes) -> bytes:
        """A request as it goes over the wire."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _wrk(target: Target, seconds: float, pause: float | None) -> Any:
    script = _SCRIPT % {
        "path": json.dumps(target.path),
        "key": target.key,
        "bodies": ",".join(f"[==[{body.decode()}]==]" for body in target.bodies),
        "delay": "" if pause is None else _DELAY % max(0.0, pause * 1000),
    }
    connections = CONNECTIONS if pause is None else PACED
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        url = f"http://127.0.0.1:{target.port}"
        words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", file.name]
        done = subprocess.run([*words, url], capture_output=True, text=True, check=True)
    return json.loads(done.stderr)


def _own(target: Target, seconds: float, pause: float | None) -> Any:
    """The bundled client, in a process of its own."""
    content = {**asdict(target), "bodies": [body.decode() for body in target.bodies]}
    words = [sys.executable, "-m", "benchmarks.serving_load", str(seconds), str(pause or 0)]
    done = subprocess.run(
        words, input=json.dumps(content), capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    return json.loads(done.stdout)


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer, or a pause later."""

    def __init__(self, requests: Iterator[bytes], pause: float, found: list[float]) -> None:
        self.requests, self.pause, self.found = requests, pause, found
        self.bad, self.left, self.head = 0, 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.ask()

    def ask(self) -> None:
        self.begun = time.perf_counter()
        self.head, self.left = b"", 0
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        if self.left:
            self.left -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            self.bad += not self.head.startswith(b"HTTP/1.1 200")
            at = self.head.lower().index(b"content-length:") + 15
            self.left = int(self.head[at : self.head.index(b"\r", at)]) - (len(self.head) - end - 4)
        if self.left:
            return
        self.found.append(time.perf_counter() - self.begun)
        if self.pause:
            asyncio.get_running_loop().call_later(self.pause, self.ask)
        else:
            self.ask()


async def _ask(target: Target, seconds: float, pause: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    found: list[float] = []
    clients: list[_Client] = []
    requests = itertools.cycle([target.request(body) for body in target.bodies])
    for number in range(PACED if pause else CONNECTIONS):
        clients.append(_Client(requests, pause * (0.5 + number / PACED), found))
        await loop.create_connection(lambda client=clients[-1]: client, "127.0.0.1", target.port)  # type: ignore[misc]
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    taken = time.perf_counter() - begun
    ordered = sorted(found)
    count = len(ordered)
    return {
        "requests": count,
        "micros": taken * 1e6,
        "bad": sum(client.bad for client in clients),
        "p50": ordered[count // 2] * 1e6 if count else 0.0,
        "p99": ordered[count * 99 // 100] * 1e6 if count else 0.0,
    }


def _main() -> None:
    import uvloop

    content = json.loads(sys.stdin.read())
    target = Target(**(content | {"bodies": [body.encode() for body in content["bodies"]]}))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_ask(target, float(sys.argv[1]), float(sys.argv[2])))))


if __name__ == "__main__":
    _main()
