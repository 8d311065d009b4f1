"""The judge: planted rollouts that must go on, wait or go back, and what it says of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from weighlock.decisions.judge import judge
from weighlock.decisions.judge_report import Step, markdown, terminal, to_json
from weighlock.decisions.judge_verdict import Bracket, Counted, Evidence, Latency, Rules, Samples
from weighlock.statistics.sequential_odds import Strata

DAY = 86_400.0
RULES = Rules(
    alpha=0.05,
    split={"error_rate": 0.4, "latency": 0.2, "score": 0.2, "loss": 0.2},
    harm={"error_rate": 1.0, "latency": 2.0, "score": 0.15, "loss": 0.0},
    margin={"error_rate": 0.005, "latency": 0.02, "score": 0.15, "loss": 0.05},
    paired_margin=0.05,
    clump={"error_rate": 1, "latency": 1},
    quantile=0.99,
    must_show=frozenset({"error_rate", "latency", "score"}),
    min_requests=500,
    max_hold=7 * DAY,
    on_max_hold="ROLLBACK",
)
STEP = Step(
    "production", "v1", "v2", ("sha256:a", "sha256:b"), "a canary with 10 % of the entities", "2026-01-31T05:15:00Z",
    "2026-01-31T06:15:00Z", ("Someone | <b>wrote</b> this.",),
)  # fmt: skip


def counted(candidate: int, stable: int, looks: int = 20, *, together: bool = True) -> Counted:
    """4,000 requests of the candidate and 36,000 of the stable version, with so many yeses spread over the looks."""

    def spread(total: int) -> np.ndarray:
        return np.diff(np.round(np.linspace(0, total, looks + 1)).astype(np.int64))

    return Counted(Strata(spread(4000), spread(candidate), spread(36_000), spread(stable)), together)


def slow(candidate: int, stable: int) -> Latency:
    return Latency(counted(candidate, stable), Bracket(0.01, 0.025), Bracket(0.0, 0.025), 0.025)


def scores(power: float = 1.0, n: int = 2000) -> Samples:
    return Samples(np.linspace(0, 1, n) ** power, np.linspace(0, 1, 8 * n))


def evidence(**change) -> Evidence:
    """Of a candidate that is like the stable version."""
    like = Evidence(4000, DAY, counted(2, 20), slow(40, 360), {"": scores()})
    return replace(like, **change)


def check(found, name):
    return next(c for c in found.checks if c.name == name)


def test_a_candidate_like_the_stable_version_goes_on():
    found = judge(evidence(), RULES)

    assert found.outcome == "ADVANCE"
    assert [c.result for c in found.checks] == ["fine", "fine", "fine", "not run"]
    assert found.better == ()
    assert all("shown to be within the margin" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("error_rate", {"errors": counted(80, 360)}),
        ("latency", {"latency": slow(200, 360)}),
        ("score", {"scores": {"": scores(3.0)}}),
        ("score", {"scores": {"low": scores(), "high": scores(3.0)}}),
        ("loss", {"loss": Samples(np.full(900, 0.4), np.full(9000, 0.1))}),
        ("loss", {"loss": Samples(np.full(400, 0.4), np.full(400, 0.1), paired=True)}),
        ("score", {"scores": {"": Samples(np.full(400, 0.4), np.full(400, 0.1), paired=True)}}),
    ],
)
def test_harm_in_any_one_figure_rolls_back(name, change):
    found = judge(evidence(**change), RULES)

    assert found.outcome == "ROLLBACK"
    assert [c.name for c in found.checks if c.result == "worse"] == [name]
    assert found.reasons == (check(found, name).reason,)
    assert "shown to be" in found.reasons[0]


def test_what_is_worse_within_its_margin_is_fine():
    rules = replace(RULES, margin={**RULES.margin, "error_rate": 0.05})

    found = judge(evidence(errors=counted(80, 360)), rules)

    assert check(found, "error_rate").lower > 1
    assert check(found, "error_rate").result == "fine"
    assert found.outcome == "ADVANCE"


def test_what_may_have_one_cause_counts_once():
    rules = replace(RULES, clump={"error_rate": 6, "latency": 1})

    alone, clumped = (check(judge(evidence(errors=counted(70, 360)), each), "error_rate") for each in (RULES, rules))

    assert (alone.result, clumped.result) == ("worse", "open")
    assert clumped.lower < alone.lower < alone.upper < clumped.upper
    assert clumped.ceiling > alone.ceiling


def test_fewer_errors_are_called_better():
    found = judge(evidence(errors=counted(4, 720)), RULES)

    assert found.better == ("error_rate",)
    assert check(found, "error_rate").reason.endswith(
        "shown to be better, and shown to be within the margin of 0.5 points."
    )


def test_a_lower_loss_is_called_better():
    found = judge(evidence(loss=Samples(np.full(900, 0.1), np.full(9000, 0.4))), RULES)

    assert found.better == ("loss",)
    assert found.outcome == "ADVANCE"


def test_too_little_waits_and_says_how_much_would_do():
    few = Counted(Strata(*(np.array([count]) for count in (200, 0, 1800, 0))))

    found = judge(evidence(errors=few), RULES)

    assert found.outcome == "HOLD"
    [reason] = found.reasons
    assert "not yet shown to be within the margin of 0.5 points; about" in reason
    assert 5 < check(found, "error_rate").more < 20


def test_a_difference_at_the_margin_would_never_be_shown_to_be_fine():
    found = judge(evidence(scores={"": scores(1.5)}), RULES)

    assert found.outcome == "HOLD"
    assert check(found, "score").more is None
    assert "a hundred times as much would not do" in found.reasons[0]


def test_min_requests_hold_whatever_is_shown():
    found = judge(evidence(requests=499), RULES)

    assert found.outcome == "HOLD"
    assert found.reasons == ("499 requests of the candidate; `min_requests` asks for 500.",)


def test_what_must_be_shown_and_could_not_be_looked_at_waits_and_says_why():
    found = judge(evidence(scores={}, missing={"score": "No log was named."}), RULES)

    assert (found.outcome, found.reasons) == ("HOLD", ("No log was named.",))


@pytest.mark.parametrize(("at", "outcome"), [(7 * DAY - 1, "HOLD"), (7 * DAY, "ROLLBACK")])
def test_max_hold_ends_it(at, outcome):
    found = judge(evidence(scores={"": scores(1.5)}, held=at), RULES)

    assert found.outcome == outcome
    assert found.reasons[0].startswith("Held for 7d, and `max_hold` is 7d: ROLLBACK") == (outcome == "ROLLBACK")


def test_max_hold_may_advance_what_was_looked_at_and_never_what_was_not():
    rules = replace(RULES, on_max_hold="ADVANCE")
    seen, unseen = evidence(scores={"": scores(1.5)}, held=8 * DAY), evidence(scores={}, held=8 * DAY)

    assert judge(seen, rules).outcome == "ADVANCE"
    assert judge(unseen, rules).outcome == "ROLLBACK"
    assert "what has not been looked at does not pass" in judge(unseen, rules).reasons[0]
    assert judge(replace(seen, requests=3), rules).outcome == "ROLLBACK"


def test_without_max_hold_it_waits_for_ever():
    assert judge(evidence(scores={}, held=1e9), replace(RULES, max_hold=None)).outcome == "HOLD"


def test_harm_outweighs_max_hold_s_advance():
    rules = replace(RULES, on_max_hold="ADVANCE")

    assert judge(evidence(errors=counted(80, 360), held=8 * DAY), rules).outcome == "ROLLBACK"


def test_against_what_the_stable_version_did_before_only_more_than_the_margin_is_harm():
    little, much = counted(40, 180, together=False), counted(200, 180, together=False)

    assert check(judge(evidence(errors=little), RULES), "error_rate").result == "open"
    found = check(judge(evidence(errors=much), RULES), "error_rate")
    assert (found.result, found.scale) == ("worse", "difference")
    assert "before this step" in found.reason


def test_a_step_without_requests_of_one_variant_is_not_run():
    none = Counted(Strata(*(np.array([count]) for count in (0, 0, 1800, 3))))

    found = check(judge(evidence(errors=none), RULES), "error_rate")

    assert (found.result, found.reason) == ("not run", "The candidate had no requests between two looks.")


def test_the_record_is_json_without_infinities_and_says_all():
    given = evidence(latency=replace(slow(40, 360), candidate=Bracket(0.01, np.inf)))

    content = to_json(judge(given, RULES), STEP, RULES, given)

    text = json.dumps(content, allow_nan=False)
    assert json.loads(text)["outcome"] == "ADVANCE"
    assert content["quantiles"] == {
        "quantile": 0.99,
        "candidate": {"above": 0.01, "upto": None},
        "stable": {"above": 0.0, "upto": 0.025},
    }
    assert [c["name"] for c in content["checks"]] == ["error_rate", "latency", "score", "loss"]
    assert content["rules"]["must_show"] == ["error_rate", "latency", "score"]


def test_the_report_and_the_terminal_say_why():
    given = evidence(errors=counted(80, 360))
    found = judge(given, RULES)

    report, lines = markdown(found, STEP, RULES, given), terminal(found, STEP, RULES, given, "reports/judge.md")

    assert report.startswith("# ROLLBACK: `v2` beside `v1` in `production`\n")
    assert "- 2.0 % of 4,000 requests failed, of the stable version's 36,000 1.0 %" in report
    assert "&lt;b&gt;wrote" in report
    assert lines[0] == "ROLLBACK"
    assert "p99 latency: candidate 10 to 25 ms, stable at most 25 ms." in lines
    assert lines[-1] == "See reports/judge.md"
    widths = {len(line) for line in lines if line.endswith(("outcome", "worse", "fine"))}
    assert len(widths) <= 3  # columns are aligned; the last is not padded
