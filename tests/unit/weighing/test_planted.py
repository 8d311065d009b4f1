"""Planted models differ as they are said to, for every task; a gate that judges as teams do today is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.decisions.gate import decide
from weighlock.decisions.verdict import Comparison, Condition, Demand, Outcome, Verdict
from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import find_metric
from weighlock.statistics.paired import Estimate, Units
from weighlock.weighing.altered import Altered
from weighlock.weighing.planted import ALLOWED, plant
from weighlock.weighing.policy import GateParams
from weighlock.weighing.predictions import Predictions
from weighlock.weighing.self_test import self_test

DAYS, A_DAY = 24, 60
ROWS = DAYS * A_DAY
UNITS = Units(np.repeat(np.arange(DAYS), A_DAY), ordered=True)
CLASSES = {"binary": ("no", "yes"), "multiclass": ("low", "middle", "high"), "regression": None}
# primary metric, guards with their direction
RULES = {
    "binary": ("log_loss", {"roc_auc": "higher", "calibration_error": "lower"}),
    "multiclass": ("log_loss", {"accuracy": "higher"}),
    "regression": ("mae", {"rmse": "lower"}),
}
RESAMPLING = Resampling(resamples=100, seed=7)


def model(task: str = "binary", knows: float = 1.0, seed: int = 0) -> Predictions:
    """One that knows some of what there is to know; days differ."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=ROWS) + random.normal(0, 0.5, DAYS)[UNITS.clusters]
    frame = pd.DataFrame({"key": [f"k{i}" for i in range(ROWS)]})
    if task == "binary":
        score = 1 / (1 + np.exp(1 - 1.5 * knows * signal))
        frame["truth"], frame["score"] = (random.random(ROWS) < score).astype("int8"), score.astype("float32")
    elif task == "multiclass":
        odds = np.exp(knows * np.column_stack([-signal, np.zeros(ROWS), signal]))
        odds /= odds.sum(axis=1, keepdims=True)
        drawn = (random.random(ROWS)[:, None] > odds.cumsum(axis=1)).sum(axis=1)
        frame["truth"] = np.array(CLASSES[task], dtype=object)[drawn]
        frame[[f"score_{name}" for name in CLASSES[task]]] = odds
    else:
        frame["truth"], frame["value"] = signal + random.normal(size=ROWS), knows * signal
    return Predictions("mine", frame, task, "y", CLASSES[task], 0.4 if task == "binary" else None, "sha256:1", None)


def policy(task: str = "binary", margin: Any = 0.03, guards: bool = True, **primary: Any) -> GateParams:
    metric, others = RULES[task]
    rules = [{"metric": name, "better": better, "margin": 0.05} for name, better in others.items() if guards]
    first = {"metric": metric, "better": "lower", "margin": margin} | primary
    return parse({"primary": first, "guards": rules, "cluster": "day", "resamples": 100}, GateParams, "params.yaml")


def judged(rules: GateParams, gain_of: Callable[[Estimate], Estimate] = lambda gain: gain) -> Callable[..., Verdict]:
    """The gate of these rules, if with other estimates."""

    def judge(challenger: Predictions, champion: Predictions) -> Verdict:
        demands = []
        for place, rule in enumerate(rules.rules):
            metric = find_metric(rule.metric, challenger.task)
            before, after = metric(champion.scored), metric(challenger.scored)
            gain = gain_of(difference(metric, challenger.scored, champion.scored, UNITS, RESAMPLING))
            kind = "guard" if place else "primary"
            comparison = Comparison(kind, rule.metric, before, after, gain, rule.margin.of(before))
            demands.append(Demand(comparison, rule.confidence, rule.require == "superior"))
        return decide(demands, [], [], harm_confidence=rules.harm_confidence)

    return judge


def gain_on(name: str, pair: tuple[Predictions, Predictions]) -> Estimate:
    metric = find_metric(name, pair[0].task)
    return difference(metric, pair[0].scored, pair[1].scored, UNITS, RESAMPLING)


def planted(
    task: str, rules: GateParams, base: Predictions | None = None
) -> dict[str, tuple[Predictions, Predictions]]:
    return {p.name: p.pair for p in plant(base or model(task), rules, UNITS)}


# --- what is planted


@pytest.mark.parametrize("task", list(RULES))
def test_pairs_differ_by_as_much_as_they_are_said_to(task: str) -> None:
    metric, guards = RULES[task]

    pairs = planted(task, policy(task))

    gains = {name: gain_on(metric, pair) for name, pair in pairs.items()}
    assert list(pairs) == list(ALLOWED)
    assert gains["worse by the margin"].value == pytest.approx(-0.03, abs=1e-9)
    assert gains["worse by the margin"].error > 0
    worse, better = gains["clearly worse"], gains["clearly better"]
    assert -(worse.value + 0.03) / worse.error > 3.9
    assert better.value / better.error > 3.9
    assert gains["equal"].value == -gains["equal, the other way round"].value
    assert abs(gains["equal"].value) < 3.5 * gains["equal"].error
    assert 0 < gains["equal"].error <= 0.2 * 0.03
    for guard in guards:
        assert gain_on(guard, pairs["clearly worse"]).value < 0
        assert gain_on(guard, pairs["clearly better"]).value > -2e-3  # bins of scores shift by a row or two


