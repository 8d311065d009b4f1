"""What may become of an environment: worked-out moves, and a machine that tries everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from weighlock.deployment.environment import (
    Blocked,
    Candidate,
    Environment,
    Match,
    Route,
    parse_environment,
    rewritten,
)
from weighlock.deployment.transitions import Earlier, Move, Refused, advance, changed, promote, rollback, skipped

SHIPPED = Path("deploy/production.yaml").read_text()
VERSIONS = ["v1", "v2", "v3", "v4"]
STAGING = Earlier("staging", stable=frozenset(VERSIONS), blocked=frozenset())
REASON = "it was slow"


def environment(
    stable: str | None = "v1", candidate: str | None = None, blocked: str = "", **route: Any
) -> Environment:
    return Environment(
        stable=stable,
        candidate=Candidate(release=candidate, route=Route(**(route or {"weight": 10.0}))) if candidate else None,
        blocked=[Blocked(release=version, reason=REASON) for version in blocked.split()],
    )


def test_the_first_release_is_stable_at_once() -> None:
    assert promote(environment(None), "v1").after == environment("v1")


def test_the_next_is_a_canary_with_the_first_weight() -> None:
    move = promote(environment("v1"), "v2", earlier=STAGING)

    assert move.after == environment("v1", "v2", weight=10.0)
    assert (move.skipped, move.unblocked, move.idle) == ((), None, False)


@pytest.mark.parametrize(
    ("route", "skips"),
    [
        (Route(weight=100.0), (10.0, 50.0)),
        (Route(weight=50.0), (10.0,)),
        (Route(weight=10.0), ()),
        (Route(weight=0.0), ()),
        (Route(mirror=100.0), ()),
        (Route(match=Match(values=["a"])), ()),
    ],
)
def test_a_promotion_says_which_steps_it_passes_over(route: Route, skips: tuple[float, ...]) -> None:
    assert promote(environment("v1"), "v2", route).skipped == skips


def test_at_once_passes_over_all_that_are_left() -> None:
    assert promote(environment("v1"), "v2", now=True).skipped == (10.0, 50.0, 100.0)
    assert promote(environment("v1", "v2", weight=50.0), "v2", now=True).skipped == (100.0,)
    assert promote(environment("v1", "v2", weight=100.0), "v2", now=True).skipped == ()
    assert promote(environment("v1", "v2", mirror=5.0), "v2", now=True).skipped == (10.0, 50.0, 100.0)


@pytest.mark.parametrize(
    ("before", "to", "after", "skips"),
    [
        (environment("v1", "v2", weight=10.0), None, environment("v1", "v2", weight=50.0), ()),
        (environment("v1", "v2", weight=20.0), None, environment("v1", "v2", weight=50.0), ()),
        (environment("v1", "v2", weight=50.0), None, environment("v1", "v2", weight=100.0), ()),
        (environment("v1", "v2", weight=100.0), None, environment("v2"), ()),
        (environment("v1", "v2", mirror=100.0), None, environment("v1", "v2", weight=10.0), ()),
        (environment("v1", "v2", match=Match(values=["a"])), None, environment("v1", "v2", weight=10.0), ()),
        (environment("v1", "v2", weight=10.0), 100.0, environment("v1", "v2", weight=100.0), (50.0,)),
        (environment("v1", "v2", weight=10.0), "stable", environment("v2"), (50.0, 100.0)),
        (environment("v1", "v2", weight=10.0), 10.0, environment("v1", "v2", weight=10.0), ()),
    ],
)
def test_advancing_goes_step_by_step(before: Environment, to: Any, after: Environment, skips: tuple[float]) -> None:
    move = advance(before, to)

    assert (move.after, move.skipped) == (after, skips)
    assert move.idle == (before == after)


def test_a_rollback_takes_the_candidate_away_and_blocks_it() -> None:
    assert rollback(environment("v1", "v2"), ["v1"], REASON).after == environment("v1", blocked="v2")


@pytest.mark.parametrize(
    ("past", "before", "after"),
    [
        (["v1", "v2"], environment("v2"), environment("v1", blocked="v2")),
        (["v1", "v2", "v3"], environment("v3"), environment("v2", blocked="v3")),
        (["v1", "v2", "v3", "v2"], environment("v2", blocked="v3"), environment("v1", blocked="v3 v2")),
        (["v1", "v3", "v1"], environment("v1"), environment("v3", blocked="v1")),
    ],
)
def test_or_goes_back_to_what_was_there_before(past: list[str], before: Environment, after: Environment) -> None:
    assert rollback(before, past, REASON).after == after


def test_a_rollback_to_a_release_blocks_all_that_goes() -> None:
    before = environment("v2", "v3")

    assert rollback(before, ["v1", "v2"], REASON, to="v1").after == environment("v1", blocked="v3 v2")
    assert rollback(before, ["v1", "v2"], REASON, to="v2").after == environment("v2", blocked="v3")


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (lambda: promote(environment("v1"), "v2", earlier=Earlier("staging", frozenset({"v1"}), frozenset())),
         "never been stable in staging"),
        (lambda: promote(environment("v1"), "v2", earlier=Earlier("staging", frozenset({"v2"}), frozenset({"v2"}))),
         "blocked in staging"),
        (lambda: promote(environment("v1", blocked="v2"), "v2"), "it was slow"),
        (lambda: promote(environment("v1", "v3"), "v2"), "`v3` is the candidate"),
        (lambda: promote(environment("v1", "v3"), "v2", now=True), "`v3` is the candidate"),
        (lambda: promote(environment("v1", "v3"), "v1", now=True), "Roll that back"),
        (lambda: promote(environment("v1"), "v1", Route(weight=10.0)), "beside itself"),
        (lambda: promote(environment(None), "v1", Route(weight=10.0)), "nothing to share"),
        (lambda: advance(environment("v1")), "no candidate to advance"),
        (lambda: advance(environment("v1", "v2", weight=50.0), 10.0), "50 % already"),
        (lambda: rollback(environment(None), [], REASON), "Nothing runs here"),
        (lambda: rollback(environment("v1"), ["v1"], REASON), "nothing before `v1`"),
        (lambda: rollback(environment("v3", blocked="v2"), ["v2", "v3"], REASON), "nothing before `v3`"),
        (lambda: rollback(environment("v3", blocked="v2"), ["v2", "v3"], REASON, to="v2"), "is blocked here"),
        (lambda: rollback(environment("v2"), ["v1", "v2"], REASON, to="v4"), "not blocked: v1"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_with_what_to_do(move: Any, said: str) -> None:
    with pytest.raises(Refused, match=said):
        move()


def test_asked_again_there_is_nothing_to_do() -> None:
    assert promote(environment("v1"), "v1").idle
    assert promote(environment("v1", "v2"), "v2").idle
    assert rollback(environment("v1"), ["v0", "v1"], REASON, to="v1").idle


def test_a_blocked_release_comes_back_where_someone_says_so() -> None:
    move = promote(environment("v1", blocked="v2 v3"), "v2", unblock=True)

    assert (move.after, move.unblocked) == (environment("v1", "v2", blocked="v3"), "v2")


def test_lowering_a_weight_skips_nothing() -> None:
    assert skipped(environment("v1", "v2", weight=100.0), environment("v1", "v2", weight=10.0)) == ()


class Machine(RuleBasedStateMachine):
    """An environment behind staging, tried with any command in any order; a plain second account is kept beside it."""

    @initialize(steps=st.sampled_from([[10.0, 50.0, 100.0], [100.0], [1.0, 5.0, 25.0]]))
    def begin(self, steps: list[float]) -> None:
        self.state = changed(parse_environment(SHIPPED, "x"), steps=steps)
        self.text = SHIPPED.replace("[10, 50, 100]", str(steps))
        self.staged: set[str] = set()
        self.past: list[str] = []
        self.bad: set[str] = set()

    @rule(version=st.sampled_from(VERSIONS))
    def stage(self, version: str) -> None:
        self.staged.add(version)

    @rule(
        version=st.sampled_from(VERSIONS),
        route=st.sampled_from([None, Route(weight=0.0), Route(weight=30.0), Route(weight=100.0), Route(mirror=100.0)]),
        now=st.booleans(),
        unblock=st.booleans(),
    )
    def promote(self, version: str, route: Route | None, now: bool, unblock: bool) -> None:
        earlier = Earlier("staging", frozenset(self.staged), frozenset())
        ran = self.state.releases
        try:
            move = promote(self.state, version, route, now=now, unblock=unblock, earlier=earlier)
        except Refused:
            assert (
                version not in self.staged
                or (version in self.bad and not unblock)
                or (ran and ran[-1] != version and len(ran) == 2)
                or (version == self.state.stable)
                or (self.state.stable is None and route)
            )
            return
        assert version in self.staged
        assert version in move.after.releases
        if version in self.bad:
            assert unblock
            assert move.unblocked == version
            self.bad.remove(version)
        assert move.after.stable == (version if now or not ran or version == ran[0] else ran[0])
        self.follow(move)

    @rule(to=st.sampled_from([None, None, "stable", 25.0, 50.0, 100.0]))
    def advance(self, to: Any) -> None:
        candidate = self.state.candidate
        try:
            move = advance(self.state, to)
        except Refused:
            assert candidate is None or (to != "stable" and candidate.route.weight > to)
            return
        assert candidate is not None
        if move.after.candidate is None:
            assert move.after.stable == candidate.release
        else:
            assert (move.after.candidate.route.weight or 0) >= (candidate.route.weight or 0)
            assert to is not None or not move.skipped
        self.follow(move)

    @rule(to=st.sampled_from([None, None, None, *VERSIONS]))
    def rollback(self, to: str | None) -> None:
        try:
            move = rollback(self.state, self.past, REASON, to)
        except Refused:
            return
        gone = set(self.state.releases) - set(move.after.releases)
        assert move.after.candidate is None
        assert move.after.stable == self.state.stable or move.after.stable in self.past
        assert move.skipped == ()
        self.bad |= gone
        self.follow(move)

    def follow(self, move: Move) -> None:
        before, after = move.before, move.after
        weights = {
            version: weight
            for state, version, weight in (
                (s, r, 101.0 if r == s.stable else (s.candidate.route.weight or 0.0) if s.candidate else 0.0)
                for s in (before,) for r in s.releases
            )
        }  # fmt: skip
        if move.kind != "rollback" and before.stable is not None:
            top = after.candidate.route.weight if after.candidate else 101.0
            version = after.releases[-1]
            passed = [s for s in before.steps if weights.get(version, 0.0) < s < (top or 0.0)]
            assert list(move.skipped) == passed
        self.text = rewritten(self.text, after)
        self.state = after
        if after.stable and self.past[-1:] != [after.stable]:
            self.past.append(after.stable)

    @invariant()
    def nothing_that_is_blocked_runs(self) -> None:
        assert not self.bad & set(self.state.releases)
        assert {entry.release for entry in self.state.blocked} == self.bad

    @invariant()
    def what_runs_has_been_staged(self) -> None:
        assert set(self.state.releases) <= self.staged

    @invariant()
    def the_file_says_the_same(self) -> None:
        assert parse_environment(self.text, "x") == self.state


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestMachine = Machine.TestCase
