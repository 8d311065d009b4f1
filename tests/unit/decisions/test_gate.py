"""The gate: what passes, what fails and what cannot be told, each by a planted case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from weighlock.decisions.gate import LEAST_UNITS, decide
from weighlock.decisions.verdict import Comparison, Condition, Demand, Kind
from weighlock.statistics.paired import Estimate, Units, mean_difference

MARGIN = 0.02


def gained(value: float, error: float = 0.01, clusters: int = 28) -> Estimate:
    return Estimate(value, error, error / 5, clusters, 26_000, freedom=clusters - 1)


def compared(value: float, kind: Kind = "primary", name: str = "log_loss", **spread: Any) -> Comparison:
    return Comparison(kind, name, 0.5, 0.5 - value, gained(value, **spread), MARGIN)


def demanded(value: float, *, superior: bool = False, **more: Any) -> Demand:
    return Demand(compared(value, **more), 0.95, superior)


QUANTILE = stats.t.ppf(0.95, 27) * 0.01  # 0.0170


@pytest.mark.parametrize(
    ("gain", "superior", "outcome"),
    [
        (0.0, False, "PASS"),  # 0 - 0.0170 is above -0.02
        (-0.0029, False, "PASS"),
        (-0.0031, False, "INCONCLUSIVE"),
        (-0.0169, False, "INCONCLUSIVE"),
        (-0.0171, False, "FAIL"),  # shown to be worse than the champion, not shown to be within the margin
        (0.0169, True, "INCONCLUSIVE"),
        (0.0171, True, "PASS"),
        (-0.0171, True, "FAIL"),
    ],
)
def test_borders_are_those_of_the_one_sided_bound(gain: float, superior: bool, outcome: str) -> None:
    verdict = decide([demanded(gain, superior=superior)], [], [])

    assert verdict.outcome == outcome
    assert not verdict.bootstrap


def test_every_demand_has_to_be_shown() -> None:
    good, vague = demanded(0.02), demanded(-0.01, kind="guard", name="brier")

    assert decide([good, demanded(0.02, kind="guard", name="brier")], [], []).outcome == "PASS"
    assert decide([good, vague], [], []).outcome == "INCONCLUSIVE"
    assert decide([good, demanded(-0.05, kind="guard", name="brier")], [], []).outcome == "FAIL"


def test_few_days_are_inconclusive_however_large_the_difference() -> None:
    verdict = decide([demanded(0.5, clusters=LEAST_UNITS - 1)], [], [], days=2)

    check = verdict.checks[0]
    assert (verdict.outcome, check.more_units) == ("INCONCLUSIVE", 2)  # one block more, of two days
    assert "18 days are too few" in check.reason
    assert decide([demanded(-0.5, clusters=LEAST_UNITS - 1)], [], []).outcome == "INCONCLUSIVE"
    assert decide([demanded(0.5, clusters=LEAST_UNITS)], [], []).outcome == "PASS"


def test_what_is_inconclusive_says_what_would_decide() -> None:
    near = decide([demanded(-0.01)], [], []).checks[0]
    never = decide([demanded(-MARGIN, error=0.015)], [], []).checks[0]

    # lower bound above -0.02: 0.01 > t(0.95, G - 1) · 0.01 · sqrt(28 / G), first at G = 78
    first = next(g for g in range(28, 200) if stats.t.ppf(0.95, g - 1) * 0.01 * (28 / g) ** 0.5 < 0.01)
    assert near.more_units == pytest.approx(first - 28, abs=1)
    assert f"about {near.more_units} more days like these would decide" in near.reason
    assert never.more_units is None
    assert "no number of days" in never.reason


def test_a_slice_vetoes_where_harm_beyond_its_margin_is_shown() -> None:
    harmed = compared(-0.08, kind="slice", name="carrier = UA")  # 6 errors beyond the margin
    worse = compared(-0.03, kind="slice", name="carrier = AA")  # one

    failed = decide([demanded(0.02)], [harmed, worse], [])

    assert failed.outcome == "FAIL"
    assert [check.result for check in failed.of("slice")] == ["fail", "pass"]
    assert "carrier = UA" in failed.reasons[0]
    assert decide([demanded(0.02)], [worse] * 20, []).outcome == "PASS"
    few = replace(harmed, gain=gained(-0.08, clusters=5))
    assert decide([demanded(0.02)], [few], []).of("slice")[0].result == "not run"


def test_vetoes_are_corrected_for_their_number() -> None:
    # p = P(t < -2.4) = 0.0118: below half of .05 alone, not once there are twenty of them
    slight = compared(-MARGIN - 0.024, kind="slice")
    harmless = [compared(0.0, kind="slice")] * 19

    assert decide([demanded(0.02)], [slight], []).outcome == "FAIL"
    assert decide([demanded(0.02)], [slight, *harmless], []).outcome == "PASS"


def test_conditions_fail_outright_and_block_unlooked_at_only_where_the_policy_says_so() -> None:
    broken = Condition("size", holds=False, reason="30 MB.")
    unseen = Condition("lock", None, "There is no repository.")
    fine = [demanded(0.02)]

    assert decide(fine, [], [broken]).outcome == "FAIL"
    assert decide(fine, [], [unseen]).outcome == "PASS"
    assert decide(fine, [], [unseen], must_run=["lock"]).outcome == "INCONCLUSIVE"
    assert decide(fine, [], [unseen], must_run=["lock"]).reasons == (
        "lock: There is no repository. `gate.must_run` asks for it.",
    )


def test_without_a_champion_conditions_decide_and_the_verdict_says_so() -> None:
    held = Condition("floors", holds=True, reason="roc_auc 0.71 reaches the floor of 0.6.")

    verdict = decide([], [], [held])

    assert (verdict.outcome, verdict.bootstrap) == ("PASS", True)
    assert "bootstrap" in verdict.reasons[0]
    assert decide([], [], [replace(held, holds=False)]).outcome == "FAIL"
    with pytest.raises(ValueError, match="nothing to decide by"):
        decide([], [], [replace(held, holds=None)])


gains = st.floats(-0.1, 0.1)


@given(st.lists(gains, min_size=1, max_size=5), st.lists(gains, max_size=8), st.booleans())
def test_more_harm_never_helps(demands: list[float], vetoes: list[float], superior: bool) -> None:
    order = {"FAIL": 0, "INCONCLUSIVE": 1, "PASS": 2}

    def outcome(shift: float) -> int:
        return order[
            decide(
                [demanded(g - shift, superior=superior, name=str(i)) for i, g in enumerate(demands)],
                [compared(g - shift, kind="slice", name=str(i)) for i, g in enumerate(vetoes)],
                [],
            ).outcome
        ]

    assert outcome(0.01) <= outcome(0.0) <= outcome(-0.01)


def test_an_equal_challenger_fails_as_seldom_as_the_policy_says() -> None:
    # two demands, 20 slices of 28 days whose days stand or fall together
    random = np.random.default_rng(8)
    units = Units(np.arange(28), ordered=True)
    failed = 0
    for _ in range(600):
        days = random.normal(size=(22, 28)) + random.normal(size=28)
        found = [mean_difference(row, units) for row in days]
        demands = [Demand(Comparison("guard", str(i), 1, 1, g, 0.5), 0.95) for i, g in enumerate(found[:2])]
        slices = [Comparison("slice", str(i), 1, 1, g, 0.0) for i, g in enumerate(found[2:])]
        failed += decide(demands, slices, []).outcome == "FAIL"

    assert failed / 600 <= 0.05
