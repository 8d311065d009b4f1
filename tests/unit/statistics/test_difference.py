"""The gain in any metric, against scipy, statsmodels and what the metrics themselves say."""

from __future__ import annotations

import numpy as np
import pytest
from cases import some_clusters, two_models
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar

from weighlock.statistics.bootstrap import Resampling
from weighlock.statistics.difference import difference
from weighlock.statistics.metrics import Scored, find_metric, log_losses, metrics_of
from weighlock.statistics.paired import Units, auc_difference, mcnemar_exact, mean_difference

QUICK = Resampling(100)
ALL = [(task, metric.name) for task in ("binary", "multiclass", "regression") for metric in metrics_of(task)]
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("task", "name"), ALL)
@settings(max_examples=3)
@given(seeds)
def test_the_gain_is_that_of_the_metrics_and_turns_with_the_models(task: str, name: str, seed: int) -> None:
    metric, units = find_metric(name, task), Units(some_clusters(seed), ordered=True)
    first, second = two_models(task, seed)

    there, back = difference(metric, first, second, units, QUICK), difference(metric, second, first, units, QUICK)

    assert there.value == pytest.approx(metric.gain(metric(first), metric(second)), abs=1e-12)
    assert there.value == pytest.approx(-back.value, abs=1e-12)
    assert (there.error, there.naive_error, there.freedom) == pytest.approx(
        (back.error, back.naive_error, back.freedom), rel=1e-6
    )
    assert 0 < there.error < np.inf
    assert (there.clusters, there.rows) == (back.clusters, 60)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_equal_models_have_no_difference_and_no_error(task: str, name: str) -> None:
    first, _ = two_models(task, 1)

    found = difference(find_metric(name, task), first, first, Units(some_clusters(1)), QUICK)

    assert (found.value, found.error, found.naive_error) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("task", "name"), ALL)
def test_a_second_look_says_the_same(task: str, name: str) -> None:
    first, second = two_models(task, 8)
    arguments = (find_metric(name, task), first, second, Units(some_clusters(8), ordered=True), QUICK)

    assert difference(*arguments) == difference(*arguments)


