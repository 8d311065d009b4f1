"""The watch's verdict: what outranks what, what counts and what is a note; and its page."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from weighlock.decisions import trigger
from weighlock.decisions.watch import EXIT_CODES, Evidence, Gain, Rules, decide, told_fault
from weighlock.decisions.watch_report import Context, lines, report, share_after
from weighlock.statistics.drift import Drift
from weighlock.statistics.drift_faults import Fault
from weighlock.statistics.paired import Estimate

DAYS = tuple(dt.date(2013, 10, 7) + dt.timedelta(days=i) for i in range(7))
RULES = Rules(0.05, 0.01, 0.01, trigger.Rules(dt.timedelta(days=180), dt.timedelta(days=14)))
MOVED = Drift("hour", "shift", 0.5, 0.45, 0.1, 5.0, 1.0, 0.15)
STILL = Drift("rain", "shift", 0.1, 0.0, 0.1, 0.2, 1.0, 0.3)
QUIET = Evidence(DAYS, (300,) * 7, (True,) * 7, drifts=(STILL,), importance={"hour": 0.5, "rain": 0.001})
STUCK = Fault("hour", "constant", (2, 3), np.nan, np.nan, "12")
SHOWN = Gain("", Estimate(0.05, 0.005, 0.001, 7, 2100, 6.0))
CONTEXT = Context(
    "production", "v7", "its days", {"hour": 4.7}, 0.01, 0.002, (2100, 7), {"hour": (0.05, 0.1, "W")}, 2100,
    {"timeline": "timeline.png", "Evidently's page": "evidently.html"},
)  # fmt: skip


def outcome(**changes):
    return decide(replace(QUIET, **changes), RULES).outcome


def test_each_outcome():
    assert outcome() == "OK"
    assert outcome(drifts=(MOVED,)) == "WARN"
    assert outcome(drifts=(MOVED,), before=(MOVED,)) == "RETRAIN"
    assert outcome(drifts=(MOVED,), before=(replace(MOVED, column="other"),)) == "WARN"
    assert outcome(gains=(SHOWN,)) == "RETRAIN"
    assert outcome(gains=(SHOWN,), faults=(STUCK,)) == "BROKEN"
    assert outcome(drifts=None, too_few="3 days") == "UNKNOWN"
    assert outcome(drifts=None, too_few="3 days", faults=(STUCK,)) == "BROKEN"
    assert outcome(standing=trigger.Standing(age=dt.timedelta(days=200))) == "RETRAIN"
    assert outcome(standing=trigger.Standing(dt.timedelta(days=200), request_open=True)) == "WARN"
    assert EXIT_CODES == {"OK": 0, "WARN": 0, "RETRAIN": 3, "BROKEN": 5, "UNKNOWN": 4}


def test_a_day_without_any_row_is_a_fault_where_some_were_expected():
    silent = replace(QUIET, rows=(300,) * 6 + (0,))
    assert decide(silent, RULES).outcome == "BROKEN"
    assert "2013-10-13" in decide(silent, RULES).reasons[0]
    assert decide(replace(silent, expected=(True,) * 6 + (False,)), RULES).outcome == "OK"
    assert "whole window" in decide(replace(QUIET, rows=(0,) * 7), RULES).reasons[0]


def test_what_the_model_ignores_is_a_note_and_the_prediction_never():
    ignored = replace(MOVED, column="rain")
    verdict = decide(replace(QUIET, drifts=(ignored,)), RULES)
    assert (verdict.outcome, len(verdict.notes)) == ("OK", 1)
    assert outcome(drifts=(ignored,), importance=None) == "WARN"
    score = replace(MOVED, column="(score)")
    assert outcome(drifts=(score,), before=(score,)) == "WARN"


def test_a_gain_has_to_be_shown_to_exceed_the_margin():
    weak = Gain("", Estimate(0.02, 0.01, 0.001, 7, 2100, 6.0))
    assert outcome(gains=(weak,)) == "OK"
    many = tuple(Gain(f"x{i}", Estimate(0.035, 0.0065, 0.001, 7, 2100, 6.0)) for i in range(30))
    assert outcome(gains=many[:1], importance=None) == "RETRAIN"
    assert outcome(gains=many, importance=None) == "OK"  # one of thirty is luck
    assert outcome(gains=many[:1]) == "OK"  # the model makes nothing of it


def test_a_correction_has_to_gain_beyond_chance_and_the_margin_at_the_best_guess():
    def correction(gain, error):
        return Gain("hour", Estimate(gain, error, 0.001, 14, 4200, 13.0))

    assert outcome(gains=(correction(0.012, 0.002),)) == "RETRAIN"  # though no more than .0075 is shown
    assert outcome(gains=(correction(RULES.margin - 0.001, 0.0005),)) == "OK"
    assert outcome(gains=(correction(0.05, 0.025),)) == "OK"


def test_the_twins_share_of_the_error_is_for_corrections_where_there_is_none():
    # t = 2.4 with 13 degrees of freedom: p = .0160, between two thirds of the share for performance and all of it
    close = Gain("hour", Estimate(0.048, 0.02, 0.001, 14, 4200, 13.0))
    nothing = Gain("", Estimate(-0.01, 0.01, 0.001, 7, 2100, 6.0))
    assert outcome(gains=(close,)) == "RETRAIN"
    assert outcome(gains=(close, nothing)) == "OK"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("t", "jump", (0,), 20.0, 68.0), "°F to °C"),
        (Fault("t", "jump", (0,), 160.9, 100.0), "miles to km"),
        (Fault("t", "jump", (0,), 100.0, 160.9), "km to miles"),
        (Fault("t", "jump", (0,), 55.0, 1.4), "a sensor or its unit"),
        (
            Fault("t", "unit", (1, 2), 12.3, 54.1, "°F to °C"),
            "its daily mean is 12.3 since 2013-10-08, where the other columns foretell 54.1: its unit (°F to °C?)",
        ),
        (Fault("t", "nulls", (1,), 0.2, 0.01), "20.0% of its values are missing on 2013-10-08; at most 1.0%"),
        (Fault("t", "range", (1, 2), 1.0, 0.0), "all of a day's values are out of its range, since 2013-10-08"),
        (STUCK, "stuck at 12 since 2013-10-09"),
    ],
)
def test_faults_are_told(fault, said):
    assert said in told_fault(fault, DAYS)


def test_the_page_and_the_terminal_say_the_same():
    evidence = replace(QUIET, drifts=(MOVED, STILL), gains=(SHOWN,))
    verdict = decide(evidence, RULES)
    page = report(verdict, evidence, RULES, CONTEXT)
    assert page.startswith("# RETRAIN: production, 2013-10-07 to 2013-10-13")
    assert "![Timeline](timeline.png)" in page
    assert "We alone: `hour`" in page
    assert "0.15 sd (0.70)" in page
    text = "\n".join(lines(verdict, evidence, CONTEXT, "watch.md"))
    assert all(reason in text for reason in verdict.reasons)


def test_what_evidently_alone_calls_drift_is_within_what_days_differ_by_or_a_fault():
    loud = replace(CONTEXT, evidently={"hour": (0.5, 0.1, "W"), "rain": (0.5, 0.1, "W")})

    def page(**changes):
        evidence = replace(QUIET, **changes)
        return report(decide(evidence, RULES), evidence, RULES, loud)

    assert "It alone: `hour`, `rain`: within what days differ by anyway." in page()
    assert "It alone: `rain`: within" in page(faults=(replace(STUCK, column="hour"),))


def test_nobodys_column_name_breaks_the_page():
    nasty = replace(MOVED, column="a|b\n# @all <img>")
    evidence = replace(QUIET, drifts=(nasty,), importance=None)
    page = report(decide(evidence, RULES), evidence, RULES, CONTEXT)
    assert "\n# @all" not in page
    assert "a\\|b" in page


def test_a_mix_is_shown_as_what_a_share_grows_to():
    after = share_after(0.1)
    assert jensenshannon([0.1, 0.9], [after, 1 - after], base=2) == pytest.approx(0.1, abs=1e-6)
