"""The watch on the real log of a small table: batch, compaction, labels, and what each kind of week comes to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import NoBrowserError, browser
from conftest import Clone, Project, small_table

from support.needs import needing
from weighlock.watching.packed_page import unpacked

DAYS, A_DAY = 14, 40
TODAY = dt.datetime.now(dt.UTC).date()  # older days are not kept by `weighlock log compact`
FIRST, WEEK = TODAY - dt.timedelta(days=DAYS), TODAY - dt.timedelta(days=7)
WINDOW = f"{WEEK} to {TODAY - dt.timedelta(days=1)}"
WATCH = ("weighlock", "watch", "production", "--model", "models/served", "--at", f"{TODAY}T09:00Z")


@pytest.fixture(scope="module")
def project(with_model: Clone) -> Project:
    """A clone whose small model is trained; it saw its newest row years ago, which is no matter here."""
    made = with_model("watch")
    params = made.path / "params.yaml"
    params.write_text(params.read_text() + "watch: {max_age: null}\n")
    return made


def fortnight() -> pd.DataFrame:
    """Parts of the two weeks after the training's, made as those before were; `day` counts from 0."""
    table = small_table().sample(DAYS * A_DAY, random_state=1).reset_index(drop=True)
    return table.assign(id=[f"new-{i}" for i in range(len(table))], day=np.repeat(np.arange(DAYS), A_DAY))


def logged(project: Project, name: str, rows: pd.DataFrame) -> None:
    """Score rows into the log `name`, as if each had been scored on its own day."""
    rows.drop(columns=["broke", "day"]).to_csv(project.path / f"{name}.csv", index=False)
    project.run("weighlock", "score", f"{name}.csv", f"{name}-scores.csv", "--log-dir", name, "--entity", "id")
    day = dict(zip(rows["id"], rows["day"], strict=True))
    for segment in (project.path / name / "segments").glob("*.jsonl"):
        records = [json.loads(line) for line in segment.read_text().splitlines()]
        for record in records:
            when = FIRST + dt.timedelta(days=int(day[record["entity"]]))
            record["time"] = f"{when}T{record['time'].partition('T')[2]}"
        segment.write_text("".join(json.dumps(record) + "\n" for record in records))


def labelled(project: Project, name: str, rows: pd.DataFrame) -> str:
    """Tell, two days later, what became of them."""
    told = [f"{FIRST + dt.timedelta(days=int(day) + 2)}T08:00Z" for day in rows["day"]]
    rows[["id", "broke"]].assign(told=told).to_csv(project.path / f"{name}-truths.csv", index=False)
    words = ("weighlock", "label", f"{name}-truths.csv", "--by", "id=entity", "--told", "told", "--log-dir", name)
    return project.run(*words).stdout


def seen(project: Project, name: str, *words: str, code: int) -> tuple[str, dict[str, Any]]:
    """What the watch prints and writes of the log `name`."""
    said = project.run(*WATCH, "--log-dir", name, "--out", f"{name}-out", *words, code=code).stdout
    return said, json.loads((project.path / f"{name}-out/watch.json").read_text())


