"""What a worker refuses to start with: each fault is planted."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from weighlock.errors import ConfigError, EvidenceError, WeighlockError
from weighlock.serving import startup
from weighlock.serving.asgi import Entry
from weighlock.serving.find import find_service, identify
from weighlock.serving.model import ServedModel, opset
from weighlock.serving.settings import beside, from_environment
from weighlock.serving.startup import Started
from weighlock.serving.supervisor import bind

ROW = {"size": 0.5, "weight": 51.0, "count": 2, "new": True, "kind": "a", "port": "north"}


def edited(folder: Path, **change: Any) -> None:
    path = folder / "signature.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("learner", ["lightgbm", "linear"])
def test_the_operators_are_those_that_onnx_itself_reads(folder: Any, task: str, learner: str) -> None:
    content = (folder(task, learner) / "model.onnx").read_bytes()
    told = {o.domain or "ai.onnx": o.version for o in onnx.load_from_string(content).opset_import}
    assert opset(content) == told


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_score_as_the_scorer_scores_them(folder: Any, task: str, rows_of: Any) -> None:
    model = ServedModel.open(folder(task))
    rows = rows_of(task).head(60)
    order = [*(f.name for f in model.signature.features if f.type != "category"), "kind", "port"]
    values = [tuple(None if v != v else v for v in row) for row in rows[order].itertuples(index=False)]
    np.testing.assert_array_equal(model.score_rows(values), model.score(rows))
    assert np.isfinite(model.score_rows([model.blank()])).all()


def test_a_model_of_other_operators_is_refused(folder: Any) -> None:
    path = folder()
    edited(path, opset={"ai.onnx": 17, "ai.onnx.ml": 3})
    with pytest.raises(EvidenceError, match="uses the operators"):
        ServedModel.open(path)


@pytest.mark.parametrize("content", [b"", b"\xff", b"no model at all", b"\x42\xff\xff\xff\xff\x7f"])
def test_what_is_no_onnx_file_has_no_operators(content: bytes) -> None:
    try:
        assert opset(content) == {}
    except EvidenceError as error:
        assert "no ONNX file" in str(error)


@pytest.mark.parametrize("fault", ["truncated", "swapped", "corrupt", "missing", "another signature", "no signature"])
def test_a_model_that_is_not_the_one_to_serve_is_refused(settings_of: Any, folder: Any, fault: str) -> None:
    settings = settings_of()
    model = Path(settings.folder) / "model.onnx"
    content = model.read_bytes()
    if fault == "truncated":
        model.write_bytes(content[:-100])
    elif fault == "swapped":
        model.write_bytes((folder("regression") / "model.onnx").read_bytes())
    elif fault == "corrupt":
        model.write_bytes(content[:50] + b"\0" + content[51:])
    elif fault == "missing":
        model.unlink()
    elif fault == "another signature":
        edited(Path(settings.folder), threshold=0.9)
    else:
        (Path(settings.folder) / "signature.json").unlink()
    with pytest.raises(EvidenceError):
        Started(settings)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"scores": [0.123]}, "otherwise"),
        ({"scores": [0.1, 0.2]}, "otherwise"),
        ({"model": "sha256:0"}, "is of the model"),
        ({"rows": [{}]}, "no golden rows"),
        ({"scores": ["x"]}, "no golden rows"),
    ],
)
def test_golden_rows_must_score_as_they_did(settings_of: Any, change: dict[str, Any], reason: str | None) -> None:
    settings = settings_of()
    folder = Path(settings.folder)
    model = ServedModel.open(folder)
    scores = model.score({k: [v] for k, v in ROW.items()}).astype(float).round(7).tolist()
    golden = {"model": model.signature.digest, "rows": [ROW], "scores": scores} | change
    (folder / "golden.json").write_text(json.dumps(golden))
    if reason is None:
        Started(settings).close()
        return
    with pytest.raises(EvidenceError, match=reason):
        Started(settings)


def test_a_misspelt_column_of_the_log_is_refused(settings_of: Any) -> None:
    with pytest.raises(ConfigError, match="Did you mean `kind`"):
        Started(settings_of(log={"drop": ["knid"]}))


def test_missing_keys_are_refused(settings_of: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        Started(settings_of(keys=tmp_path / "none.json"))


def lived(settings: Any) -> list[Any]:
    """The messages of a life: started, then told to stop."""
    sent: list[Any] = []
    told = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return next(told)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Entry(settings)({"type": "lifespan"}, receive, send))
    return sent


def test_a_life_begins_and_ends(settings_of: Any) -> None:
    settings = settings_of()
    assert [m["type"] for m in lived(lambda: settings)] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_failed_start_says_why(settings_of: Any) -> None:
    settings = settings_of()
    (Path(settings.folder) / "model.onnx").write_bytes(b"")
    (message,) = lived(lambda: settings)
    assert message["type"] == "lifespan.startup.failed"
    assert "digest" in message["message"]


def test_settings_travel_by_the_environment(settings_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(strictness="refuse", max_rows=7)
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    assert from_environment() == settings
    monkeypatch.setenv("WEIGHLOCK_SERVICE", "{}")
    with pytest.raises(ConfigError, match="holds no settings"):
        from_environment()
    monkeypatch.delenv("WEIGHLOCK_SERVICE")
    assert from_environment() is None


def test_a_bento_finds_its_model_beside_it(settings_of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = settings_of()
    folder = Path(settings.folder)
    (folder / "service.json").write_text(settings.service.model_dump_json())
    monkeypatch.setenv("WEIGHLOCK_LOG_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WEIGHLOCK_KEYS", "/run/keys.json")
    found = beside(folder)
    assert (found.service, found.log, found.keys) == (settings.service, str(tmp_path / "elsewhere"), "/run/keys.json")
    with pytest.raises(EvidenceError, match="no model beside"):
        beside(tmp_path / "nowhere")


def tree(root: Path, folder: Path) -> Path:
    repository = Path(__file__).parents[3]
    (root / "models").mkdir()
    folder.rename(root / "models" / "served")
    (root / "params.yaml").write_text((repository / "params.yaml").read_text())
    return root


def test_the_trees_model_is_named_by_its_digest(folder: Any, tmp_path: Path) -> None:
    root = tree(tmp_path, folder())
    at, service = find_service(None, root)
    assert service.model == identify(at)
    assert service.model.version == f"tree-{service.model.digest[7:15]}"
    assert (service.serve.strictness, service.serve.open) == ("flag", False)


def test_a_misspelt_knob_is_named(folder: Any, tmp_path: Path) -> None:
    root = tree(tmp_path, folder())
    path = root / "params.yaml"
    path.write_text(path.read_text().replace("strictness: flag", "strictnes: flag"))
    with pytest.raises(ConfigError, match="Did you mean `strictness`"):
        find_service(None, root)


def test_an_address_that_is_taken_is_told() -> None:
    taken = bind("127.0.0.1", 0)
    taken.listen()
    try:
        for host, port in (("127.0.0.1", taken.getsockname()[1]), ("192.0.2.1", 0), ("127.0.0.1", 99999)):
            with pytest.raises(WeighlockError, match="cannot be bound"):
                bind(host, port)
    finally:
        taken.close()


def test_a_worker_keeps_the_collector_away_from_what_lives_as_long_as_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    for module, name in ((gc, "collect"), (gc, "freeze"), (gc, "set_threshold"), (sys, "setswitchinterval")):
        monkeypatch.setattr(module, name, lambda *values, name=name: asked.append((name, values)))

    startup.tune()

    assert asked[:2] == [("collect", ()), ("freeze", ())]  # in this order: garbage is not to be kept
    assert asked[2:] == [
        ("set_threshold", (startup.COLLECT_AFTER, 20, 100)),
        ("setswitchinterval", (startup.SWITCH_SECONDS,)),
    ]


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"`.*/away` holds no model: no `signature\.json`"):
        find_service(tmp_path / "away", tmp_path)
