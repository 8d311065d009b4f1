"""The image, built and run without a Docker daemon: it holds little, and may do little."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from conftest import Clone, Project
from containers import CONFIGURATION, NoContainersError, base_image, install, podman
from served import ROW, Load, Running, add_key, logged, until

from support.needs import needing
from support.ports import free_port

LOCKED = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"),
    *("--memory", "256m", "--pids-limit", "64"),
)
COMPILERS = {"cc", "gcc", "g++", "c++", "clang", "ld", "as", "make", "cargo", "rustc"}
TRAINING = ("sklearn", "lightgbm", "pandas", "scipy", "pyarrow", "onnx", "dvc", "mlflow", "optuna", "evidently")
LISTING = """
import importlib.util, json, os
folders = [folder for folder in os.environ["PATH"].split(":") if os.path.isdir(folder)]
programs = {{name for folder in folders for name in os.listdir(folder)}}
libraries = [name for name in {training!r} if importlib.util.find_spec(name)]
print(json.dumps([sorted(programs & {compilers!r}), libraries, os.getuid()]))
"""


@dataclass(frozen=True)
class Made:
    """The image, and what was said of it."""

    project: Project
    tag: str
    megabytes: float
    bill: Path
    python: str

    def podman(self, *arguments: str, code: int = 0) -> str:
        done = podman(self.project.env, *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(with_model: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The small model's image."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "containers.conf").write_text(CONFIGURATION)
    project = with_model("image")
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    project.env.update(
        BENTOML_HOME=str(folder / "bentoml"), CONTAINERS_CONF=str(folder / "containers.conf"), UV_CACHE_DIR=cache
    )
    with needing("the container image", NoContainersError):
        install()
        base, python = base_image(project.env)
    tag = f"localhost/weighlock-test:{os.getpid()}"
    options = ("--tool", "podman", "--base-image", base, "--python", python, "--tag", tag)
    said = project.run("weighlock", "image", *options).stdout
    megabytes, bill = re.search(r" (\d+) MB", said), re.search(r"^(\S+\.cdx\.json)", said, re.MULTILINE)
    assert megabytes
    assert bill
    yield Made(project, tag, float(megabytes[1]), project.path / bill[1], python)
    podman(project.env, "rmi", "--force", tag)


@pytest.fixture(scope="module")
def key(made: Made) -> str:
    found = add_key(made.project)
    (made.project.path / "keys.json").chmod(0o644)  # the image's user is another
    return found


@dataclass
class Contained(Running):
    """A service in a container."""

    name: str = ""
    seconds: float = 0.0

    def processes(self, made: Made) -> list[psutil.Process]:
        first = psutil.Process(int(made.podman("inspect", "-f", "{{.State.Pid}}", self.name)))
        return [first, *first.children(recursive=True)]


@contextmanager
def contained(made: Made, key: str, log: Path, *arguments: str) -> Iterator[Contained]:
    """The image, locked up; whatever is left of it is removed."""
    log.mkdir(exist_ok=True)
    log.chmod(0o777)
    port = free_port()
    name = f"weighlock-test-{port}"
    keys = (
        "--volume",
        f"{made.project.path / 'keys.json'}:/run/keys.json:ro",
        "--env",
        "WEIGHLOCK_KEYS=/run/keys.json",
    )
    command = ["podman", "run", "--name", name, "--net=host", *LOCKED, *keys, "--volume", f"{log}:/log", made.tag]
    begun = time.monotonic()
    process = subprocess.Popen(
        [*command, "--port", str(port), *arguments],
        env=made.project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Contained(process, port, log, key, name)
    try:
        running.answers(60)
        running.seconds = time.monotonic() - begun
        yield running
    finally:
        podman(made.project.env, "rm", "--force", "--time", "0", name)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)


def test_it_is_small_and_starts_soon(made: Made, key: str, tmp_path: Path) -> None:
    seconds = []
    for turn in range(3):
        with contained(made, key, tmp_path / f"log-{turn}") as running:
            seconds.append(running.seconds)
            running.predict()
            resident = sum(process.memory_info().rss for process in running.processes(made)) / 1e6
    print(f"image {made.megabytes:.0f} MB, ready after {min(seconds):.2f} s, {resident:.0f} MB resident")
    assert made.megabytes <= 350
    assert min(seconds) <= 3
    assert resident <= 200


def test_it_holds_nothing_that_it_does_not_need(made: Made) -> None:
    listing = LISTING.format(compilers=COMPILERS, training=TRAINING)
    said = made.podman("run", "--rm", *LOCKED, "--entrypoint", "python3", made.tag, "-c", listing)
    assert json.loads(said) == [[], [], 1034]


def test_it_is_tried_before_anyone_gets_it(made: Made) -> None:
    said = made.project.run("weighlock", "image", "--tool", "podman", "--smoke", made.tag).stdout

    assert [line.split()[:2] for line in said.splitlines()] == [
        ["ok", "/healthz:"], ["ok", "/readyz:"], ["ok", "model:"], ["ok", "golden"],
    ]  # fmt: skip
    assert made.podman("ps", "--all", "--quiet", "--filter", "name=weighlock-try").strip() == ""


def test_it_says_what_it_is_and_what_is_in_it(made: Made) -> None:
    labels = json.loads(made.podman("image", "inspect", "-f", "{{json .Labels}}", made.tag))
    signature = json.loads((made.project.path / "models/served/signature.json").read_text())
    assert labels["weighlock.model"] == signature["digest"]
    assert labels["weighlock.signature"].startswith("sha256:")
    assert labels["org.opencontainers.image.version"] == labels["weighlock.version"]
    commit = made.project.run("git", "rev-parse", "HEAD").stdout.strip()
    assert labels["org.opencontainers.image.revision"].rstrip("+") == commit
    bill = json.loads(made.bill.read_text())
    lock = (made.project.path / "serving/requirements.lock").read_text()
    listed = dict(re.findall(r"pkg:pypi/([^@]+)@(\S+?)\"", made.bill.read_text()))
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+) \\$", lock, re.MULTILINE))
    assert {name.replace("_", "-"): version for name, version in listed.items()} == pinned
    assert bill["metadata"]["component"]["type"] == "container"
    assert any(c["name"].startswith("libc") for c in bill["components"])


def test_locked_up_it_answers_logs_and_ends_in_time(made: Made, key: str, tmp_path: Path) -> None:
    with contained(made, key, tmp_path / "log", "--workers", "2") as running:
        assert running.predict(key=None)[0] == 401
        url = f"http://127.0.0.1:{running.port}"
        assert "golden rows: 100" in made.project.run("weighlock", "smoke", url, WEIGHLOCK_KEY=key).stdout
        golden = logged(running.log)
        with Load(running, rows=20) as load:
            until(lambda: len(load.answered) > 1000, 30)
            begun = time.monotonic()
            made.podman("stop", "--time", "10", running.name)
            seconds = time.monotonic() - begun
        assert made.podman("inspect", "-f", "{{.State.ExitCode}}", running.name).strip() == "0"
        assert seconds < 5
        assert load.answered | golden <= logged(running.log)
        assert len(golden) >= 100


def test_a_worker_that_dies_in_it_is_replaced(made: Made, key: str, tmp_path: Path) -> None:
    with contained(made, key, tmp_path / "log") as running:
        largest = max(running.processes(made), key=lambda process: process.memory_info().rss)
        os.kill(largest.pid, signal.SIGKILL)
        until(lambda: not largest.is_running(), 5)
        until(lambda: _answers(running), 20)
        assert _answers(running)


def _answers(running: Running) -> bool:
    try:
        return running.predict(ROW)[0] == 200
    except OSError:
        return False


def test_without_a_place_for_the_log_it_does_not_start(made: Made) -> None:
    said = made.podman("run", "--rm", "--net=host", *LOCKED, made.tag, "--port", "0", code=2)
    assert "the prediction log `/log" in said


def test_bentoml_serves_what_is_in_the_image(made: Made, key: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir(mode=0o777)
    log.chmod(0o777)
    port = free_port()
    name = f"weighlock-test-{port}"
    options = ("--detach", "--name", name, "--net=host", *LOCKED, "--volume", f"{log}:/log", "--entrypoint", "python3")
    made.podman("run", *options, made.tag, "-m", "bentoml", "serve", ".", "--port", str(port))
    try:
        until(lambda: _unauthorized(port, key), 60)
        assert _unauthorized(port, key)
    finally:
        podman(made.project.env, "rm", "--force", "--time", "0", name)


def _unauthorized(port: int, key: str) -> bool:
    """It answers, and without a keys' file refuses every key."""
    try:
        return Running(None, port, Path(), key).predict(ROW)[0] == 401  # type: ignore[arg-type]
    except OSError:
        return False