def test_a_healthy_week_from_the_log_to_every_page_and_to_prometheus(project: Project) -> None:
    # given two weeks that are like those that the model was trained on: compacted, and labelled but for two days
    rows = fortnight()
    logged(project, "healthy", rows)
    assert "560" in project.run("weighlock", "log", "compact", "--log-dir", "healthy").stdout
    said = labelled(project, "healthy", rows[rows["day"] < DAYS - 2])
    assert said.startswith("480 outcomes are about 480 predictions: 480 new truths")

    # when they are watched, and Prometheus is told
    (project.path / "textfiles").mkdir()
    said, content = seen(project, "healthy", "--metrics", "textfiles/production.prom", code=0)

    # then nothing is wrong, and the summary says what it was held against
    assert said.startswith(f"OK: production, {WINDOW}\n280 predictions by")
    assert "nothing has drifted beyond chance, no feed is broken, no retraining is due" in said
    assert "Labels: 280 rows on 7 days." in said  # of which two days are of the week before
    assert (content["outcome"], content["window"]["rows"], content["reference"]["days"]) == ("OK", 280, 91)
    out = project.path / "healthy-out"
    assert sorted(path.name for path in out.iterdir()) == [
        "evidently.html", "evidently.json", "timeline.png", "watch.json", "watch.md",
    ]  # fmt: skip
    assert (out / "watch.md").read_text().startswith(f"# OK: production, {WINDOW}")
    assert (out / "timeline.png").read_bytes()[:4] == b"\x89PNG"
    assert (out / "evidently.html").stat().st_size < 2_000_000
    assert "Data Drift" in unpacked((out / "evidently.html").read_text())
    assert {"heat", "load", "colour", "prediction"} <= set(content["evidently"])
    told = (project.path / "textfiles/production.prom").read_text()
    assert 'weighlock_watch_verdict{environment="production",verdict="OK"} 1.0' in told
    assert 'weighlock_watch_rows{environment="production"} 280.0' in told
    [lag] = [line for line in told.splitlines() if line.startswith("weighlock_label_lag_seconds")]
    assert 2 * 86400 < float(lag.split()[-1]) < 4 * 86400
    assert 'weighlock_watch_drift_ratio{environment="production",column="heat"}' in told

    # and Evidently's page unpacks itself in a browser, without asking anyone for anything
    with needing("Evidently's page in a browser", NoBrowserError), browser() as page:
        page.open(f"file://{out}/evidently.html")
        page.until("document.body?.innerText.includes('Data Drift Summary')")
        assert page.asked == [f"file://{out}/evidently.html"]
        assert page.complaints == []


def stuck(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(heat=rows["heat"].where(rows["day"] < 12, 55.0))


def hotter(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(heat=(rows["heat"] * 0.6 + 40).round(2))


def late_start(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["day"] >= 11]


def reversed_outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(broke=rows["broke"] ^ (rows["heat"] > 70))


@pytest.mark.parametrize(
    ("change", "outcome", "code", "reason"),
    [
        (stuck, "BROKEN", 5, f"`heat` is stuck at 55 since {TODAY - dt.timedelta(days=2)}"),
        (hotter, "RETRAIN", 3, "`heat` drifted in this window and in the one before"),
        (reversed_outcomes, "RETRAIN", 3, "what `heat` means for the outcome has changed"),
        (late_start, "UNKNOWN", 4, "3 days of the window and 91 of the reference have rows: it takes 5 of either"),
    ],
)
def test_each_other_kind_of_week(
    project: Project, change: Callable[[pd.DataFrame], pd.DataFrame], outcome: str, code: int, reason: str
) -> None:
    name = change.__name__
    rows = change(fortnight())
    logged(project, name, rows)
    if change is reversed_outcomes:
        labelled(project, name, rows)

    said, content = seen(project, name, "--no-evidently", "--metrics", f"{name}.prom", "--no-labels", code=code)

    assert said.startswith(f"{outcome}: production")
    assert reason in said
    assert content["outcome"] == outcome
    assert any(reason in told for told in content["reasons"])
    told = (project.path / f"{name}.prom").read_text()
    assert f'{{environment="production",verdict="{outcome}"}} 1.0' in told
    assert "weighlock_label_lag_seconds" not in told
    if outcome == "RETRAIN":  # not while its pull request is open
        said, _ = seen(project, name, "--no-evidently", "--request-open", code=0)
        assert said.startswith("WARN: production")
        assert "but a retraining's pull request is open" in said


def test_what_is_not_there_is_told(project: Project) -> None:
    unset = project.run(*WATCH).stdout
    assert unset.startswith("`monitoring.log_url` in `params.yaml` is not set")
    gone = project.run(*WATCH, "--log-dir", "nowhere", code=2).stderr
    assert "`nowhere` holds no prediction log" in gone
    assert "names no stable release" in project.run(*WATCH[:3], "--log-dir", "stuck", code=2).stderr


def test_a_reference_that_is_gone_stops_it_before_it_says_anything(project: Project) -> None:
    profile = project.path / "models/served/profile.parquet"
    kept = profile.read_bytes()
    profile.unlink()
    try:
        done = project.run(*WATCH, "--log-dir", "stuck", "--out", "gone", code=2)
    finally:
        profile.write_bytes(kept)
    assert "profile.parquet" in done.stderr
    assert not (project.path / "gone").exists()
