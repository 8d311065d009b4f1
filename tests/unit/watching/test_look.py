"""A look at a small log: what a healthy week says, and each kind of trouble."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from weighlock.errors import EvidenceError
from weighlock.monitoring.collect import LogPlace
from weighlock.monitoring.label_newest import newest_known
from weighlock.monitoring.log_record import Feedback, Model, Record, stamp
from weighlock.monitoring.log_store import LABELS, PREDICTIONS, Store, new_name
from weighlock.monitoring.log_table import to_table
from weighlock.monitoring.profile import day_profile
from weighlock.scoring import Feature, Signature
from weighlock.statistics import drift_chance
from weighlock.statistics.drift import Drift
from weighlock.tables import write_table
from weighlock.watching.look import Question, look
from weighlock.watching.metrics import ratio, told
from weighlock.watching.policy import WatchParams, with_window
from weighlock.watching.reference import Watched, read_watched, season_of
from weighlock.watching.write import context_of, write

DIGEST = "sha256:" + "a" * 64
SIGNATURE = Signature(
    "binary", "late",
    (Feature("hour", "number", nullable=False, min=0, max=24),
     Feature("carrier", "category", nullable=False, categories=("AA", "UA", "US"), open=True)),
    ("false", "true"), 0.5, {}, DIGEST, "2013-09-01T00:00Z",
)  # fmt: skip
FIRST = dt.datetime(2013, 10, 7, tzinfo=dt.UTC)  # a Monday
AT = FIRST + dt.timedelta(days=7, hours=12)
QUESTION = Question(AT, "UTC", "log_loss")
PER_DAY = 40


def table(random, days, start):
    frame = pd.DataFrame(
        {
            "hour": np.clip(random.normal(14, 4, days * PER_DAY), 0, 24),
            "carrier": random.choice(["AA", "UA", "US"], days * PER_DAY, p=[0.5, 0.3, 0.2]),
        }
    )
    frame["time"] = np.repeat([start + dt.timedelta(days=day, hours=9) for day in range(days)], PER_DAY)
    frame["score"] = 1 / (1 + np.exp(-(frame["hour"] - 16) / 3))
    frame["truth"] = random.random(len(frame)) < frame["score"]
    return frame


@pytest.fixture(autouse=True)
def few_splits(monkeypatch):
    monkeypatch.setattr(drift_chance, "SPLITS", 150)


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Watched:
    folder = tmp_path_factory.mktemp("model")
    past = table(np.random.default_rng(0), 40, FIRST - dt.timedelta(days=80))
    kinds = {"hour": "number", "carrier": "category"}
    days = past["time"].dt.tz_localize(None).dt.normalize()
    profile, bins = day_profile(past[["hour", "carrier"]], kinds, {"": past["score"].to_numpy()}, days, 100)
    write_table(profile, folder / "profile.parquet", {"bins": bins, "model": DIGEST})
    (folder / "signature.json").write_text(json.dumps(SIGNATURE.to_json()))
    (folder / "importance.json").write_text(json.dumps({"features": {"hour": 0.09, "carrier": 0.01}}))
    return read_watched(folder)


def logged(tmp_path, frame, *, model=DIGEST, labels=True):
    """The rows as a log's days."""
    store = Store(where(tmp_path))
    for number, (time, rows) in enumerate(frame.groupby("time")):
        records = [
            Record(
                f"{model[-4:]}-{number}-{i}", stamp(time), Model("late", f"v-{model[-4:]}", model),
                {k: None if row[k] != row[k] else row[k] for k in ("hour", "carrier") if k in row},
                score=row["score"], label="true" if row["score"] >= 0.5 else "false",
                flags=["range:hour"] if row["hour"] > 24 else [],
            )
            for i, row in enumerate(rows.to_dict("records"))
        ]  # fmt: skip
        store.write_table(new_name(PREDICTIONS, f"{time:%Y-%m-%d}", time), to_table(records))
        told = [
            Feedback(r.id, "true" if truth else "false", stamp(time))
            for r, truth in zip(records, rows["truth"], strict=True)
        ]
        if labels:
            store.write_table(new_name(LABELS, f"{time:%Y-%m-%d}", time), to_table(told))
    return LogPlace(where(tmp_path), None)


