"""Gaps between groups, against hand-made tables, derivatives taken by weighing rows, and how often bounds err."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.statistics.gaps import Measure, gap, mean_of, measures_of, narrowing, rate
from weighlock.statistics.metrics import Scored
from weighlock.statistics.paired import Units

seeds = st.integers(0, 2**32 - 1)


def measure(name: str, task: str = "binary") -> Measure:
    return next(m for m in measures_of(task) if m.name == name)


def case(seed: int, rows: int = 60, clusters: int = 8) -> tuple[Scored, Scored, np.ndarray, Units]:
    random = np.random.default_rng(seed)
    truth = np.concatenate([[1, 1, 0, 0], random.integers(0, 2, rows - 4)])
    group = np.concatenate([[True, False, True, False], random.random(rows - 4) < 0.4])
    challenger, champion = (Scored("binary", truth, random.random(rows), threshold) for threshold in (0.4, 0.6))
    cluster = np.concatenate([np.arange(clusters), random.integers(0, clusters, rows - clusters)])
    return challenger, champion, group, Units(cluster)


TRUTH = np.array([1, 1, 0, 0, 1, 1, 1, 0])
GROUP = np.array([True] * 4 + [False] * 4)
LOW = Scored("binary", TRUTH, np.array([0.9, 0.2, 0.8, 0.1, 0.7, 0.6, 0.1, 0.3]), threshold=0.5)


@pytest.mark.parametrize(
    ("name", "group", "rest"),
    [
        ("true-positive rate", 1 / 2, 2 / 3),  # found: the first of two positives; the first two of three
        ("selection rate", 2 / 4, 2 / 4),
        ("calibration", (2.0 - 2) / 4, (1.7 - 3) / 4),
    ],
)
def test_of_labels_by_hand(name: str, group: float, rest: float) -> None:
    units = Units(np.arange(8))
    m = measure(name)

    assert rate(m, LOW, GROUP, units).value == pytest.approx(group)
    assert rate(m, LOW, ~GROUP, units).value == pytest.approx(rest)
    assert gap(m.of(LOW), GROUP, m.counts(LOW)).value == pytest.approx(group - rest)


def test_labels_are_those_of_each_models_own_threshold() -> None:
    strict = Scored("binary", TRUTH, LOW.scores, threshold=0.75)  # 0.9 and 0.8, both of the group

    champion, challenger, gain = narrowing(measure("selection rate"), strict, LOW, GROUP, Units(np.arange(8)))

    assert (champion, challenger, gain.value) == pytest.approx((0.0, 0.5, -0.5))


def test_of_several_classes_by_hand() -> None:
    truth = np.array([0, 1, 2, 2])
    scores = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]])
    scored, units, group = Scored("multiclass", truth, scores), Units(np.arange(4)), np.array([True, True, False, True])

    found = {m.name: rate(m, scored, group, units).value for m in measures_of("multiclass")}

    assert found == pytest.approx({"accuracy": 1 / 3, "calibration": (0.6 + 0.5 + 0.7 - 1) / 3})


def test_of_values_by_hand() -> None:
    scored = Scored("regression", np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0, 9.0]))
    group, units = np.array([True, True, False]), Units(np.arange(3))

    found = {m.name: rate(m, scored, group, units).value for m in measures_of("regression")}

    assert found == pytest.approx({"calibration": -0.5, "mean absolute error": 1.5})


@given(seeds)
def test_an_influence_is_what_a_little_more_weight_does(seed: int) -> None:
    challenger, _, group, _ = case(seed)
    m = measure("true-positive rate")
    values, counts = m.of(challenger), m.counts(challenger)

    found = gap(values, group, counts)

    def weighed(weights: np.ndarray) -> float:
        sides = [weights * (side & counts) for side in (group, ~group)]
        return float(np.subtract(*((w * values).sum() / w.sum() for w in sides)))

    little = 1e-6
    for row in range(0, len(values), 7):
        weights = np.ones(len(values))
        weights[row] += little
        assert (weighed(weights) - weighed(np.ones(len(values)))) / little == pytest.approx(
            found.influence[row], abs=1e-4
        )
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)


@given(seeds)
def test_the_error_is_that_of_a_loop_over_clusters(seed: int) -> None:
    challenger, champion, group, units = case(seed)

    before, after, gain = narrowing(measure("selection rate"), challenger, champion, group, units)

    def residuals(scored: Scored) -> tuple[float, np.ndarray]:
        labels = (scored.scores >= scored.threshold).astype(float)
        means = {side: labels[group == side].mean() for side in (True, False)}
        each = [
            (1 if g else -1) * (label - means[bool(g)]) / (group == g).sum()
            for label, g in zip(labels, group, strict=True)
        ]
        return means[True] - means[False], np.array(each)

    (p, champions), (c, challengers) = residuals(champion), residuals(challenger)
    signed = (1 if p >= 0 else -1) * champions - (1 if c >= 0 else -1) * challengers
    sums = [signed[units.clusters == k].sum() for k in range(8)]
    assert (before, after, gain.value) == pytest.approx((p, c, abs(p) - abs(c)))
    assert gain.error**2 == pytest.approx(8 / 7 * sum(s * s for s in sums))


def test_the_same_model_has_no_growth_and_no_error() -> None:
    challenger, _, group, units = case(3)

    for m in measures_of("binary"):
        before, after, gain = narrowing(m, challenger, challenger, group, units)
        assert (before - after, gain.value, gain.error) == (0.0, 0.0, 0.0)


def test_two_groups_mirror_each_other() -> None:
    challenger, champion, group, units = case(5)

    for m in measures_of("binary"):
        before, after, gain = narrowing(m, challenger, champion, group, units)
        mirrored = narrowing(m, challenger, champion, ~group, units)
        assert mirrored[:2] == pytest.approx((-before, -after))
        assert (mirrored[2].value, mirrored[2].error) == pytest.approx((gain.value, gain.error))


def test_freedom_is_that_of_the_smaller_side() -> None:
    cluster = np.repeat(np.arange(12), 4)
    group = (cluster < 3) & (np.arange(48) % 2 == 0)  # in 3 of 12 clusters
    scored = Scored("binary", np.arange(48) % 3 % 2, np.random.default_rng(0).random(48), 0.5)
    other = Scored("binary", scored.truth, scored.scores[::-1], 0.5)

    gain = narrowing(measure("selection rate"), scored, other, group, Units(cluster))[2]

    assert (gain.clusters, gain.freedom) == (12, 2.0)


def test_clusters_without_a_row_that_counts_are_none() -> None:
    truth = np.array([1, 1, 0, 0, 1, 1])
    scored = Scored("binary", truth, np.array([0.9, 0.1, 0.9, 0.9, 0.2, 0.8]), 0.5)
    group = np.array([True, False, True, False, True, False])

    gain = narrowing(measure("true-positive rate"), scored, scored, group, Units(np.array([0, 0, 1, 1, 2, 2])))[2]

    assert (gain.clusters, gain.rows) == (2, 4)


def test_a_mean_of_some_rows() -> None:
    found = mean_of(np.array([1.0, 3.0, 100.0]), np.array([True, True, False]))

    assert found.value == 2.0
    assert found.influence.tolist() == [-0.5, 0.5, 0.0]
    assert (abs(found - mean_of(np.array([0.0, 0.0, 5.0]), np.array([False, False, True])))).value == 3.0


def test_a_gap_that_grew_by_the_margin_is_called_harm_as_seldom_as_it_should_be() -> None:
    # selected: 40 % of the rest, 50 % of the group by the champion, 55 % by the challenger; days move both models
    random = np.random.default_rng(8)
    cluster, group = np.repeat(np.arange(20), 60), np.tile(np.arange(60) < 20, 20)
    units, m, wrong, naive, runs = Units(cluster), measure("selection rate"), 0, 0, 400
    for _ in range(runs):
        tilt = np.where(group, random.normal(0, 0.15, 20)[cluster], 0.0)  # days on which it is the group's turn
        drawn = random.random(1200)
        champion = Scored("binary", np.zeros(1200, dtype=int), (drawn < 0.4 + 0.10 * group).astype(float), 0.5)
        challenger = Scored("binary", champion.truth, (drawn < 0.4 + 0.15 * group + tilt).astype(float), 0.5)
        gain = narrowing(m, challenger, champion, group, units)[2]
        wrong += gain.p_below(-0.05) <= 0.05
        naive += gain.value + 1.645 * gain.naive_error < -0.05

    assert 0.02 < wrong / runs < 0.08
    assert naive / runs > 0.1  # what taking rows for independent does
