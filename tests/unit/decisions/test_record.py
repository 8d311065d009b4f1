"""The machine's record: every figure, no NaN, one order of keys, and evidence apart from what is said beside it."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from shown import DIGEST, HOSTILE, check, condition, context, estimate, everything, verdict

from weighlock.decisions.record import to_json


def test_a_check_has_all_its_figures() -> None:
    made = to_json(verdict(check(gain=estimate(0.0024, 0.0041))), context())["checks"][0]

    # t(0.95; 27) = 1.7033
    assert made["comparison"]["gain"] == {
        "value": 0.0024, "error": 0.0041, "naive_error": 0.00205, "clusters": 28, "rows": 4000, "freedom": 27.0,
        "autocorrelation": 0.1, "effective_rows": 1000.0,
        "interval": {
            "confidence": pytest.approx(0.9),
            "lower": pytest.approx(0.0024 - 1.7033 * 0.0041, abs=1e-6),
            "upper": pytest.approx(0.0024 + 1.7033 * 0.0041, abs=1e-6),
        },
    }  # fmt: skip
    assert (made["kind"], made["result"], made["p_harm"], made["comparison"]["margin"]) == (
        "primary",
        "pass",
        0.4,
        0.02,
    )
    assert to_json(verdict(condition("lock", "pass")), context())["checks"][0]["comparison"] is None


def test_it_is_json_whatever_comes_and_the_same_each_time() -> None:
    found, said = everything(HOSTILE, 6)

    first = json.dumps(to_json(found, said), allow_nan=False)

    assert first == json.dumps(to_json(found, said), allow_nan=False)
    gain = json.loads(first)["checks"][0]["comparison"]["gain"]
    assert (gain["value"], gain["error"], gain["interval"]["lower"]) == (None, None, None)


def test_what_an_acceptance_needs_is_there() -> None:
    made = to_json(verdict(check(), outcome="INCONCLUSIVE"), context(accepted="Because."))

    assert list(made) == [
        "outcome", "bootstrap", "reasons", "task", "target", "challenger", "champion", "holdout", "metrics", "checks",
        "turns", "flips", "evidence", "accepted", "about",
    ]  # fmt: skip
    assert made["challenger"]["digests"] == {"weighed": DIGEST, "served": None}
    assert (made["outcome"], made["evidence"], made["accepted"]) == ("INCONCLUSIVE", DIGEST, "Because.")
    assert to_json(verdict(check()), context(champion=None))["champion"] is None


def test_the_evidence_does_not_hang_on_who_looks_from_where() -> None:
    here = context()
    there = dataclasses.replace(
        here,
        challenger=dataclasses.replace(here.challenger, name="elsewhere"),
        holdout=dataclasses.replace(here.holdout, weighed=None),
        warnings=(),
        plots=(),
    )

    made, other = to_json(verdict(check()), here), to_json(verdict(check()), there)

    assert made != other
    assert {k: v for k, v in made.items() if k != "about"} == {k: v for k, v in other.items() if k != "about"}


def test_figures_are_rounded_below_what_processors_differ_by() -> None:
    one = check(gain=estimate(0.1 + 0.2))
    other = check(gain=estimate(0.3))

    assert to_json(verdict(one), context())["checks"][0] == to_json(verdict(other), context())["checks"][0]


def test_numbers_of_numpy_are_numbers() -> None:
    made = to_json(verdict(check(gain=estimate(np.float64(0.5), rows=np.int64(7)))), context())

    gain = made["checks"][0]["comparison"]["gain"]
    assert type(gain["rows"]) is int
    assert type(gain["value"]) is float
    assert not math.isnan(gain["value"])