@pytest.mark.parametrize("task", list(RULES))
def test_planted_scores_are_such_as_a_file_may_hold(task: str) -> None:
    base = model(task)
    before = base.frame.copy(deep=True)

    for pair in planted(task, policy(task), base).values():
        for one in pair:
            assert (one.model, one.task, one.threshold) == (None, base.task, base.threshold)
            assert list(one.frame.columns) == list(base.frame.columns)
            for name in ("key", "truth"):
                assert one.frame[name].equals(before[name])
            scores = one.scored.scores
            assert np.isfinite(scores).all()
            if task != "regression":
                assert scores.min() >= 0
                assert one.scored.probabilities.sum(axis=1) == pytest.approx(1.0)
        assert not np.array_equal(pair[0].scored.scores, pair[1].scored.scores)
    pd.testing.assert_frame_equal(base.frame, before)


def test_the_same_seed_plants_the_same() -> None:
    first, again = (planted("binary", policy()) for _ in range(2))
    other = planted("binary", policy().model_copy(update={"seed": 8}))

    for name, pair in first.items():
        assert [p.frame["score"].tolist() for p in pair] == [p.frame["score"].tolist() for p in again[name]]
        assert pair[0].frame["score"].tolist() != other[name][0].frame["score"].tolist()


def test_a_margin_may_be_a_share_and_a_metric_have_steps() -> None:
    rules = policy(margin="4%", guards=False, metric="accuracy", better="higher")

    challenger, champion = planted("binary", rules)["worse by the margin"]

    accuracies = [find_metric("accuracy", "binary")(p.scored) for p in (champion, challenger)]
    assert accuracies[0] - accuracies[1] == pytest.approx(0.04 * accuracies[0], abs=1.01 / ROWS)


def test_without_a_margin_a_model_that_is_worse_by_it_still_differs() -> None:
    rules = policy(margin=0.0, guards=False)

    pairs = planted("binary", rules)

    gain = gain_on("log_loss", pairs["worse by the margin"])
    assert gain.value == pytest.approx(0.0, abs=1e-9)
    assert gain.error > 1e-4
    assert "equal, the other way round" not in pairs  # an honest gate fails an equal one as often as it says


def test_calibration_does_not_suffer_from_the_truth() -> None:
    altered = Altered.of(model(), UNITS, seed=1)
    metric = find_metric("calibration_error", "binary")

    errors = [metric(altered.better(share)) for share in (0.0, 0.5, 0.9, 1.0)]

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == 0.0
    assert metric(altered.worse(1.0)) > metric(altered.scored) + 0.1