@given(seeds)
def test_a_loss_takes_the_cluster_robust_error_of_a_mean(seed: int) -> None:
    first, second = two_models("binary", seed)
    clusters = some_clusters(seed)

    found = difference(find_metric("log_loss", "binary"), first, second, Units(clusters))

    gains = log_losses(second) - log_losses(first)
    # one parameter: the correction is G / (G - 1), as ours
    fit = OLS(gains, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": True})
    assert found.value == pytest.approx(fit.params[0])
    assert found.error == pytest.approx(fit.bse[0])
    assert found.naive_error == pytest.approx(stats.sem(gains))


def test_of_two_classes_the_mean_one_against_the_rest_is_the_binary_one() -> None:
    first, second = two_models("binary", 2)
    units = Units(some_clusters(2))
    as_two = [Scored("multiclass", s.truth, s.probabilities) for s in (first, second)]

    found = difference(find_metric("roc_auc", "multiclass"), *as_two, units)
    binary = difference(find_metric("roc_auc", "binary"), first, second, units)

    assert (found.value, found.error, found.freedom) == pytest.approx((binary.value, binary.error, binary.freedom))
    assert found.naive_error == pytest.approx(binary.naive_error, rel=0.05)  # DeLong's corrects each class by itself


@settings(max_examples=5)
@given(seeds)
def test_the_auc_of_several_classes_has_the_error_of_its_jackknife(seed: int) -> None:
    # many rows in many clusters: there the jackknife and the influences agree
    first, second = two_models("multiclass", seed, rows=400, decimals=2)
    clusters = np.arange(400) % 80
    metric = find_metric("roc_auc", "multiclass")

    found = difference(metric, first, second, Units(clusters))

    def gain(kept: np.ndarray) -> float:
        a, b = (Scored(s.task, s.truth[kept], s.scores[kept]) for s in (first, second))
        aucs = [
            auc_difference(a.truth == k, a.scores[:, k], b.scores[:, k], Units.rows(len(a.truth))) for k in range(3)
        ]
        return float(np.mean([auc.value for auc in aucs]))

    without = [gain(clusters != c) for c in range(80)]
    assert found.error == pytest.approx((79 * np.var(without)) ** 0.5, rel=0.06)


@given(seeds)
def test_mcnemar_is_that_of_statsmodels(seed: int) -> None:
    first, second = (scored.labels == scored.truth for scored in two_models("binary", seed))
    table = [[(a & b).sum() for b in (second, ~second)] for a in (first, ~first)]

    assert mcnemar_exact(first, second) == pytest.approx(float(mcnemar(table, exact=True).pvalue))


def test_a_threshold_is_each_models_own() -> None:
    truth, scores = np.array([0, 1, 1, 0]), np.array([0.3, 0.5, 0.7, 0.1])
    low, high = (Scored("binary", truth, scores, threshold) for threshold in (0.4, 0.6))

    assert difference(find_metric("recall", "binary"), low, high, Units.rows(4), QUICK).value == pytest.approx(0.5)
    assert difference(find_metric("accuracy", "binary"), low, high, Units.rows(4)).value == pytest.approx(0.25)


def with_positives_on(days: int, seed: int) -> tuple[Scored, Scored, np.ndarray]:
    """Two models of which neither is better, though each of 28 days favours one of them; positives on some days."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(28), 30)
    truth = ((day < days) & (random.random(len(day)) < 0.4)) * 1
    favour = 0.6 * random.normal(size=28)[day]
    first, second = (
        Scored("binary", truth, stats.norm.cdf((2 * truth - 1) * (1 + sign * favour) + random.normal(size=len(day))))
        for sign in (1, -1)
    )
    return first, second, day


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "precision", "recall", "f1"])
def test_days_without_positives_say_nothing_of_the_spread(name: str) -> None:
    metric = find_metric(name, "binary")
    first, second, day = with_positives_on(4, seed=1)

    found = difference(metric, first, second, Units(day), QUICK)

    assert (found.clusters, found.freedom) == (4, 3)
    one = difference(metric, *with_positives_on(1, seed=1)[:2], Units(day), QUICK)
    assert (one.clusters, one.error) == (1, np.inf)


def test_the_bound_errs_as_seldom_as_it_says_where_positives_are_on_two_days() -> None:
    metric, wrong, careless = find_metric("roc_auc", "binary"), 0, 0
    for seed in range(200):
        first, second, day = with_positives_on(2, seed)
        wrong += difference(metric, first, second, Units(day)).lower(0.95) > 0
        careless += auc_difference(first.truth, first.scores, second.scores, Units(day)).lower(0.95) > 0

    assert wrong / 200 <= 0.05
    assert careless / 200 > 0.12  # with 27 degrees of freedom


def test_precision_hangs_on_the_rows_that_are_called_positive() -> None:
    truth, scores = np.tile([1, 0], 10), np.zeros(20)
    scores[:5] = 1
    models = [Scored("binary", truth, s, 0.5) for s in (scores, scores * (np.arange(20) < 3))]

    found = difference(find_metric("precision", "binary"), *models, Units(np.arange(20) // 2), QUICK)

    assert (found.clusters, found.freedom) == (3, 2)


def test_a_class_in_few_clusters_is_what_a_macro_metric_hangs_on() -> None:
    first, second = two_models("multiclass", 4, rows=90)
    truth = np.where(np.arange(90) < 20, first.truth, np.minimum(first.truth, 1))
    models = [Scored("multiclass", truth, s.scores) for s in (first, second)]
    units = Units(np.arange(90) // 10)

    assert difference(find_metric("macro_f1", "multiclass"), *models, units, QUICK).clusters == 2
    assert difference(find_metric("roc_auc", "multiclass"), *models, units, QUICK).clusters == 2
    assert difference(find_metric("log_loss", "multiclass"), *models, units, QUICK).clusters == 9


def scored(truth: list[float], scores: list[float], task: str = "binary") -> Scored:
    return Scored(task, np.array(truth), np.array(scores))


@pytest.mark.parametrize(
    ("name", "models", "said"),
    [
        ("roc_auc", [scored([1, 1], [0.2, 0.9])] * 2, "all 2 rows are of one class, so that roc_auc"),
        ("average_precision", [scored([0, 0], [0.2, 0.9])] * 2, "all 2 rows are of one class"),
        ("recall", [scored([0, 0], [0.2, 0.9])] * 2, "none of 2 rows is positive, so that recall"),
        ("precision", [scored([0, 0], [0.2, 0.9])] * 2, "none of 2 rows is positive"),
        ("precision", [scored([0, 1], [0.2, 0.4])] * 2, "neither model calls any row positive"),
        ("log_loss", [scored([], [])] * 2, "no rows"),
        ("log_loss", [scored([0, 1], [0.2, 0.4]), scored([1, 1], [0.2, 0.4])], "truth differs"),
        ("log_loss", [scored([0, 1], [0.2, 0.4]), scored([0], [0.2])], "truth differs"),
        ("r2", [scored([2, 2], [2.1, 1.9], "regression")] * 2, "truth of all 2 rows is the same"),
    ],
)
def test_what_says_nothing_is_refused(name: str, models: list[Scored], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        difference(find_metric(name, models[0].task), *models, Units.rows(len(models[0].truth)), QUICK)


def passes(days: np.ndarray, confidence: float = 0.95, *, ordered: bool) -> float:
    """How often the mean of a simulation's days is shown to lie above 0; (simulations, days)."""
    units = Units(np.arange(days.shape[1]), ordered=ordered)
    return float(np.mean([mean_difference(line, units).lower(confidence) > 0 for line in days]))


def autoregressive(random: np.random.Generator, shape: tuple[int, int], correlation: float) -> np.ndarray:
    """(simulations, days) with a spread of 1."""
    days = random.normal(size=shape)
    for day in range(1, shape[1]):
        days[:, day] = correlation * days[:, day - 1] + (1 - correlation**2) ** 0.5 * days[:, day]
    return days


@pytest.mark.parametrize("days", [14, 28, 90])
@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_a_model_worse_by_the_margin_passes_as_seldom_as_it_says(days: int, correlation: float) -> None:
    random = np.random.default_rng(days)

    found = passes(autoregressive(random, (1500, days), correlation), ordered=True)

    assert found < 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5
    assert found > 0.02  # nor is it caution alone
