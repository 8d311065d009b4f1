"""Records: whole, or refused; and what is written reads back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weighlock.errors import ConfigError, EvidenceError
from weighlock.releases.record import (
    Judged,
    Release,
    format_release,
    is_version,
    parse_release,
    read_release,
    read_release_params,
    versions,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


@given(
    by=TEXT,
    reason=TEXT,
    metrics=st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    trained=st.none() | st.just("2013-08-04T03:59Z"),
)
def test_what_is_written_reads_back(
    release_of: Callable[..., Release], by: str, reason: str, metrics: dict[str, float], trained: str | None
) -> None:
    verdict = Judged(
        outcome="INCONCLUSIVE", bootstrap=False, evidence=f"sha256:{'4' * 64}", champion="v7", accepted=reason
    )
    plain = release_of("v8")
    served = plain.served.model_copy(update={"trained_until": trained})
    release = release_of("v8", by=by, metrics=metrics, verdict=verdict, served=served)

    assert parse_release(format_release(release), "releases/v8.yaml") == release


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"commit": "main"}, "`commit`"),
        ({"image": "flights:latest"}, "`image`"),
        ({"metrics": None}, "`metrics`"),
        ({"lock": "sha256:1"}, "`lock`"),
        ({"name": "Flights"}, "`name`"),
        ({"note": "mine"}, "`note`"),
        ({"verdict": {"outcome": "FAIL"}}, "`verdict.outcome`"),
        (
            {"verdict": {"outcome": "INCONCLUSIVE", "bootstrap": False, "evidence": f"sha256:{'4' * 64}",
                         "champion": "v7"}},
            "ships only where someone accepted it",
        ),
    ],
)  # fmt: skip
def test_a_record_that_is_not_whole_is_refused(
    release_of: Callable[..., Release], change: dict[str, Any], said: str
) -> None:
    content = release_of("v8").model_dump() | change

    with pytest.raises(EvidenceError, match="is no record of a release") as caught:
        parse_release(yaml.safe_dump(content), "releases/v8.yaml")
    assert said in str(caught.value)


def test_the_tree_lists_its_releases_by_number(release_of: Callable[..., Release], tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    for version in ("v10", "v2", "v1"):
        (tmp_path / f"releases/{version}.yaml").write_text(format_release(release_of(version)))
    for other in ("v0.yaml", "v01.yaml", "v3.yml", "README.md"):
        (tmp_path / f"releases/{other}").write_text("")

    assert versions(tmp_path) == ["v1", "v2", "v10"]
    assert read_release("v10", tmp_path).number == 10
    with pytest.raises(EvidenceError, match="There is no release `v3`; `releases/` holds v1, v2, v10"):
        read_release("v3", tmp_path)
    for name in ("../v1", "v1.yaml", "latest", ""):
        with pytest.raises(EvidenceError, match="There is no release"):
            read_release(name, tmp_path)


def test_a_renamed_record_is_refused(release_of: Callable[..., Release], tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases/v2.yaml").write_text(format_release(release_of("v1")))

    with pytest.raises(EvidenceError, match="says that it is v1"):
        read_release("v2", tmp_path)


def test_versions_are_counted_from_one() -> None:
    assert [is_version(name) for name in ("v1", "v10", "v0", "v01", "1", "v", "v1 ")] == [True, True] + [False] * 5


def test_the_name_is_configured(tmp_path: Path) -> None:
    params = Path("params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params)
    assert read_release_params(tmp_path / "params.yaml").name == "flights"
    (tmp_path / "params.yaml").write_text(params.replace("name: flights", "nmae: flights"))

    with pytest.raises(ConfigError, match="Did you mean `name`"):
        read_release_params(tmp_path / "params.yaml")
