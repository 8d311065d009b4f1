from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom

from weighlock.errors import ConfigError, EvidenceError, ModelError
from weighlock.packaging import sbom
from weighlock.packaging.archive import Image, read_image
from weighlock.packaging.bento import Packed
from weighlock.packaging.image import check
from weighlock.packaging.libraries import readable
from weighlock.packaging.tools import Tool, find_tool

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Description: a library
 whose description
 .
 has lines of its own

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""
LABELS = {"weighlock.model": f"sha256:{'ab' * 32}", "weighlock.name": "late", "weighlock.version": "v3"}


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def tar(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in files.items():
            add(archive, name, content)
    return held.getvalue()


def saved(path: Path, *layers: dict[str, bytes]) -> Path:
    config = json.dumps({"config": {"User": "1034", "Labels": LABELS}}).encode()
    files = {f"{place}.tar": tar(layer) for place, layer in enumerate(layers)}
    manifest = [{"Config": "c.json", "Layers": list(files)}]
    path.write_bytes(tar({**files, "c.json": config, "manifest.json": json.dumps(manifest).encode()}))
    return path


def test_a_later_layer_replaces_and_removes(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "image.tar",
        {"./a": b"1", "b/c": b"22", "b/d": b"3", "e/f": b"4"},
        {"a": b"new", "b/.wh.c": b"", "e/.wh..wh..opq": b"", "e/g": b"5"},
    )
    image = read_image(path, lambda name: name != "b/d")
    assert image.files == {"a": b"new", "b/d": None, "e/g": b"5"}
    with tarfile.open(path) as archive:
        assert image.size == sum(archive.getmember(f"{place}.tar").size for place in (0, 1))
    assert image.config["User"] == "1034"
    with tarfile.open(path) as archive:
        held = archive.extractfile("c.json")
        assert held
        assert image.id == f"sha256:{hashlib.sha256(held.read()).hexdigest()}"


@pytest.mark.parametrize("content", [b"", b"no archive", tar({"manifest.json": b"[]"}), tar({"a": b""})])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.tar").write_bytes(content)
    with pytest.raises(EvidenceError, match="no saved image"):
        read_image(tmp_path / "image.tar", lambda _: True)


def test_the_bill_lists_what_is_installed_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the libraries, which `cyclonedx-py` lists within seconds, are compared with the lock in tests/e2e/test_image.py
    monkeypatch.setattr(sbom, "_distributions", lambda image: Bom())
    files: dict[str, bytes | None] = {
        "app/lib/numpy-2.4.6.dist-info/METADATA": b"Name: numpy",
        "var/lib/dpkg/status": STATUS.encode(),
        "usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "app/lib/numpy/__init__.py": None,
    }
    assert [sbom.says_what_is_installed(path) for path in files] == [True, True, True, False]
    path = tmp_path / "dist/late.cdx.json"
    count = sbom.write_sbom(Image("sha256:1", {"Labels": LABELS}, 9, files), "late", "v3", path)
    bill = json.loads(path.read_text())
    urls = {c.get("purl") for c in bill["components"]}
    assert urls == {"pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12", None}
    model = next(c for c in bill["components"] if c["type"] == "machine-learning-model")
    assert model["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert bill["metadata"]["component"]["type"] == "container"
    assert count == 2


def test_an_image_of_another_model_is_refused() -> None:
    bento = Packed("late:v3", Path(), {"weighlock.model": f"sha256:{hashlib.sha256(b'model').hexdigest()}"})
    check(b"model", bento)
    for content in (b"other", None):
        with pytest.raises(EvidenceError, match="late:v3"):
            check(content, bento)


Program = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Put a program on an otherwise empty path."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return make


def test_the_first_tool_that_answers_is_taken(program: Program) -> None:
    with pytest.raises(ConfigError, match="`docker` is not installed; `podman` is not installed"):
        find_tool()
    program("docker", "echo 'Cannot connect to the Docker daemon'")
    program("buildah", "exit 0")
    assert find_tool() == Tool("buildah")
    program("podman", "exit 0")
    assert find_tool() == Tool("podman")
    with pytest.raises(ConfigError, match="`docker info` fails"):
        find_tool("docker")


@pytest.mark.parametrize("name", ["docker", "podman", "buildah"])
def test_a_tool_is_told_base_labels_and_tag(program: Program, tmp_path: Path, name: str) -> None:
    program(name, f'for a in "$@"; do echo "$a"; done >> {tmp_path}/said')
    tool = Tool(name)
    tool.build(tmp_path / "context", "late:v3", {"BASE_IMAGE": "slim"}, {"a": "b c"})
    tool.save("late:v3", tmp_path / "image.tar")
    said = (tmp_path / "said").read_text().splitlines()
    assert said[said.index("--build-arg") + 1] == "BASE_IMAGE=slim"
    assert said[said.index("--label") + 1] == "a=b c"
    assert said[said.index("--tag") + 1] == "late:v3"
    wanted = f"docker-archive:{tmp_path}/image.tar:late:v3" if name == "buildah" else f"{tmp_path}/image.tar"
    assert wanted in said


def test_what_a_tool_says_of_its_failure_is_shown(program: Program, tmp_path: Path) -> None:
    program("podman", "echo 'no space left' >&2; exit 125")
    with pytest.raises(ModelError, match=r"`podman build` failed \(125\):\nno space left"):
        Tool("podman").build(tmp_path, "a:b", {}, {})


def test_everyone_may_read_and_nobody_write(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "a/b").touch(mode=0o600)
    readable(tmp_path)
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "a", tmp_path / "a/b")] == ["0o755", "0o644"]
