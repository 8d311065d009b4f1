"""What `weighlock smoke` finds right and wrong in a service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weighlock.errors import EvidenceError
from weighlock.scoring import Scorer
from weighlock.serving import smoke as smoke_module
from weighlock.serving.smoke import ROWS, smoke

ROW = {"size": 0.5, "weight": 51.0, "count": 2, "new": True, "kind": "a", "port": "north"}
URL = "http://service.example"
Expected = Callable[..., Path]


@pytest.fixture
def expected(folder: Any) -> Expected:
    """The folder of a model that a service should have, with golden rows; scores are moved by `off`."""

    def make(task: str = "binary", off: float = 0.0) -> Path:
        path: Path = folder(task)
        rows = [ROW | {"size": place / 10} for place in range(ROWS + 3)]
        scores = Scorer.load(path).score({name: [row[name] for row in rows] for name in ROW})
        scores.reshape(-1)[-1] += off
        digest = json.loads((path / "signature.json").read_text())["digest"]
        golden = {"model": digest, "rows": rows, "scores": scores.tolist()}
        (path / "golden.json").write_text(json.dumps(golden))
        return path

    return make


def asked(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go to a service in this process."""

    def ask(url: str, key: str | None, content: Any = None) -> tuple[int, Any]:
        path = url.removeprefix(URL)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        answer = client.get(path, headers) if content is None else client.post(path, content, headers)
        return answer.status, answer.json

    monkeypatch.setattr(smoke_module, "ask", ask)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_service_that_is_right_passes(
    serve: Any, expected: Expected, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(serve(task), monkeypatch)
    found = list(smoke(f"{URL}/", expected(task), None))
    assert [(check.name, check.held) for check in found] == [
        ("/healthz", True), ("/readyz", True), ("model", True), ("golden rows", True),
    ]  # fmt: skip
    assert found[-1].found.startswith(f"{ROWS + 3}, largest difference")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_score_that_is_off_in_the_last_request_is_found(
    serve: Any, expected: Expected, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(serve(task), monkeypatch)
    last = list(smoke(URL, expected(task, off=1e-3), None))[-1]
    assert (last.name, last.held) == ("golden rows", False)


def test_another_model_is_not_asked_for_scores(serve: Any, expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve("binary")
    asked(client, monkeypatch)
    last = list(smoke(URL, expected("regression"), None))[-1]
    assert (last.name, last.held) == ("model", False)
    assert last.found == client.get("/v1/model").json["digest"]
    assert client.metric("weighlock_rows_total") == 0


def test_a_key_that_is_missing_is_said(serve: Any, expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(serve(open=False), monkeypatch)
    last = list(smoke(URL, expected(), None))[-1]
    assert (last.name, last.held) == ("model", False)
    assert last.found.startswith("status 401: Send `Authorization")


def test_golden_rows_that_are_refused_are_said(serve: Any, expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(serve(max_rows=5), monkeypatch)
    last = list(smoke(URL, expected(), None))[-1]
    assert (last.held, last.found) == (False, "status 422: `rows` should hold 1 to 5 rows, but holds 20.")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ftp://127.0.0.1", "127.0.0.1:3000"])
def test_where_nothing_answers_that_is_an_error(expected: Expected, url: str) -> None:
    with pytest.raises(EvidenceError):
        list(smoke(url, expected(), None))


def test_without_golden_rows_there_is_nothing_to_check(folder: Any) -> None:
    with pytest.raises(EvidenceError, match=r"golden\.json"):
        list(smoke(URL, folder(), None))
