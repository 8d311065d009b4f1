"""Pages of a history: what runs since when, what ran when, and what they say where something is missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from test_html import Heard

from support.stories import START, Story
from support.told import AT, EVIL, look, looks, watch_of
from weighlock.deployment.history import History, history_of
from weighlock.errors import ConfigError
from weighlock.site import charts
from weighlock.site.gather import Facts, Period, Place, periods, place_of
from weighlock.site.looks import read_looks
from weighlock.site.parts import checks
from weighlock.site.read import Check, Comparison, Gain, Interval
from weighlock.site.shell import length
from weighlock.site.weighings import recorded, weighed
from weighlock.site.write import MARKER, REPORTS, build, pages_of, require_ours

HOUR = dt.timedelta(hours=1)


def at(mark: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(START, dt.UTC) + mark * HOUR


def facts_of(history: History, folder: Path | None = None) -> Facts:
    found, unread = recorded(history)
    verdicts, odd = weighed(history, found, [])
    seen = read_looks(folder).by_environment if folder else {}
    places = tuple(place_of(history, name, seen.get(name, ())) for name in ("production", "staging"))
    return Facts("flights", AT, history, places, tuple(reversed(found)), tuple(verdicts), "w", (*unread, *odd))


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return looks(tmp_path_factory.mktemp("looks"))


@pytest.fixture(scope="module")
def pages(history: History, looked: Path) -> dict[str, str]:
    return pages_of(facts_of(history, looked), {"watch/production/2026-02-25/evidently.html"})


def test_what_ran_when(history: History) -> None:
    assert periods(history.of("production")) == (
        Period("v1", "stable", at(5), at(7)),
        Period("v2", "candidate", at(6), at(7)),
        Period("v2", "stable", at(7), at(8)),
        Period("v1", "stable", at(8), None),
        Period("v3", "candidate", at(9), None),
    )


def test_every_page_is_there_and_leads_only_to_pages_that_are(pages: dict[str, str]) -> None:
    assert set(pages) == {
        "index.html", "environments/production.html", "environments/staging.html",
        "releases/v1.html", "releases/v2.html", "releases/v3.html",
    }  # fmt: skip
    known = {*pages, "watch/production/2026-02-25/evidently.html"}
    for path, text in pages.items():
        for name, attributes in Heard(text).elements:
            assert name not in {"script", "img", "link", "iframe"}
            assert "src" not in attributes
            target = attributes.get("href")
            if target and not target.startswith("#"):
                folder = Path("/", path).parent
                assert (folder / target).resolve().relative_to("/").as_posix() in known, (path, target)


def test_what_anyone_wrote_is_shown_and_is_no_html(pages: dict[str, str]) -> None:
    for path in ("index.html", "environments/production.html"):
        assert EVIL not in pages[path]
        assert f"it was slow {EVIL}" in Heard(pages[path]).text
    assert all(EVIL not in text for text in pages.values())
    assert f"not compared to {EVIL}" in Heard(pages["environments/production.html"]).text


def test_the_overview_says_what_runs_since_when_through_whom(pages: dict[str, str]) -> None:
    text = Heard(pages["index.html"]).text
    assert "v1 is stablesince" in text
    assert f"{at(8):%Y-%m-%d %H:%M} UTC (" in text
    assert "v3 is candidate mirroring 100 %" in text
    assert "v2 is blocked: it was slow" in text
    assert "Last look: RETRAIN 2026-02-19 to 2026-02-25" in text
    assert "Nothing runs here yet." in text
    assert "back to v1, v2 blocked" in text
    assert "@example.org" not in text


def test_an_environment_says_what_the_watch_has_seen(pages: dict[str, str]) -> None:
    text = Heard(pages["environments/production.html"]).text
    assert "2026-02-19 to 2026-02-25, which ended 3 days ago" in text
    assert "heat (shift) 6.0" in text
    assert "+0.0110 ± 0.0112" in text
    links = pages["environments/production.html"].count(">Evidently&#x27;s report</a>")
    assert links == 2  # to the newest look's: above, and in the table
    assert "evidence: judge" in text
    assert "No look was found in w" in Heard(pages["environments/staging.html"]).text


def test_checks_without_comparison_leave_its_columns_out() -> None:
    plain = Check(kind="condition", name="floors", result="pass", reason="`roc_auc` holds")
    compared = Comparison(champion=0.5, challenger=0.4, gain=Gain(value=0.1, interval=Interval(lower=None, upper=1.0)))
    assert "champion" not in checks([plain]).text
    text = Heard(checks([plain, plain.model_copy(update={"comparison": compared})]).text).text
    assert "championchallengergainintervalwhy" in text
    assert "0.50000.40000.1000unknownroc_auc holds" in text


def test_a_release_says_where_it_ran(pages: dict[str, str]) -> None:
    text = Heard(pages["releases/v2.html"]).text
    assert f"productioncandidate{at(6):%Y-%m-%d %H:%M} UTC{at(7):%Y-%m-%d %H:%M} UTC" in text
    assert "registry.example.org/flights@sha256:" in text


def test_evidence_that_is_not_as_recorded_is_no_evidence(story: Story) -> None:
    spoilt = story.copy()
    spoilt.commit({"releases/evidence/v1/gate.json": b"{}", "releases/evidence/v2/gate.json": None}, "fix: a typo")
    spoilt.commit({"releases/v3.yaml": b"version: v3\n", "deploy/staging.yaml": b"stable: [\n"}, "fix: torn")

    site = facts_of(history_of(spoilt.ledger()))
    pages = pages_of(site, set())

    assert [one.release.version for one in site.releases] == ["v2", "v1"]
    assert "`releases/v3.yaml` is no record of a release" in site.problems[0]
    assert "releases/evidence/v1/gate.json is not as its record says" in Heard(pages["releases/v1.html"]).text
    assert "releases/evidence/v2/gate.json is missing" in Heard(pages["releases/v2.html"]).text
    assert "What should run cannot be said" in Heard(pages["environments/staging.html"]).text
    assert "What should run cannot be said: v3 should run" in Heard(pages["index.html"]).text


def test_nothing_yet(release_of: object) -> None:
    site = facts_of(history_of(Story(release_of).ledger()))  # type: ignore[arg-type]
    text = Heard(pages_of(site, set())["index.html"]).text
    assert "Nothing has been released yet." in text
    assert "The gate has said nothing yet." in text


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (dt.timedelta(days=12, hours=3), "12 days"), (dt.timedelta(hours=25), "1 day"), (HOUR, "1 hour"),
        (dt.timedelta(minutes=5), "less than an hour"), (-dt.timedelta(days=3), "less than an hour"),
    ],
)  # fmt: skip
def test_lengths(time: dt.timedelta, said: str) -> None:
    assert length(time) == said


def marks(drawn: str, name: str) -> list[dict[str, str | None]]:
    return [attributes for found, attributes in Heard(drawn).elements if found == name]


def test_a_drawing_holds_every_look_inside_it(looked: Path) -> None:
    found = read_looks(looked).by_environment["production"]
    drawn = charts.timeline(found).text
    wide, narrow = drawn.split("</svg>")[:2]
    assert len(marks(wide, "path")) == 12  # a mark of the verdict for each
    assert len(marks(narrow, "path")) == 8
    assert len([c for c in marks(wide, "circle") if c["class"] == "dot"]) == 11  # one compared nothing
    for picture, width in ((wide, 760), (narrow, 326)):
        numbers = [float(c["cx"] or 0) for c in marks(picture, "circle")]
        assert all(0 < x < width for x in numbers)
        heights = [float(c["cy"] or 0) for c in marks(picture, "circle")]
        assert all(0 < y < float(marks(picture, "svg")[0]["height"] or 0) for y in heights)
    assert "12 looks from 2025-12-10 to 2026-02-25, 3 of them not OK; the newest is RETRAIN" in wide


def test_a_single_look_and_one_without_numbers_are_drawn(tmp_path: Path) -> None:
    look(tmp_path, watch_of(dt.date(2026, 2, 4), gains=[], drifts=[]))
    one = read_looks(tmp_path).by_environment["production"]
    assert "1 look from 2026-02-04 to 2026-02-04, 0 of them not OK" in charts.timeline(one).text
    assert charts.timeline(()).text == ""
    assert charts.runs((), AT).text == ""


def test_the_folder_is_replaced_whole_and_only_if_it_is_ours(history: History, looked: Path, tmp_path: Path) -> None:
    site = facts_of(history, looked)
    out = tmp_path / "deep/site"
    assert build(site, out) == 6
    (out / "old.html").write_text("a page of an earlier release")
    build(site, out)
    assert not (out / "old.html").exists()
    assert (out / MARKER).is_file()
    assert len(list((out / "watch/production").iterdir())) == REPORTS
    assert (out / "watch/production/2026-02-25/evidently.html").read_text().startswith("<!doctype html>")
    assert [path.name for path in out.parent.iterdir()] == ["site"]

    theirs = tmp_path / "theirs"
    theirs.mkdir()
    require_ours(theirs)  # an empty one is nobody's
    (theirs / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else than a site"):
        build(site, theirs)
    with pytest.raises(ConfigError, match="is a file"):
        require_ours(theirs / "thesis.tex")
    assert (theirs / "thesis.tex").is_file()


def test_the_same_facts_give_the_same_bytes(history: History, looked: Path) -> None:
    assert pages_of(facts_of(history, looked), set()) == pages_of(facts_of(history, looked), set())


def test_looks_at_no_environment_are_not_paths(history: History, tmp_path: Path) -> None:
    look(tmp_path / "x", watch_of(dt.date(2026, 2, 4), environment="../../etc"))
    site = facts_of(history, tmp_path)
    assert all(not place.looks for place in site.places)


def test_a_place_without_status_has_no_blocked(history: History) -> None:
    place: Place = replace(facts_of(history).places[0], status=None, fault="it does not read")
    site = replace(facts_of(history), places=(place,))
    assert "it does not read" in pages_of(site, set())["environments/production.html"]
