"""A real browser, Debian's chromium, told what to do over a pipe in the protocol of its own developer tools."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 30


class NoBrowserError(Exception):
    """Why there is no browser here."""


def install() -> str:
    """The browser, from the distribution's packages where it is missing.

    Raises:
        NoBrowserError: it cannot be had.
    """
    if not (found := shutil.which("chromium")):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise NoBrowserError("It needs `chromium`; only root on Debian can install it.")
        for command in (["update", "-qq"], ["install", "-qqy", "--no-install-recommends", "chromium"]):
            done = subprocess.run(["apt-get", *command], capture_output=True, text=True, check=False)
        found = shutil.which("chromium")
        if done.returncode or not found:
            raise NoBrowserError(f"`apt-get install chromium` failed: {done.stderr.strip()[-500:]}")
    return found


@dataclass
class Page:
    """One page, and what it has asked for and complained about since it was opened.

    Attributes:
        asked: the URLs that were requested.
        complaints: errors of scripts, of the content security policy and of requests.
    """

    said: int
    answers: int
    session: str = ""
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _rest: bytes = b""
    _number: int = 0
    _loaded: int = 0

    def open(self, url: str, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
        """Go to a URL in a window of this size."""
        self.asked.clear()
        self.complaints.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", features=[scheme])
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.tell("Emulation.setDeviceMetricsOverride", **metrics)
        before = self._loaded
        loads = "loaderId" in self.tell("Page.navigate", url=url)  # to another place of the same page it does not
        deadline = time.monotonic() + PATIENCE
        while loads and self._loaded == before:
            self._hear(deadline)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited.

        Raises:
            AssertionError: it failed.
        """
        found = self.tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait for an expression to become true."""
        deadline = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < deadline, f"it never came true: {script}"
            time.sleep(0.05)

    def write(self, place: str, text: str) -> None:
        """Type into the field of this id, in place of what it holds."""
        self.run(f"document.getElementById({json.dumps(place)}).select()")
        self.tell("Input.insertText", text=text)

    def press(self, selector: str) -> None:
        """Click on the middle of an element, as a mouse does."""
        middle = (
            "(e => { e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            " return {x: b.x + b.width / 2, y: b.y + b.height / 2} })"
        )
        at = self.run(f"{middle}(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def draw(self, path: Path, *, whole: bool = True) -> None:
        """A picture of the page as PNG."""
        shot = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def tell(self, method: str, **params: Any) -> Any:
        """Give a command and wait for its result."""
        self._number += 1
        content = {"id": self._number, "method": method, "params": params}
        message = json.dumps(content | ({"sessionId": self.session} if self.session else {})).encode() + b"\0"
        while message:
            message = message[os.write(self.said, message) :]
        deadline = time.monotonic() + PATIENCE
        while (heard := self._hear(deadline)).get("id") != self._number:
            pass
        assert "error" not in heard, f"{method}: {heard['error']}"
        return heard["result"]

    def _hear(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready = select.select([self.answers], [], [], max(0.0, deadline - time.monotonic()))[0]
            part = os.read(self.answers, 1 << 20) if ready else b""
            assert part, "the browser says nothing more"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        self._note(heard.get("method", ""), heard.get("params", {}))
        return heard

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"]["text"])
        elif event == "Log.entryAdded" and about["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser that has nothing of anybody else's: no profile, no extension, no window.

    Raises:
        NoBrowserError: there is none.
    """
    program = install()
    hers, said = os.pipe()  # it reads from 3 and writes to 4
    answers, its = os.pipe()

    def connect() -> None:
        first, second = os.dup(hers), os.dup(its)  # out of the way of 3 and 4
        os.dup2(first, 3)
        os.dup2(second, 4)

    with tempfile.TemporaryDirectory(prefix="weighlock-browser-", ignore_cleanup_errors=True) as folder:
        words = [
            program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking",
            "--disable-component-update", "--hide-scrollbars", *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=connect
        )
        os.close(hers)
        os.close(its)
        try:
            page = Page(said, answers)
            target = page.tell("Target.createTarget", url="about:blank")["targetId"]
            page.session = page.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Runtime", "Log"):
                page.tell(f"{domain}.enable")
            yield page
        finally:
            process.kill()
            process.wait()
            os.close(said)
            os.close(answers)
