from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.errors import EvidenceError
from weighlock.files import file_digest
from weighlock.packaging.bento import check, labels, require_bento, slug, stage
from weighlock.serving.find import identify
from weighlock.serving.settings import Service, beside

ROOT = Path(__file__).parents[3]
Packable = Callable[[], tuple[Path, Service]]


@pytest.fixture
def packable(trained: Any, tmp_path: Path) -> Packable:
    """A folder with a model and its golden rows, and what is known of it."""

    def make() -> tuple[Path, Service]:
        model = trained("binary", "linear")
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "model.onnx").write_bytes(model.content)
        (folder / "signature.json").write_text(json.dumps(model.signature.to_json()))
        golden = {"model": model.signature.digest, "rows": [], "scores": []}
        (folder / "golden.json").write_text(json.dumps(golden))
        return folder, Service(model=identify(folder), commit="abc")

    return make


def test_a_whole_model_is_packed_with_how_it_is_served(packable: Packable, tmp_path: Path) -> None:
    folder, service = packable()
    check(folder, service)
    into = tmp_path / "staged"
    into.mkdir()
    stage(folder, service, ROOT, into)
    assert beside(into / "model").service == service
    assert (into / "model/model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()
    assert (into / "requirements.txt").read_text() == (ROOT / "serving/requirements.lock").read_text()
    assert not list(into.rglob("*.pyc"))


@pytest.mark.parametrize("name", ["model.onnx", "signature.json", "golden.json"])
@pytest.mark.parametrize("fault", ["missing", "another"])
def test_what_is_not_of_one_model_is_not_packed(packable: Packable, name: str, fault: str) -> None:
    folder, service = packable()
    if fault == "missing":
        (folder / name).unlink()
    else:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(
            content.replace(b"sha256:", b"sha256:0") if name == "golden.json" else content + b" "
        )
    with pytest.raises(EvidenceError, match=re.escape(str(folder / name))):
        check(folder, service)


def test_it_is_packed_from_the_repository_only(packable: Packable, tmp_path: Path) -> None:
    folder, service = packable()
    with pytest.raises(EvidenceError, match="repository's root"):
        stage(folder, service, tmp_path, tmp_path)


@pytest.mark.processes
def test_importing_the_service_opens_no_model(packable: Packable, tmp_path: Path) -> None:
    folder, service = packable()
    into = tmp_path / "staged"
    into.mkdir()
    stage(folder, service, ROOT, into)
    (into / "model/model.onnx").write_bytes(b"torn")
    (into / "model/service.json").unlink()
    for library in ("onnxruntime", "numpy"):
        (into / f"{library}.py").write_text("raise RuntimeError('nobody needs this to build')")
    told = """
import sys
import service
image = service.service.image
assert image.base_image == "here/slim:1" and "onnxruntime==" in image.python_requirements
assert type(service.service.to_asgi()).__name__ == "Entry"
assert not {"onnxruntime", "numpy", "weighlock.serving.startup", "weighlock.scoring"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=into,
        env={"WEIGHLOCK_BASE_IMAGE": "here/slim:1", "BENTOML_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_labels_say_which_model_it_is(packable: Packable) -> None:
    _, service = packable()
    found = labels(service)
    assert found["weighlock.model"] == service.model.digest
    assert found["weighlock.commit"] == "abc"
    assert labels(Service(model=service.model))["weighlock.commit"] == "unknown"


@given(st.text())
def test_every_target_has_a_name_that_bentos_and_images_may_have(name: str) -> None:
    found = slug(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found)
    assert len(found) <= 63
    assert slug(found) == found


def test_the_image_gets_the_versions_that_models_are_proved_with() -> None:
    def pinned(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", path.read_text(), re.MULTILINE))

    served, proved = pinned(ROOT / "serving/requirements.lock"), pinned(ROOT / "requirements.lock")
    assert served.items() <= proved.items()
    assert {"numpy", "onnxruntime", "msgspec", "uvicorn", "bentoml"} <= set(served)
    assert not {"lightgbm", "scikit-learn", "pandas", "scipy", "pyarrow", "onnx", "dvc", "mlflow"} & set(served)
    assert "://" not in re.sub(r"#.*", "", (ROOT / "serving/requirements.lock").read_text())


def test_a_bento_of_a_release_holds_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    model = tmp_path / "bentos/flights/v1/src/model"
    model.mkdir(parents=True)
    for name in ("model.onnx", "signature.json"):
        (model / name).write_text(name)
    digest, signature = (file_digest(model / name) for name in ("model.onnx", "signature.json"))

    require_bento("flights:v1", digest, signature)
    with pytest.raises(
        EvidenceError, match=r"`flights:v1` holds sha256:\w+ as `model\.onnx`, but the model is sha256:0"
    ):
        require_bento("flights:v1", "sha256:0", signature)
    for tag in ("flights:v2", "flights", "flights:"):
        with pytest.raises(EvidenceError, match=f"There is no bento `{tag}`"):
            require_bento(tag, digest, signature)
