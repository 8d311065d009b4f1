"""What a request is answered, for each task; who may ask; and what happens when something is in the way."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weighlock.monitoring.prediction_log import LogFailure
from weighlock.scoring import Scorer
from weighlock.serving.engine import LARGE
from weighlock.serving.keys import add_key, revoke_key

ROW = {"size": 0.5, "weight": 51.0, "count": 2, "new": True, "kind": "a", "port": "north"}
ODD = ROW | {"count": 9, "kind": "zebra"}


def scores_of(client: Any, rows: list[Any]) -> Any:
    """What the scorer of evaluation and gate gives these rows."""
    scorer = Scorer.load(Path(client.started.settings.folder))
    return scorer.score({name: [row.get(name) for row in rows] for name in ROW})


def test_binary_gets_a_score_and_the_label_that_the_threshold_makes_of_it(serve: Any) -> None:
    client = serve()
    rows = [ROW | {"size": size} for size in np.linspace(-3, 3, 40)]
    answer = client.predict(*rows).json
    scores = scores_of(client, rows)
    threshold = 0.5  # the signature has none
    assert [p["score"] for p in answer["predictions"]] == scores.tolist()
    assert [p["label"] for p in answer["predictions"]] == ["yes" if s >= threshold else "no" for s in scores]
    assert {p["label"] for p in answer["predictions"]} == {"no", "yes"}
    assert answer["model"]["digest"] == client.started.settings.service.model.digest
    assert len({p["id"] for p in answer["predictions"]}) == 40


def test_multiclass_gets_scores_by_class_and_the_likeliest(serve: Any) -> None:
    client = serve("multiclass")
    prediction = client.predict(ROW).json["predictions"][0]
    scores = scores_of(client, [ROW])[0].tolist()
    assert prediction["scores"] == dict(zip(["low", "middle", "high"], scores, strict=True))
    assert prediction["label"] == max(prediction["scores"], key=prediction["scores"].get)


def test_regression_gets_a_value(serve: Any) -> None:
    client = serve("regression")
    prediction = client.predict(ROW).json["predictions"][0]
    assert prediction["value"] == scores_of(client, [ROW]).tolist()[0]
    assert set(prediction) == {"id", "value"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("rows", [1, LARGE])
def test_what_is_answered_is_logged_first_with_everything_that_tells_it_apart(serve: Any, task: str, rows: int) -> None:
    client = serve(task)
    headers = {"X-Entity-Id": "käthe", "X-Request-Id": "r-1"}
    answer = client.post("/v1/predict", {"rows": [*[ROW] * (rows - 1), ODD]}, {**headers, "X-Entity-Id": "kathe"})
    assert answer.headers["x-request-id"] == "r-1"
    logged = client.logged()
    assert [r["id"] for r in logged] == [p["id"] for p in answer.json["predictions"]]
    last, given = logged[-1], answer.json["predictions"][-1]
    assert last["model"] == answer.json["model"]
    assert last["features"] == {**ODD, "count": 9}
    assert (last["entity"], last["request"]) == ("kathe", "r-1")
    assert last["flags"] == given["flags"] == ["range:count", "unseen:kind"]
    assert [last[k] for k in ("score", "scores", "value", "label")] == [
        given.get(k) for k in ("score", "scores", "value", "label")
    ]
    assert dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(last["time"]) < dt.timedelta(minutes=1)


@pytest.mark.parametrize("change", [{}, {"size": 10**22}, {"kind": "ä\0]["}, {"kind": "zz"}, {"kind": ""}])
def test_the_log_holds_the_same_of_a_large_request_however_it_is_written(serve: Any, change: dict[str, Any]) -> None:
    client = serve()
    rows = [ROW | {"size": float(size)} for size in range(LARGE)] + [ROW | change]
    tight, spread = (json.dumps({"rows": rows}, indent=indent).encode() for indent in (None, 1))
    answers = [client.post("/v1/predict", content).json["predictions"] for content in (tight, spread)]
    logged = client.logged()
    assert [r["id"] for r in logged] == [p["id"] for given in answers for p in given]
    first, second = (
        [{k: v for k, v in r.items() if k not in {"id", "time"}} for r in part]
        for part in (logged[: len(rows)], logged[len(rows) :])
    )
    assert first == second
    (segment,) = (client.log / "segments").glob("*.jsonl")
    filled = change.get("kind") == ""  # what is logged is not what came
    assert segment.read_bytes().count(b"\n") == len(rows) + (len(rows) if filled else 1)


def test_requests_that_come_together_get_the_scores_that_they_get_alone(serve: Any) -> None:
    client = serve()
    rows = [ROW | {"size": float(size)} for size in np.linspace(-3, 3, 30)]
    alone = [client.predict(row).json["predictions"][0]["score"] for row in rows]

    async def together() -> list[float]:
        answers = await asyncio.gather(*(client.ask("POST", "/v1/predict", {"rows": [row]}) for row in rows))
        return [a.json["predictions"][0]["score"] for a in answers]

    assert asyncio.run(together()) == alone
    batches = client.metric('weighlock_batch_rows_bucket{model_version="')
    assert client.metric("weighlock_rows_total") == 60
    assert batches
    assert client.metric("weighlock_batch_rows_count") == 31  # thirty alone, and one of thirty


def test_columns_are_hashed_and_dropped_in_the_log_and_rows_sampled(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHLOCK_LOG_HASH_KEY", "0123456789abcdef")
    client = serve(log={"hash": ["kind", "entity"], "drop": ["weight"], "sample": 0.5})
    for _ in range(100):
        assert client.predict(ROW, **{"X-Entity-Id": "secret"}).status == 200
    logged = client.logged()
    assert 25 < len(logged) < 75
    assert "weight" not in logged[0]["features"]
    assert logged[0]["features"]["kind"].startswith("h:")
    assert logged[0]["entity"].startswith("h:")


# --- who may ask ------------------------------------------------------------------------------------------------------


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_without_keys_nobody_may_ask_and_health_is_open(serve: Any) -> None:
    client = serve(open=False)
    for path in ("/v1/predict", "/v1/feedback"):
        refused = client.post(path, {"rows": [ROW]}, bearer("wl_x"))
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/v1/model").status == 401
    assert [client.get(p).status for p in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")] == [200] * 5
    assert client.logged() == []


def test_a_key_opens_its_scopes_until_it_is_revoked(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, today = tmp_path / "keys.json", dt.date(2026, 1, 1)
    predict, admin = (add_key(file, name, [name], today) for name in ("predict", "admin"))
    client = serve(keys=file)
    monkeypatch.setattr("weighlock.serving.keys.CHECK_SECONDS", 0.0)
    assert client.predict(ROW, **bearer(predict)).status == 200
    assert client.predict(ROW, **bearer(admin)).status == 403
    assert client.get("/v1/model", bearer(admin)).status == 200
    assert client.post("/v1/feedback", {}, bearer(predict)).status == 403
    for header in ({}, bearer("wl_wrong"), {"Authorization": predict}, {"Authorization": f"Basic {predict}"}):
        assert client.predict(ROW, **header).status == 401
    revoke_key(file, "predict")
    assert client.predict(ROW, **bearer(predict)).status == 401


def test_no_answer_and_no_page_tells_a_key(serve: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "keys.json"
    key = add_key(file, "me", ["predict"], dt.date(2026, 1, 1))
    digest = json.loads(file.read_text())["keys"][0]["sha256"]
    client = serve(keys=file)
    answers = [
        client.predict(ROW, **bearer(key)),
        client.predict({"size": key[1:]}, **bearer(key)),
        client.predict(ROW, **bearer(key + "x")),
        *(client.get(path, bearer(key)) for path in ("/v1/model", "/metrics", "/docs", "/nowhere")),
    ]
    said = b"".join(a.body for a in answers).decode() + str([a.headers for a in answers]) + caplog.text
    said += json.dumps(client.logged())
    assert key not in said
    assert digest not in said
    assert str(file) not in said


# --- what is in the way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "header"),
    [
        ("GET", "/v1/predict", 405, ("allow", "POST")),
        ("POST", "/v1/model", 405, ("allow", "GET, HEAD")),
        ("DELETE", "/metrics", 405, ("allow", "GET, HEAD")),
        ("GET", "/", 404, None),
        ("POST", "/predict", 404, None),
        ("GET", "/v1/predict/", 404, None),
        ("HEAD", "/readyz", 200, None),
    ],
)
def test_paths_and_methods(serve: Any, method: str, path: str, status: int, header: tuple[str, str] | None) -> None:
    answer = asyncio.run(serve().ask(method, path))
    assert answer.status == status
    if header:
        assert answer.headers[header[0]] == header[1]
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        assert answer.json["type"].startswith("/docs#")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/vnd.bentoml+pickle"}, 415),
        ({"content-type": "application/octet-stream"}, 415),
        ({"content-type": "text/json"}, 415),
        ({"content-type": ""}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "Application/JSON"}, 200),
        ({"x-request-id": ""}, 400),
        ({"x-entity-id": "x" * 201}, 400),
        ({"x-entity-id": "a\tb"}, 400),
        ({"x-entity-id": "x" * 200}, 200),
    ],
)
def test_headers(serve: Any, headers: dict[str, str], status: int) -> None:
    assert serve().post("/v1/predict", {"rows": [ROW]}, headers).status == status


def parts(*contents: bytes, last: bool = True) -> Any:
    messages = [{"type": "http.request", "body": c, "more_body": True} for c in contents]
    if last:
        messages[-1]["more_body"] = False
    return iter(messages)


def test_a_body_may_come_in_parts_and_not_be_too_large(serve: Any) -> None:
    client = serve(max_kilobytes=1, max_rows=2)
    content = json.dumps({"rows": [ROW]}).encode()
    assert client.post("/v1/predict", b"", parts=parts(content[:9], content[9:50], content[50:])).status == 200
    for answer in (
        client.post("/v1/predict", content, {"content-length": "1025"}),
        client.post("/v1/predict", b"", parts=parts(content, b" " * 1024)),
    ):
        assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert client.post("/v1/predict", {"rows": [ROW] * 3}).status == 422


def test_too_many_bodies_at_once_are_told_to_come_back(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.serving.bodies.BUFFERED", 100)
    answer = serve().post("/v1/predict", b"", parts=parts(b" " * 101, b" ", b" "))
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")


def test_a_body_that_does_not_come_is_given_up_and_others_are_answered_meanwhile(serve: Any) -> None:
    client = serve(timeout_seconds=0.2)

    async def both() -> tuple[Any, Any]:
        tick = asyncio.create_task(client.started.application.tick())
        slow = asyncio.create_task(client.ask("POST", "/v1/predict", parts=parts(b'{"rows"', last=False)))
        await asyncio.sleep(0)
        quick = await client.ask("POST", "/v1/predict", {"rows": [ROW]})
        assert not slow.done()
        found = await slow
        tick.cancel()
        return quick, found

    quick, slow = asyncio.run(both())
    assert (quick.status, slow.status, slow.headers["connection"]) == (200, 408, "close")


def test_a_client_that_hangs_up_gets_nothing_and_leaves_nothing(serve: Any) -> None:
    client = serve()
    gone = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    assert client.post("/v1/predict", b"", parts=gone).status == 0
    assert client.logged() == []
    assert client.predict(ROW).status == 200


@pytest.mark.parametrize("rows", [1, LARGE])
def test_more_requests_than_allowed_are_told_to_come_back(serve: Any, rows: int) -> None:
    client = serve(max_concurrent=3)

    async def crowd() -> list[Any]:
        return await asyncio.gather(*(client.ask("POST", "/v1/predict", {"rows": [ROW] * rows}) for _ in range(10)))

    answers = asyncio.run(crowd())
    assert sorted(a.status for a in answers) == [200] * 3 + [429] * 7
    assert {a.headers.get("retry-after") for a in answers if a.status == 429} == {"1"}
    assert len(client.logged()) == 3 * rows
    assert client.predict(ROW).status == 200


def test_a_large_request_that_takes_too_long_is_given_up(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    client = serve(timeout_seconds=0.1)
    monkeypatch.setattr(client.started.engine._model, "score_columns", lambda rows: time.sleep(0.4))
    answer = client.post("/v1/predict", {"rows": [ROW] * LARGE})
    assert (answer.status, answer.json["type"]) == (503, "/docs#too-slow")
    assert client.logged() == []


@pytest.mark.parametrize(("policy", "status"), [("refuse", 503), ("answer", 200)])
@pytest.mark.parametrize("rows", [1, LARGE])
def test_a_log_that_cannot_be_written_is_told_once_and_counted(
    serve: Any, policy: str, status: int, rows: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(on_log_failure=policy)
    writing = os.write

    def full(file: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    answers = [client.post("/v1/predict", {"rows": [ROW] * rows}) for _ in range(3)]
    assert [a.status for a in answers] == [status] * 3
    assert client.metric("weighlock_log_failures_total") == 3
    assert caplog.text.count("No space left on device") == 1
    monkeypatch.setattr(os, "write", writing)
    assert client.predict(ROW).status == 200
    assert len(client.logged()) == 1


def test_a_row_without_a_finite_score_is_refused_and_its_company_is_not(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve("regression")
    model = client.started.engine._model
    scoring = model.score_rows

    def overflowing(rows: Any) -> Any:
        scores = scoring(rows)
        scores[[row[0] == 77.0 for row in rows]] = np.inf
        return scores

    monkeypatch.setattr(model, "score_rows", overflowing)

    async def both() -> list[Any]:
        bodies = ({"rows": [ROW, ROW | {"size": 77.0}]}, {"rows": [ROW]})
        return await asyncio.gather(*(client.ask("POST", "/v1/predict", body) for body in bodies))

    bad, good = asyncio.run(both())
    assert (bad.status, good.status) == (422, 200)
    assert bad.json["errors"] == [
        {"row": 1, "field": None, "problem": "has no finite score; a number in it is too large"}
    ]
    assert len(client.logged()) == 1


def test_a_defect_is_500_and_is_in_the_log(
    serve: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve()

    def broken(rows: Any) -> Any:
        raise ZeroDivisionError("within")

    monkeypatch.setattr(client.started.engine._model, "score_rows", broken)
    answer = client.predict(ROW)
    assert (answer.status, "within" in answer.body.decode(), "within" in caplog.text) == (500, False, True)
    assert client.metric('weighlock_requests_total{endpoint="predict",status="500"}') == 1


def test_the_clock_may_step_back(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    times = iter(["2026-01-02T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z"])
    monkeypatch.setattr("weighlock.serving.engine.now", lambda: next(times))
    assert [client.predict(ROW).status for _ in range(2)] == [200, 200]
    assert [r["time"][:10] for r in client.logged()] == ["2026-01-02", "2026-01-01"]
    assert client.metric("weighlock_request_seconds_sum") >= 0


# --- truths -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "truth", "kept"),
    [
        ("binary", "yes", "yes"), ("multiclass", "low", "low"), ("regression", 1.5, 1.5), ("regression", -2, -2),
        ("binary", "maybe", None), ("binary", True, None), ("regression", "1.5", None), ("regression", True, None),
        ("multiclass", 1, None),
    ],
)  # fmt: skip
def test_truths_are_checked_and_kept(serve: Any, task: str, truth: Any, kept: Any) -> None:
    client = serve(task)
    known = client.predict(ROW).json["predictions"][0]["id"]
    answer = client.post("/v1/feedback", {"rows": [{"id": known, "truth": truth}]})
    if kept is None:
        assert answer.status == 422
        assert answer.json["errors"][0]["field"] == "truth"
        assert len(client.logged()) == 1
        return
    assert answer.json == {"accepted": 1}
    record = client.logged()[-1]
    assert (record["kind"], record["id"], record["truth"]) == ("feedback", known, kept)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"{}", 422),
        ({"rows": []}, 422),
        ({"rows": [{"id": "a"}]}, 422),
        ({"rows": [{"id": "", "truth": "no"}]}, 422),
        ({"rows": [{"id": "a b", "truth": "no"}]}, 422),
        ({"rows": [{"id": "a" * 65, "truth": "no"}]}, 422),
        ({"rows": [{"id": "a", "truth": "no", "why": 1}]}, 422),
        (b'{"rows": [{"id": "a", "id": "b", "truth": "no"}]}', 422),
    ],
)
def test_truths_that_are_none(serve: Any, body: Any, status: int) -> None:
    client = serve()
    assert client.post("/v1/feedback", body).status == status
    assert client.logged() == []


def test_a_truth_that_cannot_be_kept_is_refused_whatever_the_policy(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(on_log_failure="answer")

    def failing(records: Any) -> None:
        raise LogFailure("full")

    monkeypatch.setattr(client.started.engine._log, "append", failing)
    assert client.post("/v1/feedback", {"rows": [{"id": "a", "truth": "no"}]}).status == 503


def test_the_model_says_what_it_is(serve: Any) -> None:
    client = serve()
    found, service = client.get("/v1/model").json, client.started.settings.service
    assert found["digest"] == service.model.digest
    assert found["signature"]["features"][0]["name"] == "size"
    assert {"name", "version", "signature_digest", "commit", "release", "metrics"} <= set(found)
