"""What cosign is asked, and what its answers come to; what it does itself cannot be shown here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.errors import ConfigError
from weighlock.releases import signatures
from weighlock.releases.record import Release
from weighlock.releases.signatures import ISSUER, Signer, signatures_of, signer_from
from weighlock.releases.sources import NotThereError

IMAGE = f"ghcr.io/acme/flights/parts@sha256:{'a' * 64}"
SIGNER = Signer("https://github.com/acme/flights")
IDENTITY = "https://github.com/acme/flights/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture
def cosign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`cosign(code, said)`: one that ends so; gives the file with what it was asked."""

    def make(code: int = 0, said: str = "") -> Path:
        asked = tmp_path / "asked"
        script = tmp_path / "cosign"
        script.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho "{said}" >&2\nexit {code}\n')
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return asked

    return make


def test_cosign_is_asked_for_this_workflow_of_this_branch(
    cosign: Callable[..., Path], release_of: Callable[..., Release], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = cosign()
    monkeypatch.setattr(signatures, "assets", lambda release, names, root: {names[0]: b"{}"})

    found = signatures_of(release_of("v1", image=IMAGE), b"model", SIGNER, tmp_path)

    assert [(one.of, one.fault) for one in found] == [("`v1`'s model", None), ("`v1`'s image", None)]
    model, image = asked.read_text().splitlines()
    assert model.startswith("verify-blob --bundle /")
    assert model.split()[3:7] == ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    assert model.endswith("/model.onnx")
    assert image == f"verify --certificate-identity {IDENTITY} --certificate-oidc-issuer {ISSUER} {IMAGE}"


@pytest.mark.parametrize(
    ("said", "missing"),
    [("Error: no signatures found", True), ("Error: none of the expected identities matched", False)],
)
def test_none_and_a_wrong_one_are_told_apart(
    cosign: Callable[..., Path], release_of: Callable[..., Release], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    said: str, missing: bool,
) -> None:  # fmt: skip
    cosign(1, said)

    def none(*_: object) -> None:
        raise NotThereError("it has no such asset")

    monkeypatch.setattr(signatures, "assets", none)

    model, image = signatures_of(release_of("v1", image=IMAGE), b"model", SIGNER, tmp_path)

    assert (model.missing, image.missing) == (True, missing)
    assert model.fault == "no signature is to be had: it has no such asset"
    assert said in str(image.fault)


def test_without_cosign_nobody_can_tell(
    release_of: Callable[..., Release], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(signatures, "assets", lambda release, names, root: {names[0]: json.dumps({}).encode()})
    (model,) = signatures_of(release_of("v1", image=None), b"model", SIGNER, tmp_path)
    assert model.missing
    assert "cosign is not installed" in str(model.fault)


def test_whose_signatures_count_is_the_environments() -> None:
    assert signer_from({"GITHUB_REPOSITORY": "acme/flights"}) == SIGNER
    found = signer_from(
        {"GITHUB_REPOSITORY": "a/b", "GITHUB_SERVER_URL": "https://ghe.example/", "WEIGHLOCK_BRANCH": "trunk"}
    )
    assert found.words[1] == "https://ghe.example/a/b/.github/workflows/release.yml@refs/heads/trunk"
    with pytest.raises(ConfigError, match="GITHUB_REPOSITORY"):
        signer_from({})
