"""What kept figures amount to under a margin, beside the gate's own decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.replaying.gate import Weighing, judged
from weighlock.weighing.policy import GateParams

FOUND = Weighing("served", 0.5, 0.51, -0.01, -0.015, -0.005, harmed=True, rest="PASS", reasons="")


def policy(margin: float, require: str = "not_worse") -> GateParams:
    primary = {"metric": "log_loss", "better": "lower", "margin": margin, "require": require}
    return GateParams.model_validate({"primary": primary, "cluster": "day"})


@pytest.mark.parametrize(
    ("margin", "change", "outcome"),
    [
        (0.016, {}, "PASS"),
        (0.014, {}, "FAIL"),
        (0.014, {"harmed": False}, "INCONCLUSIVE"),
        (0.016, {"rest": "FAIL", "reasons": "a slice"}, "FAIL"),
        (0.016, {"rest": "INCONCLUSIVE", "reasons": "a guard"}, "INCONCLUSIVE"),
        (0.014, {"rest": "INCONCLUSIVE", "reasons": "a guard"}, "FAIL"),
    ],
)
def test_the_margin_is_held_against_the_bound(margin: float, change: dict[str, object], outcome: str) -> None:
    found = judged(replace(FOUND, **change), policy(margin))  # type: ignore[arg-type]
    assert found.said.startswith(
        f"{outcome}: log_loss 0.5100, the champion's 0.5000: gain -0.0100 (-0.0150 to -0.0050)"
    )
    assert found.passed == (outcome == "PASS")
    assert ("reasons" not in change) or str(change["reasons"]) in found.said


def test_superiority_has_no_margin() -> None:
    assert judged(replace(FOUND, lower=0.001), policy(0.1, "superior")).passed
    assert not judged(replace(FOUND, lower=-0.001), policy(0.1, "superior")).passed


@given(st.floats(-0.1, 0.1), st.floats(0, 0.1), st.floats(0, 0.1))
def test_a_wider_margin_never_refuses_what_a_narrower_one_lets_through(low: float, one: float, other: float) -> None:
    found = replace(FOUND, lower=low, harmed=False)
    narrow, wide = sorted((one, other))
    assert judged(found, policy(wide)).passed >= judged(found, policy(narrow)).passed
