"""The bento, served by BentoML itself: it answers as ever, and nothing of BentoML's own answers beside it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Clone, Project, interruptible
from served import ROW, Running, add_key, logged, until, with_group

from support.ports import free_port

WATCH = """\
import os, sys
def told(event, arguments):
    if event == "pickle.find_class":
        with open(os.environ["UNPICKLED"], "a") as file:
            file.write(f"{arguments}\\n")
sys.addaudithook(told)
"""


@pytest.fixture(scope="module")
def project(with_model: Clone) -> Project:
    made = with_model("bento")
    made.env["BENTOML_HOME"] = str(made.path.parent / "bentoml")
    made.env["BENTOML_DO_NOT_TRACK"] = "true"
    return made


@pytest.fixture(scope="module")
def tag(project: Project) -> str:
    first = project.run("weighlock", "bento").stdout
    assert project.run("weighlock", "bento").stdout == first  # of the same tag: replaced
    return first.split()[0]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that makes every Python tell what it unpickles."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCH)
    return folder


@pytest.fixture(scope="module")
def service(project: Project, tag: str, watched: Path) -> Iterator[Running]:
    port = free_port()
    key, log = add_key(project), watched / "log"
    process = subprocess.Popen(
        ["bentoml", "serve", tag, "--host", "127.0.0.1", "--port", str(port)],
        cwd=watched,  # neither the repository's folder nor its code
        env={
            **project.env,
            "PYTHONPATH": str(watched),
            "UNPICKLED": str(watched / "unpickled"),
            "WEIGHLOCK_KEYS": str(project.path / "keys.json"),
            "WEIGHLOCK_LOG_DIR": str(log),
        },
        start_new_session=True,
        preexec_fn=interruptible,
    )
    running = Running(process, port, log, key)
    try:
        running.answers(60)
        yield running
    finally:
        with_group(process.pid, signal.SIGKILL)
        process.wait()


def test_the_bento_names_its_model(project: Project, tag: str) -> None:
    described = project.run("bentoml", "get", tag, "-o", "yaml").stdout
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    assert f"weighlock.commit: {commit}" in described
    assert "weighlock.model: sha256:" in described
    held = {p.name for p in Path(project.env["BENTOML_HOME"], "bentos", *tag.split(":"), "src/model").iterdir()}
    assert held == {"model.onnx", "signature.json", "golden.json", "service.json"}


def test_it_is_the_service_that_is_known(service: Running, project: Project) -> None:
    assert service.predict(key=None)[0] == 401
    status, answer = service.predict(ROW)
    assert status == 200
    assert {p["id"] for p in answer["predictions"]} == logged(service.log)
    url = f"http://127.0.0.1:{service.port}"
    assert "golden rows: 100" in project.run("weighlock", "smoke", url, WEIGHLOCK_KEY=service.key).stdout


def test_none_of_bentomls_own_routes_is_there(service: Running) -> None:
    for path in ("/livez", "/schema.json", "/docs.json", "/static_content/index.html", "/is_ready"):
        assert service.ask("GET", path)[0] == 404


def test_a_pickle_is_never_reached(service: Running, project: Project, watched: Path) -> None:
    trap, told = watched / "trap", watched / "unpickled"
    body = b"cposix\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR."
    told.unlink(missing_ok=True)
    kinds = ("application/vnd.bentoml+pickle", "application/octet-stream", "application/json", "multipart/form-data")
    for kind in kinds:
        for path in ("/v1/predict", "/v1/feedback", "/predict", "/", "/livez", "/schema.json"):
            headers = {"Content-Type": kind, "Payload-Container": "DefaultContainer", "Pickle-Bytes-Str": "[]"}
            status, _ = service.ask("POST", path, body, headers)
            assert 400 <= status < 500
    assert not trap.exists()
    assert not told.exists()
    # what would have told, tells
    load = f"import pickle; pickle.loads({body!r})"
    project.run("python", "-c", load, PYTHONPATH=str(watched), UNPICKLED=str(told))
    assert trap.exists()
    assert "('posix', 'system')" in told.read_text()


def test_told_to_end_it_ends(service: Running) -> None:
    os.kill(service.process.pid, signal.SIGTERM)
    until(lambda: service.process.poll() is not None, 30)
    assert service.process.returncode == 0
