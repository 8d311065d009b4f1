"""Prediction logs of both variants: one value of each unit, and pairs of the same requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.deployment.judged import DIGESTS, after, row, truth, write_log

from weighlock.deployment.judge_loss import loss_of
from weighlock.deployment.judge_policy import Loss
from weighlock.deployment.judge_rows import Logged, loss_samples, read_logged, score_samples
from weighlock.errors import ConfigError, EvidenceError
from weighlock.monitoring.log_record import Model

OTHER = Model("flights", "v9", "sha256:0")
BRIER = loss_of("binary", ["no", "yes"], (), Loss())


def logged(*folders: Path, together: bool = True, before: float = 0.0) -> Logged:
    since = {"candidate": after(0), "stable": after(before)}
    digests = {digest: name for name, digest in DIGESTS.items()}
    return read_logged([str(folder) for folder in folders], digests, since, after(9), None, together=together)


def values(samples: Any) -> tuple[list[float], list[float]]:
    return samples.candidate.tolist(), samples.stable.tolist()


def test_an_entity_counts_once_with_its_first_row(tmp_path: Path) -> None:
    write_log(
        tmp_path, row("1", "candidate", 0.1, 0.1, entity="a"), row("2", "stable", 0.2, 0.2, entity="b"),
        row("3", "candidate", 0.9, 0.3, entity="a"), row("4", "stable", 0.8, 0.4, entity="b"),
        row("5", "stable", 0.7, 0.5, entity="c"),
    )  # fmt: skip

    found = score_samples(logged(tmp_path), paired=False)[""]

    assert values(found) == ([0.1], [0.2, 0.7])
    assert (found.unit, found.paired) == ("entity", False)


def test_without_entities_a_request_counts_once_and_without_those_a_row(tmp_path: Path) -> None:
    requests, rows = tmp_path / "requests", tmp_path / "rows"
    write_log(
        requests, row("1", "candidate", 0.1, 0.1, request="x"), row("2", "candidate", 0.2, 0.1, request="x"),
        row("3", "stable", 0.3, 0.2, request="x"),
    )  # fmt: skip
    write_log(rows, row("1", "candidate", 0.1, 0.1), row("2", "candidate", 0.2, 0.1), row("3", "stable", 0.3, 0.2))

    by_request, by_row = (score_samples(logged(folder), paired=False)[""] for folder in (requests, rows))

    assert (values(by_request), by_request.unit) == (([0.1], [0.3]), "request")
    assert (values(by_row), by_row.unit) == (([0.1, 0.2], [0.3]), "row")


def test_rows_before_the_step_and_of_other_models_do_not_count(tmp_path: Path) -> None:
    write_log(
        tmp_path, row("1", "candidate", 0.1, -0.1), row("2", "stable", 0.2, 0.1), row("3", "candidate", 0.3, 0.2),
        row("4", "stable", 0.4, 0.3), msgspec.structs.replace(row("0", "stable", 0.5, 0.4), model=OTHER),
    )  # fmt: skip

    # the stable version's rows count from the candidate's first on
    assert values(score_samples(logged(tmp_path), paired=False)[""]) == ([0.3], [0.4])
    apart = logged(tmp_path, together=False, before=-1.0)
    assert values(score_samples(apart, paired=False)[""]) == ([0.3], [0.2, 0.4])


def test_pairs_are_of_the_same_request_and_one_of_each_entity(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    write_log(
        old,
        row("1", "stable", 0.1, 0.1, request="x", entity="a"), row("2", "stable", 0.2, 0.2, request="y", entity="b"),
        row("3", "stable", 0.3, 0.3, request="z", entity="a"), row("4", "stable", 0.4, 0.4, request="twice"),
        row("5", "stable", 0.5, 0.5, request="twice"), row("6", "stable", 0.6, 0.6, request="alone"),
    )  # fmt: skip
    write_log(
        new, row("7", "candidate", 0.7, 0.05, request="y", entity="b"), row("8", "candidate", 0.8, 0.15, request="x"),
        row("9", "candidate", 0.9, 0.3, request="z", entity="a"), row("10", "candidate", 0.1, 0.4, request="twice"),
    )  # fmt: skip

    found = score_samples(logged(new, old), paired=True)[""]

    assert values(found) == ([0.8, 0.7], [0.1, 0.2])
    assert found.paired


def test_one_log_may_be_named_twice(tmp_path: Path) -> None:
    write_log(tmp_path, row("1", "candidate", 0.1), row("2", "stable", 0.2))

    assert values(score_samples(logged(tmp_path, tmp_path), paired=False)[""]) == ([0.1], [0.2])


def test_losses_come_in_the_order_of_their_truths_one_of_each_entity(tmp_path: Path) -> None:
    write_log(
        tmp_path, row("a1", "candidate", 0.1, 0.1, entity="a"), row("a2", "candidate", 0.2, 0.2, entity="a"),
        row("b1", "candidate", 0.6, 0.2, entity="b"), row("c1", "stable", 0.5, 0.3, entity="c"),
        row("d1", "stable", 0.9, 0.3, entity="d"),
        truth("a2", "yes", 1.0), truth("b1", "no", 1.1), truth("a1", "no", 1.2), truth("c1", "no", 1.3),
        truth("c1", "yes", 1.4),
    )  # fmt: skip

    found = loss_samples(logged(tmp_path), BRIER, paired=False)

    assert found is not None
    assert found.candidate == pytest.approx([0.64, 0.36])  # a's second row, whose truth came first; then b's
    assert found.stable == pytest.approx([0.25])  # as told last


def test_a_shadow_s_truth_is_told_of_the_stable_s_answer(tmp_path: Path) -> None:
    write_log(
        tmp_path, row("1", "stable", 0.1, 0.1, request="x"), row("2", "candidate", 0.4, 0.1, request="x"),
        row("3", "stable", 0.2, 0.2, request="y"), row("4", "candidate", 0.3, 0.2, request="y"), truth("1", "yes"),
    )  # fmt: skip

    found = loss_samples(logged(tmp_path, together=False), BRIER, paired=True)

    assert found is not None
    assert (found.candidate, found.stable) == (pytest.approx([0.36]), pytest.approx([0.81]))


def test_no_labels_are_no_losses(tmp_path: Path) -> None:
    write_log(tmp_path, row("1", "stable", 0.1), row("2", "candidate", 0.4), truth("1"))

    assert loss_samples(logged(tmp_path), BRIER, paired=False) is None


def test_multiclass_has_scores_by_class_and_regression_its_value(tmp_path: Path) -> None:
    classes, values_ = tmp_path / "classes", tmp_path / "values"
    write_log(
        classes, row("1", "candidate", None, scores={"low": 0.2, "high": 0.8}),
        row("2", "stable", None, scores={"high": 0.6, "low": 0.4}),
    )  # fmt: skip
    write_log(
        values_, row("1", "candidate", None, value=12.5, request="x"), row("2", "stable", None, value=3.0, request="x")
    )

    found = score_samples(logged(classes), paired=False)

    assert {name: values(samples) for name, samples in found.items()} == {
        "high": ([0.8], [0.6]), "low": ([0.2], [0.4])}  # fmt: skip
    paired = score_samples(logged(values_), paired=True)[""]
    assert (values(paired), paired.paired) == (([12.5], [3.0]), False)  # no probability: only distributions compare


@pytest.mark.parametrize(
    ("task", "metric", "cap", "scores", "told", "expected"),
    [
        ("binary", "brier", 1.0, (0.7,), "yes", 0.09),
        ("binary", "brier", 1.0, (0.7,), "perhaps", None),
        ("binary", "log_loss", 2.0, (0.5,), "no", 0.34657),
        ("binary", "log_loss", 2.0, (1.0,), "no", 1.0),
        ("multiclass", "brier", 1.0, (0.2, 0.3, 0.5), "mid", (0.04 + 0.49 + 0.25) / 2),
        ("multiclass", "log_loss", 4.0, (0.2, 0.3, 0.5), "mid", 0.30099),
        ("regression", "absolute_error", 10.0, (4.0,), 1.0, 0.3),
        ("regression", "squared_error", 10.0, (4.0,), 0.0, 1.0),
        ("regression", "squared_error", 10.0, (4.0,), "late", None),
    ],
)
def test_losses_by_hand(task: str, metric: Any, cap: float, scores: Any, told: Any, expected: float) -> None:
    loss = loss_of(task, ["no", "yes"], ("low", "mid", "high"), Loss(metric=metric, cap=cap))

    [found] = loss(np.array([scores]), np.array([told], dtype=object))

    assert found == pytest.approx(np.nan if expected is None else expected, abs=1e-4, nan_ok=True)


def test_true_is_the_class_of_that_name() -> None:
    loss = loss_of("binary", ["false", "true"], (), Loss())

    assert loss(np.array([[0.7]]), np.array([True], dtype=object)) == pytest.approx([0.09])


def test_a_loss_of_another_task_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`deploy.judge.loss.metric` is `brier`, but the task is regression"):
        loss_of("regression", None, (), Loss())


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="is no folder"):
        logged(tmp_path / "lgo")


def test_a_truth_may_stand_in_the_other_variant_s_log(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    write_log(new, row("1", "candidate", 0.7))
    write_log(old, row("2", "stable", 0.6), truth("1", "yes"), truth("2", "no"))

    found = loss_samples(logged(new, old), BRIER, paired=False)

    assert found is not None
    assert (found.candidate, found.stable) == (pytest.approx([0.09]), pytest.approx([0.36]))


def test_nothing_of_one_variant_is_no_sample(tmp_path: Path) -> None:
    write_log(tmp_path, row("1", "stable", 0.7), truth("1", "yes"))

    found = logged(tmp_path)

    assert score_samples(found, paired=False) == {}
    assert score_samples(found, paired=True) == {}
    assert loss_samples(found, BRIER, paired=True) is None
    assert found.requests == 0
