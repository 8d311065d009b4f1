"""Looks of a folder: in order, once each, with what lies beside them; and files that are none."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from support.told import look, watch_of
from weighlock.errors import EvidenceError
from weighlock.site.looks import read_looks
from weighlock.site.read import Drift, Watch, read

DAY = dt.date(2026, 2, 4)


def watch(**change: object) -> Watch:
    return read(json.dumps(watch_of(DAY, **change)).encode(), Watch, "watch.json")  # type: ignore[arg-type]


def drift(**change: object) -> Drift:
    plain = {"column": "heat", "measure": "shift", "effect": 0.2, "floor": 0.1, "score": 3.0, "limit": 2.0}
    return Drift.model_validate({**plain, "drifted": True, **change})


def test_they_stand_in_the_order_of_their_windows_whatever_their_folders_are_called(tmp_path: Path) -> None:
    for name, weeks in (("z", 0), ("a", 2), ("deep/er/m", 1)):
        look(tmp_path / name, watch_of(DAY + dt.timedelta(days=7 * weeks)))

    found = read_looks(tmp_path)

    assert found.problems == ()
    assert [one.place for one in found.by_environment["production"]] == ["2026-02-04", "2026-02-11", "2026-02-18"]
    assert list(found.by_environment["production"][0].reports) == ["evidently.html", "watch.md", "timeline.png"]


def test_the_same_window_of_the_same_model_is_one_look_and_of_another_two(tmp_path: Path) -> None:
    look(tmp_path / "1", watch_of(DAY, "WARN"))
    look(tmp_path / "2", watch_of(DAY, "OK"))
    look(tmp_path / "3", watch_of(DAY, "BROKEN", model={"name": "parts v2", "digest": f"sha256:{'b' * 64}"}))

    found = read_looks(tmp_path).by_environment["production"]

    assert [(one.place, one.seen.outcome) for one in found] == [("2026-02-04", "OK"), ("2026-02-04-2", "BROKEN")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "`the file`"),
        (b"[]", "`the file`"),
        (b"\xff", "`the file`"),
        (json.dumps({**watch_of(DAY), "window": {"start": "x", "end": "y", "rows": 1}}).encode(), "`window.start`"),
        (json.dumps({**watch_of(DAY), "outcome": None}).encode(), "`outcome`"),
    ],
)
def test_what_is_no_look_is_told_and_the_others_are_shown(tmp_path: Path, content: bytes, said: str) -> None:
    look(tmp_path / "good", watch_of(DAY))
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/watch.json").write_bytes(content)

    found = read_looks(tmp_path)

    assert len(found.by_environment["production"]) == 1
    assert [text.startswith("`torn/watch.json` does not read: " + said) for text in found.problems] == [True]
    with pytest.raises(EvidenceError, match="does not read"):
        read(content, Watch, "torn/watch.json")


def test_links_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a key")
    folder = look(tmp_path / "looks/1", watch_of(DAY))
    (folder / "evidently.html").unlink()
    (folder / "evidently.html").symlink_to(secret)
    (tmp_path / "looks/2").mkdir()
    (tmp_path / "looks/2/watch.json").symlink_to(folder / "watch.json")

    found = read_looks(tmp_path / "looks").by_environment["production"]

    assert [list(one.reports) for one in found] == [["watch.md", "timeline.png"]]


def test_no_folder_holds_none(tmp_path: Path) -> None:
    assert read_looks(tmp_path / "nowhere").by_environment == {}


@pytest.mark.parametrize(
    ("change", "nearness"),
    [
        ({}, 1.5),  # 3 of 2 is farther than .2 of .1: the lesser counts
        ({"effect": 0.05}, 0.5),
        ({"floor": 0.0}, 1.5),
        ({"effect": None}, 0.0),
        ({"score": -1.0}, 0.0),
        ({"limit": 0.0}, 2.0),
    ],
)
def test_how_near_a_column_is_to_drift(change: dict[str, object], nearness: float) -> None:
    assert drift(**change).nearness == pytest.approx(nearness)


def test_the_nearest_is_what_drifted_and_a_retraining_is_what_has_no_name() -> None:
    seen = watch(outcome="WARN", nearness=1.2)
    assert seen.nearest is not None
    assert (seen.nearest.column, seen.nearest.drifted) == ("heat", True)
    assert seen.retraining is not None
    assert seen.retraining.by == ""
    assert watch(drifts=[], gains=[]).nearest is None
    assert watch(drifts=[], gains=[]).retraining is None
