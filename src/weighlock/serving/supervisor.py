"""Starts workers on one socket, replaces those that die, and ends within five seconds when told to (uvicorn's own)."""

from __future__ import annotations

import os
import socket
import sys
import time

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from weighlock.errors import ConfigError
from weighlock.serving.run_folder import run_folder
from weighlock.serving.settings import Settings

GRACE = 3  # seconds that requests in flight may still take
KILL_AFTER = 4.2  # seconds after which a worker that does not end is ended
LOOK_EVERY = 0.1
PING_EVERY = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # before a worker that cannot start is tried again


def serve(settings: Settings, host: str, port: int, workers: int) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        0, or 2 where no worker could be started; the worker has said why.

    Raises:
        ConfigError: the address cannot be bound.
    """
    listener = bind(host, port)
    try:
        with run_folder() as run:
            told = settings.model_copy(update={"run": str(run), "supervisor": os.getpid()})
            os.environ.update(told.to_environment())
            return _supervise(told, listener, workers)
    finally:
        listener.close()


def _supervise(settings: Settings, listener: socket.socket, workers: int) -> int:
    config = uvicorn.Config(
        "weighlock.serving.asgi:application",
        http="weighlock.serving.protocol:Protocol",  # imported by this name
        workers=workers,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=2,
    )
    name, version = settings.service.model.name, settings.service.model.version
    address = listener.getsockname()
    where = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    supervisor = Supervisor(config, [listener], f"Serving {name} {version} on {where} ({workers} worker(s)).")
    supervisor.run()
    return 0 if supervisor.served else 2


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet: workers do, once their model is ready.

    Raises:
        ConfigError: the address is taken or none of this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = str(error).rstrip(".")
        raise ConfigError(f"`{host}:{port}` cannot be bound: {reason}. Choose another `--host` or `--port`.") from error
    listener.set_inheritable(True)
    return listener


class Supervisor(Multiprocess):
    """uvicorn's supervisor, which also survives a worker that cannot start again, and waits for none for ever.

    Attributes:
        served: whether a worker has been ready.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], greeting: str) -> None:
        super().__init__(config, sockets)
        self.served = False
        self._greeting = greeting
        self._pause = FIRST_PAUSE
        self._started = [0.0] * self.processes_num
        self._due = [0.0] * self.processes_num
        self._pinged = 0.0

    def run(self) -> None:
        """Start the workers and look after them until a signal or, before any was ready, a failure."""
        self.init_processes()
        self._pinged = time.monotonic()
        while not self.should_exit.wait(LOOK_EVERY):
            self.handle_signals()
            self.keep_subprocess_alive()
        self._end()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died or hang; greet when the first is ready."""
        if self.should_exit.is_set():
            return
        if not self.served and any(p.process.is_alive() and p.is_ready(0.05) for p in self.processes):
            self.served = True
            print(self._greeting, flush=True)
        now = time.monotonic()
        ping = self.served and now - self._pinged > PING_EVERY
        for place, process in enumerate(self.processes):
            if not process.process.is_alive():
                self._died(place, process, now)
            elif ping and not process.ping(self.config.timeout_worker_healthcheck):
                print(f"worker {process.pid} hangs; it is replaced", file=sys.stderr, flush=True)
                process.kill()
        if ping:
            self._pinged = now

    def _died(self, place: int, process: Process, now: float) -> None:
        if process.exitcode == STARTUP_FAILURE and not self.served:
            self.should_exit.set()
            return
        if not self._due[place]:
            print(f"worker {process.pid} died ({process.exitcode}); it is replaced", file=sys.stderr, flush=True)
            failed = process.exitcode == STARTUP_FAILURE
            self._pause = min(2 * self._pause, LONGEST_PAUSE) if failed else FIRST_PAUSE
            self._due[place] = now + self._pause if failed else now
        if now >= self._due[place]:
            self._due[place] = 0.0
            process.join()
            self.processes[place] = Process(self.config, self.sockets)
            self.processes[place].start()

    def _end(self) -> None:
        deadline = time.monotonic() + KILL_AFTER
        self.terminate_all()
        for process in self.processes:
            process.process.join(max(0.0, deadline - time.monotonic()))
            if process.process.is_alive():
                process.process.kill()
                process.process.join()
