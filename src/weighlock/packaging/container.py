"""A finished image tried out: started as locked up as in production, and asked real requests, before anyone gets it."""

from __future__ import annotations

import datetime as dt
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, EvidenceError, ModelError
from weighlock.serving.keys import add_key
from weighlock.serving.smoke import Check, ask, smoke

if TYPE_CHECKING:
    from weighlock.packaging.tools import Tool

READY_SECONDS = 60.0
LOCKED = (
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"),
    *("--memory", "512m", "--pids-limit", "128", "--network", "host"),
)
_EACH = 0.2


@dataclass(frozen=True)
class _Running:
    """A container that runs, and where it answers."""

    process: subprocess.Popen[str]
    url: str
    key: str

    def wait(self, seconds: float) -> None:
        """Until it answers that it is ready."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ModelError(
                    f"The container ended with {self.process.returncode} instead of answering:\n{self._said()}"
                )
            try:
                if ask(f"{self.url}/readyz", self.key)[0] == 200:
                    return
            except EvidenceError:  # it does not listen yet
                pass
            time.sleep(_EACH)
        raise ModelError(f"The container was not ready within {seconds:g} s.")

    def _said(self) -> str:
        return (self.process.stdout.read() if self.process.stdout else "")[-4000:].strip()


def try_image(image: str, folder: Path, tool: Tool, *, seconds: float = READY_SECONDS) -> list[Check]:
    """Start an image, ask it what `weighlock smoke` asks, and end it.

    Args:
        image: its name, as the tool knows it.
        folder: with the `signature.json` and `golden.json` of the model that it should serve.
        tool: docker or podman.
        seconds: until it has to be ready.

    Raises:
        ConfigError: the tool builds images, and does not run them.
        ModelError: the container ends, or is not ready in time; its last words are in the message.
    """
    if tool.name == "buildah":
        raise ConfigError("buildah builds images and does not run them. Name another: `--tool podman`.")
    with tempfile.TemporaryDirectory(prefix="weighlock-try-") as scratch, _run(image, Path(scratch), tool) as running:
        running.wait(seconds)
        return list(smoke(running.url, folder, running.key))


@contextmanager
def _run(image: str, scratch: Path, tool: Tool) -> Iterator[_Running]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    key = add_key(scratch / "keys.json", "smoke", ["predict"], dt.datetime.now(dt.UTC).date())
    log = scratch / "log"
    log.mkdir()
    for path, mode in ((scratch, 0o755), (scratch / "keys.json", 0o644), (log, 0o777)):
        path.chmod(mode)  # the image's user is another
    name = f"weighlock-try-{port}"
    mounts = ("--volume", f"{log}:/log", "--volume", f"{scratch / 'keys.json'}:/run/keys.json:ro")
    command = [tool.name, "run", "--rm", "--name", name, *LOCKED, *mounts, "--env", "WEIGHLOCK_KEYS=/run/keys.json"]
    process = subprocess.Popen(
        [*command, image, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield _Running(process, f"http://127.0.0.1:{port}", key)
    finally:
        subprocess.run([tool.name, "rm", "--force", name], capture_output=True, check=False)
        process.kill()
        process.communicate()