def where(tmp_path):
    """A log that costs no disk."""
    return f"memory:/{tmp_path}/log"


def fortnight():
    return table(np.random.default_rng(1), 14, FIRST - dt.timedelta(days=7))


def this_week(frame):
    return frame["time"] >= FIRST


def test_a_healthy_week_is_ok_and_leaves_its_reports(tmp_path, watched):
    seen = look(logged(tmp_path, fortnight()), watched, WatchParams(), QUESTION)
    assert (seen.verdict.outcome, seen.evidence.rows) == ("OK", (PER_DAY,) * 7)
    assert (seen.evidence.days[0], seen.evidence.days[-1]) == (dt.date(2013, 10, 7), dt.date(2013, 10, 13))
    assert {gain.name for gain in seen.evidence.gains} == {"hour", "carrier"}

    context = context_of(seen, "production", "v7", None, 100)
    write(seen, WatchParams().rules, context, None, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["timeline.png", "watch.json", "watch.md"]
    content = json.loads((tmp_path / "out/watch.json").read_text())
    assert (content["outcome"], content["window"]["rows"]) == ("OK", 7 * PER_DAY)
    assert len(content["drifts"]) == 6


@pytest.mark.parametrize(
    ("wrong", "outcome", "said"),
    [
        (lambda f, now: f["hour"].where(~now, 12.0), "BROKEN", "`hour` is stuck at 12"),
        (lambda f, now: f["hour"].where(~now | (np.arange(len(f)) % 4 > 0)), "BROKEN", "of its values are missing"),
        (lambda f, now: f["hour"].where(~now, f["hour"] * 60), "BROKEN", "out of its range"),
        (lambda f, now: f["hour"].where(~now, np.clip(f["hour"] + 3, 0, 24)), "WARN", "`hour` moved by"),
        (lambda f, now: np.clip(f["hour"] + 3, 0, 24), "RETRAIN", "`hour` drifted in this window and"),
    ],
)  # fmt: skip
def test_trouble_with_a_column(tmp_path, watched, wrong, outcome, said):
    frame = fortnight()
    frame["hour"] = wrong(frame, this_week(frame))
    verdict = look(logged(tmp_path, frame), watched, WatchParams(), QUESTION).verdict
    assert verdict.outcome == outcome
    assert any(said in reason for reason in verdict.reasons)


def test_a_fault_of_today_does_not_wait_for_tomorrow(tmp_path, watched):
    frame = pd.concat([fortnight(), table(np.random.default_rng(2), 1, FIRST + dt.timedelta(days=7))])
    frame.loc[frame["time"] >= FIRST + dt.timedelta(days=7), "hour"] = 12.0
    verdict = look(logged(tmp_path, frame), watched, WatchParams(), QUESTION).verdict
    assert verdict.outcome == "BROKEN"
    assert "2013-10-14" in verdict.reasons[0]


def test_silence_is_a_fault_and_a_log_that_never_had_rows_is_unknown(tmp_path, watched):
    frame = fortnight()
    one = look(logged(tmp_path, frame[frame["time"].dt.day != 9]), watched, WatchParams(), QUESTION).verdict
    assert (one.outcome, one.reasons[0]) == ("BROKEN", "no prediction was logged on 2013-10-09")
    all_of_it = look(logged(tmp_path / "b", frame[~this_week(frame)]), watched, WatchParams(), QUESTION)
    assert all_of_it.verdict.outcome == "BROKEN"
    write(all_of_it, WatchParams().rules, context_of(all_of_it, "p", "v7", None, 9), None, tmp_path / "out")
    none = look(LogPlace(where(tmp_path / "c"), None), watched, WatchParams(), QUESTION)
    assert none.verdict.outcome == "UNKNOWN"
    write(none, WatchParams().rules, context_of(none, "p", "v7", None, 9), None, tmp_path / "none")


def test_labels_that_are_flipped_ask_for_a_retraining_and_missing_ones_are_told(tmp_path, watched):
    frame = pd.concat([fortnight()] * 4).sort_values("time", kind="stable")
    frame["truth"] = np.where(frame["carrier"] == "AA", ~frame["truth"], frame["truth"])
    verdict = look(logged(tmp_path, frame), watched, WatchParams(), QUESTION).verdict
    assert (verdict.outcome, "for the outcome has changed" in verdict.reasons[0]) == ("RETRAIN", True)
    late = look(logged(tmp_path / "b", fortnight(), labels=False), watched, WatchParams(), QUESTION)
    assert (late.verdict.outcome, late.evidence.gains) == ("OK", ())
    assert any("0 of 560 predictions have labels" in note for note in late.verdict.notes)
    # told, but after the question was asked
    early = replace(QUESTION, at=AT - dt.timedelta(days=7))
    assert look(LogPlace(where(tmp_path), None), watched, WatchParams(), early).labelled.day.max() < 15986


@pytest.fixture(scope="module")
def six_weeks(tmp_path_factory):
    """A log of 42 days that ends with the question's window."""
    frame = table(np.random.default_rng(1), 42, FIRST - dt.timedelta(days=35))
    return logged(tmp_path_factory.mktemp("weeks"), frame[::4])


@pytest.mark.parametrize(
    ("ago", "regret", "tried"), [(28, "7d", 7), (28, "28d", 14), (0, "7d", 7), (0, "28d", 28), (0, "3d", 7)]
)
def test_the_twin_is_made_of_what_came_before_the_labelled_days_that_it_is_tried_on(
    watched, six_weeks, ago, regret, tried
):
    asked, scored = [], []

    def twin(before):
        asked.append(before)
        return lambda features: scored.append(len(features)) or np.full(len(features), 0.3)

    question = replace(QUESTION, at=AT - dt.timedelta(days=ago))
    policy = WatchParams(regret=regret)
    gains = look(six_weeks, watched, policy, replace(question, twin=twin)).evidence.gains

    rows = PER_DAY // 4
    assert asked == [FIRST + dt.timedelta(days=7 - ago - tried)]
    assert scored == [tried * rows]
    assert (gains[0].name, gains[0].estimate.rows, gains[0].estimate.value < 0) == ("", tried * rows, True)
    # corrections go by two windows, and without a twin nothing older is read
    without = look(six_weeks, watched, policy, question).evidence.gains
    assert without == gains[1:]
    assert {gain.estimate.rows for gain in without} == {14 * rows}


def test_features_of_another_version_count_and_another_signature_does_not(tmp_path, watched):
    frame = fortnight()
    logged(tmp_path, frame[this_week(frame)], model="sha256:" + "b" * 64)
    place = logged(tmp_path, frame[~this_week(frame)])
    seen = look(place, watched, WatchParams(), QUESTION)
    assert seen.verdict.outcome == "OK"
    assert "their features count, their scores do not" in seen.verdict.notes[0]
    assert "(score)" not in {drift.column for drift in seen.evidence.drifts}
    odd = logged(tmp_path / "b", frame.drop(columns="carrier").assign(carrier=np.nan), model="sha256:" + "c" * 64)
    other = look(odd, watched, WatchParams(), QUESTION)
    assert other.verdict.outcome in {"UNKNOWN", "BROKEN"}


def test_an_odd_log_is_read_as_far_as_it_goes_and_told(tmp_path, watched):
    place = logged(tmp_path, fortnight())
    store = Store(place.where)
    again = fortnight()[:3].assign(truth=lambda rows: ~rows["truth"])  # the same ids, other truths, later
    told = [
        Feedback(f"{DIGEST[-4:]}-0-{i}", "true" if truth else "false", stamp(FIRST + dt.timedelta(hours=1)))
        for i, truth in enumerate(again["truth"])
    ]
    store.write_table(new_name(LABELS, f"{FIRST:%Y-%m-%d}", FIRST), to_table(told))
    store.write_table(new_name(LABELS, f"{FIRST:%Y-%m-%d}", FIRST), to_table(told))  # and once more
    store.write(f"predictions/day={FIRST:%Y-%m-%d}/notes.txt", b"not ours")
    segments = tmp_path / "here/segments"
    segments.mkdir(parents=True)
    (segments / "torn.jsonl").write_text('{"kind":"prediction","id":"x","ti')
    seen = look(LogPlace(place.where, tmp_path / "here"), watched, WatchParams(), QUESTION)
    assert (seen.verdict.outcome, seen.evidence.rows) == ("OK", (PER_DAY,) * 7)
    notes = " | ".join(seen.verdict.notes)
    assert "1 files in the log's folders are not Weighlock's" in notes
    both = look(LogPlace(place.where, None), watched, with_window(WatchParams(), "14d"), QUESTION)
    assert any("3 predictions were told different truths: the latest counts" in note for note in both.verdict.notes)


def test_days_on_which_clocks_change_are_days(tmp_path, watched):
    start = dt.datetime(2013, 10, 28, 4, tzinfo=dt.UTC)  # midnight in New York; on 3 November clocks go back
    hours = table(np.random.default_rng(4), 5, start)[: 7 * 24 + 1]
    hours["time"] = [start + dt.timedelta(hours=i) for i in range(len(hours))]
    question = Question(dt.datetime(2013, 11, 4, 14, tzinfo=dt.UTC), "America/New_York", "log_loss")
    seen = look(logged(tmp_path, hours), watched, WatchParams(), question)
    assert seen.evidence.rows == (24, 24, 24, 24, 24, 24, 25)
    assert (str(seen.evidence.days[-1]), seen.verdict.outcome) == ("2013-11-03", "OK")


def test_what_prometheus_is_told(tmp_path, watched):
    frame = fortnight()
    frame["hour"] = np.clip(frame["hour"] + 3, 0, 24)
    place = logged(tmp_path, frame)
    found = told(look(place, watched, WatchParams(), QUESTION), "production", AT, newest_known(place, AT))
    assert (found.environment, found.verdict, found.rows) == ("production", "RETRAIN", 7 * PER_DAY)
    assert set(found.drift) == {"hour", "carrier", "prediction"}
    assert found.drift["hour"] > 1 > found.drift["carrier"]
    assert found.label_lag == dt.timedelta(days=1, hours=3)  # of the last day, at nine


def test_how_near_a_drift_is_takes_both_chance_and_floor():
    drift = Drift("x", "shift", 0.5, 0.2, 0.1, 3.0, 2.0, 0.3)
    assert ratio(drift) == 1.5
    assert ratio(replace(drift, effect=0.05)) == 0.5
    assert ratio(replace(drift, floor=0.0)) == 1.5
    assert ratio(replace(drift, score=-1.0)) == 0


def test_references(tmp_path, watched):
    place = logged(
        tmp_path, pd.concat([table(np.random.default_rng(3), 28, FIRST - dt.timedelta(days=35)), fortnight()])
    )
    seen = look(place, watched, WatchParams(reference="before"), QUESTION)
    assert (len(seen.reference.days), seen.verdict.outcome) == (28, "OK")
    none = look(place, watched, WatchParams(reference="season"), QUESTION)
    assert "it has none of the same season" in none.reference_name
    day = int(watched.profile.days[5]) + 365
    assert set(season_of(watched.profile, day, day).days) == set(watched.profile.days)
    assert not len(season_of(watched.profile, day - 365, day - 365).days)
    few = look(place, watched, with_window(WatchParams(), "4d"), QUESTION)
    assert few.verdict.outcome == "UNKNOWN"


def test_a_profile_of_another_model_is_refused(tmp_path, watched):
    for path in watched.folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    other = replace(SIGNATURE, digest="sha256:" + "d" * 64)
    (tmp_path / "signature.json").write_text(json.dumps(other.to_json()))
    with pytest.raises(EvidenceError, match="not of the model beside it"):
        read_watched(tmp_path)
    (tmp_path / "profile.parquet").unlink()
    with pytest.raises(EvidenceError, match="missing"):
        read_watched(tmp_path)
