"""The rendered folder, and `weighlock render`, in a repository of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.deployed import RELEASES
from weighlock.cli import main
from weighlock.deployment.rendered import differences, replace
from weighlock.errors import ConfigError
from weighlock.releases.record import format_release

FOLDER = Path("deploy/rendered/production")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "releases").mkdir()
    for version, release in RELEASES.items():
        (tmp_path / f"releases/{version}.yaml").write_text(format_release(release))
    state(tmp_path, "stable: v1\ncandidate: {release: v2, route: {weight: 10}}\nmachine: {}\nkubernetes: {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def state(root: Path, text: str) -> None:
    (root / "deploy/production.yaml").write_text(text)


def test_it_is_written_and_then_as_it_should_be(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "production"]) == 0
    assert "added: deploy/rendered/production/machine/weighlock-production.conf" in capsys.readouterr().out
    assert main(["render", "production"]) == 0
    assert "15 files, 0 changed" in capsys.readouterr().out
    assert main(["render", "production", "--check"]) == 0
    assert not [p for p in (repository / "deploy/rendered").iterdir() if p.name != "production"]


def test_check_names_what_was_edited_went_stale_or_does_not_belong(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["render", "production"])
    (FOLDER / "machine/nginx.conf").write_text("worker_processes 1;\n")
    (FOLDER / "machine/own.conf").write_text("")
    (FOLDER / "kubernetes/v1.yaml").unlink()
    assert main(["render", "production", "--check"]) == 2
    said = capsys.readouterr().err
    assert "`deploy/rendered/production/machine/nginx.conf` is not what is rendered" in said
    assert "`deploy/rendered/production/machine/own.conf` does not belong here" in said
    assert "`deploy/rendered/production/kubernetes/v1.yaml` is missing" in said
    assert "Run `weighlock render production` and commit" in said
    state(repository, "stable: v1\nmachine: {}\n")
    main(["render", "production"])
    assert sorted(p.name for p in FOLDER.iterdir()) == ["machine"]
    assert main(["render", "production", "--check"]) == 0


def test_what_ships_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--check"]) == 0
    assert "as `deploy/production.yaml` says" in capsys.readouterr().out


def test_all_environments_are_checked_before_it_says_so(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "deploy/staging.yaml").write_text("stable: v2\nmachine: {listen: 8081, first_port: 3300}\n")
    assert main(["render", "--check"]) == 2
    said = capsys.readouterr().err
    assert "rendered/staging/machine/nginx.conf` is missing" in said
    assert "rendered/production/machine/nginx.conf` is missing" in said
    assert "Run `weighlock render` and commit" in said
    assert main(["render", "--out", "there"]) == 2
    assert main(["render"]) == main(["render", "--check"]) == 0


def test_what_is_refused_changes_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "production"])
    before = {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    for text in ("stable: v9\nmachine: {}\n", "stable: v1\nmachine: {listen: 0}\n", "stable: v1\nmachines: {}\n"):
        state(repository, text)
        assert main(["render", "production"]) == 2
    assert "Did you mean `machine`?" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()} == before
    assert main(["render", "pre-production"]) == 2


def test_another_folder_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("dear")
    with pytest.raises(ConfigError, match=r"holds `thesis\.tex`, which rendering never writes"):
        replace(tmp_path, {"machine/nginx.conf": ""})
    assert (tmp_path / "thesis.tex").read_text() == "dear"


def test_out_writes_elsewhere(repository: Path) -> None:
    assert main(["render", "production", "--out", "there"]) == 0
    assert (repository / "there/machine/nginx.conf").is_file()
    assert not FOLDER.exists()


def test_a_link_in_the_folder_is_a_difference(tmp_path: Path) -> None:
    replace(tmp_path / "out", {"machine/nginx.conf": "a"})
    (tmp_path / "out/machine/nginx.conf").unlink()
    (tmp_path / "out/machine/nginx.conf").symlink_to(tmp_path / "nowhere")
    assert differences(tmp_path / "out", {"machine/nginx.conf": "a"}) == {
        "machine/nginx.conf": "is not what is rendered"
    }
