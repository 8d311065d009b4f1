"""A push and a bento's file: what is told of them is looked at."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.errors import ConfigError, EvidenceError, ModelError
from weighlock.packaging.bento_file import require_bento_file
from weighlock.packaging.container import try_image
from weighlock.packaging.tools import Tool

IMAGE, DIGEST = "registry.example:5000/acme/parts:v1", f"sha256:{'a' * 64}"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """`program(name, script)`: what is called by that name."""

    def make(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return make


def test_docker_says_the_digest_of_the_registry_that_was_pushed_to(program: Callable[[str, str], None]) -> None:
    others = f'["other.example/acme/parts@{DIGEST}","registry.example:5000/acme/parts@{DIGEST}"]'
    program("docker", f"if [ $1 = image ]; then echo '{others}'; fi")
    assert Tool("docker").push(IMAGE) == f"registry.example:5000/acme/parts@{DIGEST}"


def test_podman_writes_it_to_a_file(program: Callable[[str, str], None]) -> None:
    program("podman", f'[ "$3" = --digestfile ] && printf {DIGEST} > "$4"')
    assert Tool("podman").push(IMAGE) == f"registry.example:5000/acme/parts@{DIGEST}"


def test_a_push_that_tells_no_digest_or_fails_is_none(program: Callable[[str, str], None]) -> None:
    program("docker", "if [ $1 = image ]; then echo null; fi")
    with pytest.raises(ModelError, match="does not say which digest"):
        Tool("docker").push(IMAGE)
    program("docker", "echo denied >&2; exit 1")
    with pytest.raises(ModelError, match="denied"):
        Tool("docker").push(IMAGE)


def bento(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_bentos_file_is_of_the_model_or_refused(tmp_path: Path) -> None:
    files = {
        "bento.yaml": b"name: parts\nversion: v1\n", "src/model/model.onnx": b"m", "src/model/signature.json": b"s",
    }  # fmt: skip
    whole = bento(tmp_path / "a.bento", files)
    assert require_bento_file(whole, digest(b"m"), digest(b"s")) == "parts:v1"
    with pytest.raises(EvidenceError, match=r"as `src/model/model\.onnx`, but the model is"):
        require_bento_file(whole, digest(b"x"), digest(b"s"))
    del files["bento.yaml"]
    with pytest.raises(EvidenceError, match="does not say which bento"):
        require_bento_file(bento(tmp_path / "b.bento", files), digest(b"m"), digest(b"s"))
    (tmp_path / "c.bento").write_bytes(b"no archive")
    with pytest.raises(EvidenceError, match="is no bento's file"):
        require_bento_file(tmp_path / "c.bento", digest(b"m"), digest(b"s"))


def test_a_container_that_ends_tells_its_last_words(program: Callable[[str, str], None], tmp_path: Path) -> None:
    program("podman", "[ $1 = rm ] || { echo the model cannot be read; exit 7; }")
    with pytest.raises(ModelError, match=r"ended with 7 instead of answering:\nthe model cannot be read"):
        try_image(IMAGE, tmp_path, Tool("podman"))
    program("podman", "[ $1 = rm ] || exec sleep 20")
    with pytest.raises(ModelError, match=r"was not ready within 0\.1 s"):
        try_image(IMAGE, tmp_path, Tool("podman"), seconds=0.1)
    with pytest.raises(ConfigError, match="buildah builds images and does not run them"):
        try_image(IMAGE, tmp_path, Tool("buildah"))
