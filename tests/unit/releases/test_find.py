"""A release's model: the tree's where it is the same, else what was fetched, else nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.errors import EvidenceError
from weighlock.files import file_digest
from weighlock.releases.find import find_next, find_release, folder_of
from weighlock.releases.record import Release, format_release


def model(folder: Path, digit: str) -> tuple[str, str]:
    folder.mkdir(parents=True)
    (folder / "signature.json").write_text(json.dumps({"target": "late", "digest": f"sha256:{digit * 64}"}))
    return f"sha256:{digit * 64}", file_digest(folder / "signature.json")


def recorded(root: Path, release: Release, digests: tuple[str, str]) -> None:
    served = release.served.model_copy(update={"digest": digests[0], "signature": digests[1]})
    path = root / "releases" / f"{release.version}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(format_release(release.model_copy(update={"served": served})))


def test_the_model_is_the_trees_or_what_was_fetched(release_of: Callable[..., Release], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    recorded(tmp_path, release_of("v1"), model(tmp_path / "models/served", "a"))
    recorded(tmp_path, release_of("v2"), model(tmp_path / folder_of("v2"), "b"))
    recorded(tmp_path, release_of("v3"), ("sha256:" + "c" * 64, "sha256:" + "d" * 64))
    model(tmp_path / folder_of("v3"), "a")

    at, service = find_release("v1", tmp_path)
    assert at == tmp_path / "models/served"
    assert (service.model.name, service.model.version, service.commit) == ("flights", "v1", "c" * 40)
    assert service.release is not None
    assert service.release["verdict"]["bootstrap"] is True
    assert find_release("v2", tmp_path)[0] == tmp_path / "models/releases/v2"
    with pytest.raises(EvidenceError, match=r"Run `weighlock fetch v3`"):
        find_release("v3", tmp_path)


def test_the_trees_model_as_it_will_be_called(release_of: Callable[..., Release], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(Path("params.yaml").read_text())
    recorded(tmp_path, release_of("v1"), ("sha256:" + "c" * 64, "sha256:" + "d" * 64))
    digests = model(tmp_path / "models/served", "a")

    at, service = find_next(tmp_path)

    assert at == tmp_path / "models/served"
    assert (service.model.name, service.model.version, service.model.digest) == ("flights", "v2", digests[0])
    recorded(tmp_path, release_of("v2"), digests)
    with pytest.raises(EvidenceError, match="the tree's model is `v2` already"):
        find_next(tmp_path)
