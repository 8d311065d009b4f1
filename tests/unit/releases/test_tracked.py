"""Rows that DVC tracks come to a fresh clone; where nobody has them, that is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from weighlock.errors import SourceError
from weighlock.releases import tracked
from weighlock.releases.tracked import bring_tracked


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository in which two tables are tracked; one of them is here."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("here.csv", "away.csv"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / f"data/{name}.dvc").write_text("outs: []\n")
    (tmp_path / "data/here.csv").write_text("a\n")
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize("code", [0, 1])
def test_what_is_missing_is_pulled_and_no_more(clone: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    asked: list[list[str]] = []

    def pull(words: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(words[1:])
        return subprocess.CompletedProcess(words, code, b"", b"ERROR: failed\nerror: no such bucket\n")

    monkeypatch.setattr(tracked.subprocess, "run", pull)
    monkeypatch.setattr(tracked, "ask", lambda *_: "data/away.csv.dvc\0data/here.csv.dvc\0")
    if code:
        with pytest.raises(SourceError, match=r"`data/away\.csv`: not here, .*no such bucket"):
            bring_tracked(clone)
    else:
        assert bring_tracked(clone) == ("data/away.csv",)
    assert asked == [["pull", "--quiet", "data/away.csv.dvc"]]


def test_where_nothing_is_missing_dvc_is_not_asked(clone: Path) -> None:
    (clone / "data/away.csv").write_text("a\n")
    assert bring_tracked(clone) == ()
