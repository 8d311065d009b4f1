"""The trigger: every reason, everything that holds it back, and that nothing else moves it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.decisions.trigger import Rules, Signs, Standing, decide

DAY = dt.timedelta(days=1)
RULES = Rules(max_age=100 * DAY, cooldown=14 * DAY)
words = st.lists(st.just("x"), max_size=1).map(tuple)
lengths = st.one_of(st.none(), st.integers(0, 400).map(lambda days: days * DAY))


@given(words, words, words, lengths, lengths, st.booleans())
def test_it_fires_for_a_reason_and_never_where_it_may_not(broken, performance, drifted, age, since, request_open):
    decision = decide(Signs(broken, performance, drifted), Standing(age, since, request_open), RULES)

    reason = bool(performance or drifted or (age is not None and age > RULES.max_age))
    may = not broken and not request_open and (since is None or since >= RULES.cooldown)
    assert decision.retrain == (reason and may)
    assert bool(decision.reasons) == reason
    assert (decision.held is not None) == (reason and not may)


@pytest.mark.parametrize(
    ("signs", "standing", "held"),
    [
        (Signs(("`x` is stuck",), ("it helps",)), Standing(), "broken"),
        (Signs((), ("it helps",)), Standing(request_open=True), "pull request is open"),
        (Signs((), ("it helps",)), Standing(since_retraining=3 * DAY), "3d ago"),
        (Signs((), ("it helps",)), Standing(since_retraining=dt.timedelta(hours=5)), "5h ago"),
    ],
)
def test_what_holds_it_back_is_said(signs, standing, held):
    assert held in decide(signs, standing, RULES).held


def test_reasons_are_said():
    decision = decide(Signs(drifted=("a", "b")), Standing(age=101 * DAY), RULES)
    assert decision.reasons == (
        "`a`, `b` drifted in this window and in the one before",
        "the model saw its newest row 101 days ago, the limit is 100",
    )
