"""A record of what the tree holds: of one piece, of a commit, as DVC has it, and read back as it was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.results import lock_of, make_result, md5, models, sh, sha256_of
from weighlock.errors import ConfigError, EvidenceError, RepositoryError
from weighlock.releases.compose import read_models, released_as, require_committed
from weighlock.releases.evidence import read_evidence
from weighlock.releases.record import Release, check_image, next_version, read_release, read_release_params, versions

pytestmark = pytest.mark.processes

Record = Callable[..., Release]
IMAGE = f"registry.example.org/parts@sha256:{'6' * 64}"


def test_a_record_says_it_all(result: Path, recorded: Record) -> None:
    of = sh(result, "rev-parse", "HEAD")

    release = recorded(result, image=IMAGE, bento="parts:v1")

    assert release == read_release("v1", result)
    assert (release.version, release.name, release.commit) == ("v1", "parts", of)
    assert (release.by, release.at) == ("Ada <ada@example.org>", "2024-04-01T00:00:00Z")
    assert release.lock == sha256_of((result / "dvc.lock").read_bytes())
    assert release.params == sha256_of((result / "params.yaml").read_bytes())
    assert (release.data.start, release.data.end) == ("2024-01-01", "2024-03-31")
    assert release.data.outputs == {"data/raw": f"{'7' * 32}.dir", "data/valid.parquet": "8" * 32}
    assert (release.weighed.digest, release.served.digest) == (sha256_of(b"weighed"), sha256_of(b"served"))
    assert release.served.files["models/served/model.onnx"] == md5(b"served")
    assert release.served.trained_until == "2024-03-01T00:00Z"
    assert release.metrics == {"log_loss": 0.25, "roc_auc": 0.8}
    assert (release.image, release.bento) == (IMAGE, "parts:v1")
    assert read_evidence(release, result).json("metrics.json")["rows"] == 40
    added = sh(result, "show", "--format=", "--name-only").splitlines()
    assert sorted(added) == sorted([*release.evidence, "releases/v1.yaml"])
    assert sh(result, "status", "--porcelain") == ""


def test_the_next_version_and_what_is_released_already(result: Path, recorded: Record) -> None:
    assert released_as(read_models(result), result) is None
    first = recorded(result)
    assert released_as(read_models(result), result) == first

    make_result(result, weighed=b"weighed again", served=b"served again")
    assert released_as(read_models(result), result) is None
    recorded(result)
    assert versions(result) == ["v1", "v2"]
    assert next_version(result) == "v3"

    (result / "releases/v1.yaml").unlink()
    with pytest.raises(EvidenceError, match=r"`releases/v1\.yaml` is missing, but there are later ones"):
        next_version(result)


def test_a_tree_with_changes_is_of_no_commit(result: Path) -> None:
    (result / "stray.txt").write_text("git does not know it\n")
    require_committed(result)
    for name in ("params.yaml", "schema.yaml", "mine.csv", "dvc.lock"):
        (result / name).write_text("changed\n")

    with pytest.raises(RepositoryError, match=r"`dvc.lock`, `mine.csv`, `params.yaml` and 1 more: changed and not"):
        require_committed(result)


def test_models_are_as_the_lock_says(result: Path) -> None:
    (result / "models/served/golden.json").write_text("[]")
    with pytest.raises(EvidenceError, match=r"`models/served/golden\.json` is not what `dvc\.lock` says"):
        read_models(result)
    (result / "models/served/golden.json").unlink()
    with pytest.raises(EvidenceError, match=r"`models/served/golden\.json` is missing. Run `dvc checkout`"):
        read_models(result)


def test_a_model_that_is_not_its_signatures(result: Path) -> None:
    files = models(b"weighed", b"served") | {"models/served/model.onnx": b"other"}
    (result / "models/served/model.onnx").write_bytes(b"other")
    (result / "dvc.lock").write_bytes(lock_of(files))

    with pytest.raises(EvidenceError, match="is not the model that"):
        read_models(result)


def test_a_lock_that_lacks_a_model_or_is_missing(result: Path) -> None:
    files = models(b"weighed", b"served")
    del files["models/served/model.onnx"]
    (result / "dvc.lock").write_bytes(lock_of(files))
    with pytest.raises(EvidenceError, match=r"does not hold `models/served/model\.onnx`"):
        read_models(result)
    (result / "dvc.lock").unlink()
    with pytest.raises(EvidenceError, match=r"`dvc\.lock` is missing"):
        read_models(result)


def test_evidence_that_was_edited_or_removed(result: Path, recorded: Record) -> None:
    release = recorded(result)
    path = result / "releases/evidence/v1/metrics.json"
    path.write_text(path.read_text().replace("0.25", "0.15"))
    with pytest.raises(EvidenceError, match=r"metrics\.json` is not what the record of `v1` says: it was edited"):
        read_evidence(release, result)
    path.unlink()
    with pytest.raises(EvidenceError, match=r"metrics\.json` is missing"):
        read_evidence(release, result)


def test_evidence_that_was_never_there(result: Path, recorded: Record) -> None:
    evidence = read_evidence(recorded(result), result)
    with pytest.raises(EvidenceError, match=r"has no evidence `releases/evidence/v1/x\.json`"):
        evidence.json("x.json")
    with pytest.raises(EvidenceError, match=r"calibration\.csv` is not JSON"):
        evidence.json("calibration.csv")


@pytest.mark.parametrize(
    "address", ["flights", "r.example/flights:v1", f"flights:v1@{'a' * 64}", f"a b@sha256:{'a' * 64}"]
)
def test_an_image_is_named_by_its_digest(address: str) -> None:
    with pytest.raises(ConfigError, match="does not say which image"):
        check_image(address)
    assert check_image(IMAGE) == IMAGE


def test_what_people_say_in_the_card_is_optional(result: Path) -> None:
    path = result / "params.yaml"
    content = yaml.safe_load(path.read_text())
    content["release"] = {"name": "parts"}
    path.write_text(yaml.safe_dump(content))
    assert read_release_params(path).card.limits == []

    content["release"]["card"] = {"used_for": "x"}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"`card\.used_for` is not a known key"):
        read_release_params(path)
