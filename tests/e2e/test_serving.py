"""`weighlock serve` as a client, an operator and bad luck meet it."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Clone, Project
from served import ROW, Load, Running, add_key, logged, serving, until

from support.ports import free_port


@pytest.fixture(scope="module")
def project(with_model: Clone) -> Project:
    """A clone whose small model is trained."""
    return with_model("served")


@pytest.fixture(scope="module")
def key(project: Project) -> str:
    return add_key(project)


@pytest.fixture(scope="module")
def service(project: Project, key: str) -> Iterator[Running]:
    """One service for all tests that leave it whole."""
    with serving(project, key, log="log-shared") as running:
        yield running


def test_the_whole_path_by_hand(service: Running, project: Project) -> None:
    assert service.predict(key=None)[0] == 401
    assert service.predict(key="wl_nonsense")[0] == 401
    status, answer = service.predict(ROW, ROW | {"heat": 400.0, "colour": "mauve"})
    assert status == 200
    assert [p.get("flags") for p in answer["predictions"]] == [None, ["range:heat", "unseen:colour"]]
    assert {p["id"] for p in answer["predictions"]} <= logged(service.log)
    status, problem = service.predict(ROW, ROW | {"heat": "hot"})
    assert (status, problem["errors"][0]["row"], problem["errors"][0]["field"]) == (422, 1, "heat")
    truth = {"id": answer["predictions"][0]["id"], "truth": "true"}
    assert service.ask("POST", "/v1/feedback", {"rows": [truth]}) == (200, {"accepted": 1})
    assert service.ask("GET", "/v1/model")[1]["metrics"]["rows"] > 0
    assert "<title>broke tree-" in service.ask("GET", "/docs", key=None)[1]
    assert 'weighlock_rows_total{model_version="tree-' in service.ask("GET", "/metrics", key=None)[1]


def test_smoke_says_whether_it_is_the_right_model(service: Running, project: Project, tmp_path: Path) -> None:
    url, key = f"http://127.0.0.1:{service.port}", service.key
    assert "golden rows: 100" in project.run("weighlock", "smoke", url, WEIGHLOCK_KEY=key).stdout
    assert "FAILED  model: status 401" in project.run("weighlock", "smoke", url, code=3).stdout
    other = tmp_path / "other"
    shutil.copytree(project.path / "models/served", other)
    golden = json.loads((other / "golden.json").read_text())
    golden["scores"][7] += 2e-5
    (other / "golden.json").write_text(json.dumps(golden))
    said = project.run("weighlock", "smoke", url, "--model", str(other), WEIGHLOCK_KEY=key, code=3).stdout
    assert "FAILED  golden rows: 100, largest difference 2.0e-05" in said
    assert "Nothing answers" in project.run("weighlock", "smoke", "http://127.0.0.1:9", code=2).stderr


def test_a_pickle_is_never_read(service: Running, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    body = b"cos\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR."
    for kind in ("application/vnd.bentoml+pickle", "application/octet-stream", "application/json"):
        for path in ("/v1/predict", "/v1/feedback", "/predict", "/", "/docs.json", "/livez"):
            status, _ = service.ask("POST", path, body, {"Content-Type": kind, "Payload-Container": "DefaultContainer"})
            assert 400 <= status < 500
    assert not trap.exists()


def test_killing_workers_and_everything_loses_no_answered_row(project: Project, key: str) -> None:
    for turn in range(5):
        log = f"log-kill-{turn}"
        with serving(project, key, "--workers", "2", log=log) as running, Load(running, rows=turn % 2 * 39 + 1) as load:
            until(lambda load=load: len(load.answered) > 200, 30)
            until(lambda running=running: len(running.workers()) == 2, 30)
            time.sleep(random.Random(turn).uniform(0, 0.3))
            before = running.workers()
            os.kill(before[turn % 2], signal.SIGKILL)
            until(lambda running=running, before=before: len(set(running.workers()) - set(before)) == 1, 20)
            answered = len(load.answered)
            until(lambda load=load, answered=answered: len(load.answered) > answered + 100, 30)
            running.kill()
        assert load.answered <= logged(project.path / log)
        assert load.refused == 0


def test_told_to_end_it_finishes_what_is_in_flight_and_waits_for_nobody(project: Project, key: str) -> None:
    with serving(project, key, "--workers", "2", log="log-term") as running:
        slow = socket.create_connection(("127.0.0.1", running.port))
        slow.sendall(
            b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n"
        )
        with Load(running, rows=50) as load:
            until(lambda: len(load.answered) > 1000, 30)
            code, seconds = running.stop()
        assert (code, seconds < 5) == (0, True)
        assert load.answered <= logged(running.log)
        slow.close()


def test_workers_do_not_outlive_their_supervisor(project: Project, key: str) -> None:
    import psutil

    with serving(project, key, "--workers", "2") as running:
        workers = running.workers()
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        until(lambda: not any(psutil.pid_exists(pid) for pid in workers), 10)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", running.port))


def test_a_full_disk_is_told_and_nothing_unlogged_is_answered(project: Project, key: str) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with serving(project, key, log="log-full", before=small_files) as running:
        statuses = [running.predict(*[ROW] * 20) for _ in range(20)]
        assert statuses[0][0] == 200
        assert statuses[-1][0] == 503
        assert statuses[-1][1]["type"] == "/docs#log-failure"
        answered = {p["id"] for s, a in statuses if s == 200 for p in a["predictions"]}
        assert answered == logged(running.log)
        assert "weighlock_log_failures_total 0" not in running.ask("GET", "/metrics")[1]
        assert running.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("fault", ["truncated", "another signature", "no model"])
def test_a_model_that_cannot_be_trusted_is_never_served(project: Project, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(project.path / "models/served", folder)
    if fault == "truncated":
        (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-10])
    elif fault == "another signature":
        signature = json.loads((folder / "signature.json").read_text())
        signature["features"] = signature["features"][:-1]
        (folder / "signature.json").write_text(json.dumps(signature))
    else:
        (folder / "model.onnx").unlink()
    port = free_port()
    done = project.run("weighlock", "serve", "--model", str(folder), "--port", str(port), code=2)
    assert "error:" in done.stderr.lower()
    assert "Serving" not in done.stdout
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))


def test_a_model_that_is_spoilt_meanwhile_harms_no_worker_that_has_it(
    project: Project, key: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(project.path / "models/served", folder)
    with serving(project, key, "--workers", "2", "--model", str(folder), log="log-spoilt") as running:
        # given that both have opened it
        until(lambda: re.search(r"^weighlock_workers 2(\.0)?$", running.ask("GET", "/metrics")[1], re.MULTILINE), 30)
        content = (folder / "model.onnx").read_bytes()
        (folder / "model.onnx").write_bytes(content[:-10])
        first = running.workers()
        os.kill(first[0], signal.SIGKILL)
        time.sleep(3)  # others are begun in its place, and find it spoilt
        assert running.predict()[0] == 200
        assert re.search(r"^weighlock_workers 1(\.0)?$", running.ask("GET", "/metrics")[1], re.MULTILINE)
        until(lambda: running.workers() == first[1:], 30)  # one that finds it spoilt may be about to end
        (folder / "model.onnx").write_bytes(content)
        until(lambda: len(running.workers()) == 2, 30)


def test_a_key_that_is_revoked_stops_working_within_two_seconds(project: Project) -> None:
    key = add_key(project, "leaver")
    with serving(project, key) as running:
        assert running.predict()[0] == 200
        project.run("weighlock", "keys", "revoke", "leaver")
        time.sleep(2)
        assert running.predict()[0] == 401


def test_two_services_may_share_a_log(project: Project, key: str) -> None:
    with serving(project, key, log="log-two") as one, serving(project, key, log="log-two") as two:
        with Load(one, rows=3) as first, Load(two, rows=3) as second:
            until(lambda: min(len(first.answered), len(second.answered)) > 500, 30)
        assert not first.answered & second.answered
        assert first.answered | second.answered == logged(one.log)


def test_slow_senders_harm_nobody_and_are_given_up(project: Project, key: str) -> None:
    with serving(project, key, log="log-slow") as running:
        head = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        body = f"Authorization: Bearer {key}\r\nContent-Length: 500\r\n\r\n{{".encode()
        slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(100)]
        for place, connection in enumerate(slow):
            connection.sendall(head + (body if place % 2 else b""))
        begun, longest = time.monotonic(), 0.0
        with Load(running) as load:
            while time.monotonic() - begun < 13:
                asked = time.monotonic()
                assert running.predict()[0] == 200
                longest = max(longest, time.monotonic() - asked)
                time.sleep(0.05)
        assert load.broken == load.refused == 0
        assert longest < 1
        for place, connection in enumerate(slow):
            connection.settimeout(5)
            answer = connection.recv(999)
            assert answer.startswith(b"HTTP/1.1 408") if place % 2 else answer == b""
            connection.close()


def test_ten_thousand_mutated_bodies(service: Running) -> None:
    import psutil

    good = json.dumps({"rows": [ROW, {"heat": 3.5, "load": None, "colour": "blue"}]}).encode()
    chance = random.Random(4)
    memory = [psutil.Process(pid) for pid in service.workers()]
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    counts: dict[int, int] = {}
    sizes = []
    for turn in range(10_000):
        body = mutated(good, chance)
        connection.request("POST", "/v1/predict", body, service.headers())
        answer = connection.getresponse()
        answer.read()
        counts[answer.status] = counts.get(answer.status, 0) + 1
        assert answer.status < 500
        if answer.status == 200:
            assert valid(body), body
        else:
            assert not valid(body), body
        if turn % 1000 == 999:
            sizes.append(sum(p.memory_info().rss for p in memory))
    connection.close()
    assert counts[200] > 100
    assert counts[400] > 1000
    assert counts[422] > 500
    assert sizes[-1] < sizes[1] * 1.05


def test_bodies_that_are_large_nested_or_endless(service: Running) -> None:
    bodies = (
        b"[" * 1_000_000,
        b'{"rows":' + b"[" * 500_000,
        b'{"rows":[{"heat":' + b"9" * 900_000,
        b'{"rows":[' + b'{"heat":1},' * 90_000 + b"{}]}",
        b" " * 10_000_000,
    )
    for body in bodies:
        try:
            status, _ = service.ask("POST", "/v1/predict", body)
        except (ConnectionError, http.client.HTTPException):
            assert len(body) > 1 << 20  # it may hang up on a body that is too large
            continue
        assert 400 <= status < 500
    assert service.predict()[0] == 200


@pytest.mark.parametrize("strictness", ["flag", "refuse"])
def test_the_openapi_document_is_true(project: Project, key: str, strictness: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(project.path / "models/served", folder)
    with serving(project, key, log="log-st") as running:
        service = {"model": {k: v for k, v in running.ask("GET", "/v1/model")[1].items() if k in IDENTITY}}
    (folder / "service.json").write_text(json.dumps(service | {"serve": {"strictness": strictness}}))
    with serving(project, key, "--model", str(folder), log="log-st") as running:
        found = project.run(
            *("schemathesis", "run", f"http://127.0.0.1:{running.port}/openapi.json", "--no-color", "--seed", "5"),
            *("--header", f"Authorization: Bearer {key}", "--max-examples", "100"),
        )
        assert found.returncode == 0, found.stdout


IDENTITY = {"name", "version", "digest", "signature_digest"}


def mutated(good: bytes, chance: random.Random) -> bytes:
    """The body with something done to it."""
    at, length = chance.randrange(len(good)), chance.randrange(1, 12)
    pieces = [
        b"NaN", b"1e999", b"-1e39", b'"', b"\\", b"\xff", b"\x00", b"[", b"}", b'"heat": 1, ', b"null", b"true", b"e5",
        b"\xed\xa0\x80", b"1" * 50, b"\\ud800", b'"x": 1,', b"\x80\x04\x95", b" ", b"\n", b"0",
    ]  # fmt: skip
    done = chance.randrange(7)
    if done == 0:
        return good[:at]
    if done == 1:
        return good[:at] + good[at + length :]
    if done == 2:
        return good[:at] + chance.choice(pieces) + good[at:]
    if done == 3:
        return good[:at] + bytes([chance.randrange(256)]) + good[at + 1 :]
    if done == 4:
        return good[:at] + good[at : at + length] * 2 + good[at + length :]
    if done == 5:
        return good.decode().encode(chance.choice(["utf-16", "utf-32", "utf-7", "utf-8-sig"]))
    return good[:at] + chance.choice(pieces) + good[at + length :]


def valid(body: bytes) -> bool:
    """Whether the body is a request by the rules, read by the json module alone."""

    def once(members: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(members)) == len(members)
        return dict(members)

    def never(text: str) -> float:
        raise ValueError(text)

    try:
        request = json.loads(body.decode(), object_pairs_hook=once, parse_constant=never)
        assert set(request) == {"rows"}
        assert isinstance(request["rows"], list)
        assert request["rows"]
        for row in request["rows"]:
            assert {"heat", "colour"} <= set(row) <= {"heat", "load", "colour"}
            assert isinstance(row["colour"], str)
            assert row["colour"].encode()
            for name in ("heat", "load"):
                number = row.get(name)
                if number is not None or name == "heat":
                    assert isinstance(number, int | float)
                    assert not isinstance(number, bool)
                    assert abs(number) <= 3.4028234663852886e38
    except (ValueError, TypeError, AssertionError, AttributeError, RecursionError):
        return False
    return True