def test_equal_models_lose_what_they_knew_of_different_days() -> None:
    altered = Altered.of(model(), UNITS, seed=1)

    first, second = (t.scores != altered.scored.scores for t in altered.twins(0.5))

    days = [set(UNITS.clusters[changed].tolist()) for changed in (first, second)]
    assert not days[0] & days[1]
    assert [len(d) for d in days] == [DAYS // 2] * 2
    assert (first | second).mean() == pytest.approx(0.5, abs=0.01)


def test_misled_rows_have_scores_of_rows_that_came_out_otherwise() -> None:
    for task in RULES:
        altered = Altered.of(model(task), UNITS, seed=1)
        truth, base = altered.scored.truth, np.asarray(altered.scored.scores)
        place = {tuple(np.atleast_1d(score)): row for row, score in enumerate(base.tolist())}
        came = truth > np.median(truth) if task == "regression" else truth
        from_rows = [place[tuple(np.atleast_1d(score))] for score in altered.misled(1.0).scores.tolist()]
        assert (came[from_rows] != came).all()


# --- what cannot be planted


def test_a_margin_that_ignorance_stays_within_is_told() -> None:
    found = {p.name: p for p in plant(model(), policy(margin=5.0, guards=False), UNITS)}

    assert (found["worse by the margin"].pair, found["clearly worse"].pair) == (None, None)
    assert "gives every row the score of another is only 0." in found["worse by the margin"].reason
    assert "and the margin is 5: the gate would let it pass" in found["worse by the margin"].reason
    assert "not clearly more than the margin of 5" in found["clearly worse"].reason
    assert found["equal"].pair is not None


def test_a_perfect_model_cannot_be_surpassed() -> None:
    base = model()
    perfect = replace(base, frame=base.frame.assign(score=base.frame["truth"].astype("float32")))

    found = {p.name: p for p in plant(perfect, policy(), UNITS)}

    assert found["clearly better"].pair is None
    assert "even the truth itself is only 0 worse in log_loss" in found["clearly better"].reason
    assert found["clearly worse"].pair is not None


def test_a_model_that_tells_nothing_apart_cannot_be_made_worse() -> None:
    base = model()
    constant = replace(base, frame=base.frame.assign(score=0.3))

    found = {p.name: p for p in plant(constant, policy(), UNITS)}

    assert [name for name, p in found.items() if p.pair is None] == ["clearly worse", "worse by the margin"]


def test_a_guard_that_not_even_the_truth_can_show_is_told() -> None:
    base = model()
    rules = policy(guards=False)
    strict = rules.rules[0].model_copy(
        update={
            "metric": "accuracy",
            "better": "higher",
            "margin": rules.primary.margin.model_copy(update={"value": 0}),
        }
    )
    sure = replace(base, frame=base.frame.assign(score=np.where(base.frame["truth"] == 1, 0.6, 0.2)))

    found = {p.name: p for p in plant(sure, rules.model_copy(update={"guards": [strict]}), UNITS)}

    assert found["clearly better"].pair is None
    assert "the rule on accuracy asks" in found["clearly better"].reason


# --- what the gate says of it


@pytest.mark.parametrize("task", list(RULES))
def test_the_gate_says_of_each_what_it_may(task: str) -> None:
    rules = policy(task)

    tests = self_test(model(task), rules, UNITS, judged(rules))

    assert {t.name: t.outcome for t in tests if not t.ok} == {}
    assert [t.name for t in tests] == list(ALLOWED)
    assert (tests[0].outcome, tests[-1].outcome) == ("FAIL", "PASS")
    assert all(t.reason == "" and t.error > 0 for t in tests)


def test_where_superiority_is_required_clearly_better_still_passes() -> None:
    rules = policy(require="superior", guards=False)

    tests = {t.name: t for t in self_test(model(), rules, UNITS, judged(rules))}

    assert tests["clearly better"].outcome == "PASS"
    assert tests["equal"].outcome == "INCONCLUSIVE"
    assert all(t.ok for t in tests.values())


@pytest.mark.parametrize("seed", range(6))
def test_it_holds_for_whichever_seed(seed: int) -> None:
    rules = policy(guards=False).model_copy(update={"seed": seed})

    assert [t for t in self_test(model(seed=seed), rules, UNITS, judged(rules)) if not t.ok] == []


def outcome(name: Outcome) -> Callable[..., Verdict]:
    return lambda *_: Verdict(name, bootstrap=False, reasons=("so it is",), checks=())


@pytest.mark.parametrize(
    ("gate", "found"),
    [
        (outcome("PASS"), {"clearly worse", "worse by the margin"}),
        (outcome("FAIL"), {"equal", "equal, the other way round", "clearly better"}),
        (outcome("INCONCLUSIVE"), {"clearly worse", "clearly better"}),
        # the direction of the metric ignored
        (judged(policy(guards=False), lambda g: replace(g, value=-g.value)), {"clearly worse", "worse by the margin"}),
        # kinder than it should be
        (judged(policy(guards=False), lambda g: replace(g, value=g.value + 0.03)), {"worse by the margin"}),
    ],
)  # fmt: skip
def test_a_gate_that_is_wrong_is_found_out(gate: Callable[..., Verdict], found: set[str]) -> None:
    tests = self_test(model(), policy(guards=False), UNITS, gate)

    assert found <= {t.name for t in tests if not t.ok}
    assert all(t.reason for t in tests if not t.ok)


def test_a_gate_that_goes_by_the_sign_is_found_out() -> None:
    def by_sign(challenger: Predictions, champion: Predictions) -> Verdict:
        better = gain_on("log_loss", (challenger, champion)).value >= 0
        return outcome("PASS" if better else "FAIL")()

    wrong = [t.name for t in self_test(model(), policy(), UNITS, by_sign) if not t.ok]

    assert len(wrong) == 1
    assert wrong[0].startswith("equal")


def test_what_cannot_be_planted_is_no_success() -> None:
    rules = policy(margin=5.0, guards=False)

    tests = {t.name: t for t in self_test(model(), rules, UNITS, outcome("PASS"))}

    one = tests["worse by the margin"]
    assert (one.ok, one.outcome, one.gain, one.error) == (False, None, None, None)
    assert "Make `gate.primary.margin` smaller" in one.reason


def test_a_verdict_without_figures_has_its_outcome_taken() -> None:
    bootstrap = decide([], [], [Condition("floors", holds=True, reason="")])

    tests = self_test(model(), policy(guards=False), UNITS, lambda *_: bootstrap)

    assert tests[-1].outcome == "PASS"
    assert (tests[-1].gain, tests[-1].ok) == (None, True)
