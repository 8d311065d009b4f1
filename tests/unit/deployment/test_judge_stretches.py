"""From looks at counters to requests that failed and requests that were slow."""

from __future__ import annotations

import math

import pytest

from weighlock.decisions.judge_verdict import Bracket
from weighlock.deployment.judge_counters import Look, Totals
from weighlock.deployment.judge_policy import JudgeParams, Latency
from weighlock.deployment.judge_stretches import errors, latency, stretches

EDGES = (0.01, 0.1, 1.0)


def totals(ok: int, failed: int, *buckets: int) -> Totals:
    return Totals({"200": ok, "503": failed, "401": 7}, EDGES, buckets)


def look(stable: Totals, candidate: Totals, step: str = "now", release: str = "v1") -> Look:
    return Look("2026-01-31T12:00:00Z", step, release, {"stable": {"a": stable}, "candidate": {"b": candidate}})


NOTHING = totals(0, 0, 0, 0, 0, 0)
# the stable version's p99 is in the bucket up to 0.1 s at first, then in the one up to 1 s
LOOKS = [
    look(totals(1000, 10, 950, 55, 5, 0), NOTHING),
    look(totals(1100, 12, 1000, 57, 55, 0), totals(10, 1, 8, 2, 1, 0)),
    look(totals(1200, 12, 1100, 57, 54, 1), totals(20, 3, 15, 4, 3, 1)),
]


def params(fast: float = 0.0) -> JudgeParams:
    return JudgeParams(latency=Latency(fast_enough_ms=fast))


def rows(strata) -> list[list[int]]:
    return [part.tolist() for part in (strata.candidate, strata.candidate_yes, strata.stable, strata.stable_yes)]


def test_errors_are_those_of_each_stretch() -> None:
    found = errors(stretches(LOOKS[:2], together=True), ["5xx"])

    assert rows(found.strata) == [[11], [1], [102], [2]]
    assert found.together


def test_slow_is_what_was_slow_before_the_stretch() -> None:
    found = latency(
        stretches(
            [*LOOKS[:2], look(totals(1200, 12, 1100, 57, 55, 1), LOOKS[2].variants["candidate"]["b"])], together=True
        ),
        params(),
    )

    assert found is not None
    # above 0.1 s in the first stretch, above 1 s in the second
    assert rows(found.slow.strata) == [[11, 12], [1, 1], [102, 101], [50, 1]]
    assert found.border == 1.0


@pytest.mark.parametrize(("fast", "border"), [(5.0, 0.1), (100.0, 0.1), (101.0, 1.0), (60_000.0, 1.0)])
def test_what_is_fast_enough_is_not_slow(fast: float, border: float) -> None:
    found = latency(stretches(LOOKS[:2], together=True), params(fast))

    assert found is not None
    assert found.border == border


def test_without_history_slow_is_what_is_not_fast_enough() -> None:
    looks = [look(NOTHING, NOTHING), LOOKS[1]]

    known = latency(stretches(looks, together=True), params(100.0))

    assert known is not None
    assert known.border == 0.1
    assert latency(stretches(looks, together=True), params()) is None


def test_the_first_look_of_a_step_compares_nothing() -> None:
    found = stretches([look(NOTHING, NOTHING, "before"), LOOKS[0]], together=True)

    assert found.candidate == ()
    assert latency(found, params()) is None


def test_where_the_stable_version_is_not_asked_its_earlier_stretches_are_taken() -> None:
    before = [
        look(totals(500, 5, 505, 0, 0, 0), NOTHING, "before"),
        look(totals(900, 6, 899, 5, 2, 0), NOTHING, "before"),
    ]
    other = look(NOTHING, NOTHING, "older", "v0")
    now = [
        look(totals(900, 6, 899, 5, 2, 0), totals(0, 0, 0, 0, 0, 0)),
        look(totals(900, 6, 899, 5, 2, 0), LOOKS[2].variants["candidate"]["b"]),
    ]

    found = stretches([other, *before, *now], together=False)

    assert rows(errors(found, ["5xx"]).strata) == [[23], [3], [401], [1]]
    assert not errors(found, ["5xx"]).together


def test_restarts_are_counted_and_quantiles_bracketed() -> None:
    many = look(totals(9000, 0, 8000, 995, 5, 0), totals(5, 0, 4, 1, 0, 0))
    anew = [LOOKS[0], LOOKS[1], many]

    found = stretches(anew, together=True)

    assert found.restarts == (1, 1)
    slow = latency(found, params())
    assert slow is not None
    assert slow.stable == Bracket(0.01, 0.1)
    assert slow.candidate == Bracket(0.0, math.inf)
