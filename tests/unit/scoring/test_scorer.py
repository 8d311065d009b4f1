"""The scorer: nothing but its own model, nothing but its own features, and a finite score for every row."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighlock.errors import DataError, EvidenceError
from weighlock.files import to_json
from weighlock.learners.recipe import matrix
from weighlock.scoring import Feature, Scorer, scorer

TASKS = ("binary", "multiclass", "regression")
LEARNERS = ("linear", "lightgbm", "random_forest")
ROW = {"size": 0.5, "weight": 50.0, "count": 2, "new": True, "kind": "a", "port": "north"}


@pytest.fixture(scope="module")
def scorer_of(trained: Callable) -> Callable[..., Scorer]:
    """`scorer_of(task, learner)`."""
    made: dict[tuple[str, str], Scorer] = {}

    def get(task: str = "binary", learner: str = "linear") -> Scorer:
        t = trained(task, learner)
        return made.setdefault((task, learner), Scorer(t.content, t.signature))

    return get


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def table(*rows: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in ROW}


# --- what it opens


def test_another_digest_is_refused(trained: Callable) -> None:
    t = trained("binary", "linear")

    with pytest.raises(EvidenceError, match=f"digest is {t.signature.digest}, but its signature is of sha256:00"):
        Scorer(t.content, replace(t.signature, digest="sha256:00"))
    with pytest.raises(EvidenceError, match="Do not use it"):
        Scorer(t.content + b"\0", t.signature)


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_model_is_refused_although_its_digest_is_right(cut: int, trained: Callable) -> None:
    t = trained("binary", "linear")
    torn = t.content[:cut]

    with pytest.raises(EvidenceError, match="onnxruntime cannot"):
        Scorer(torn, replace(t.signature, digest=digest(torn)))


def test_a_model_with_other_inputs_is_refused(trained: Callable) -> None:
    t = trained("binary", "linear")
    missing = replace(t.signature, features=t.signature.features[1:])
    added = replace(t.signature, features=(*t.signature.features, Feature("extra", "number", nullable=False)))
    retyped = replace(
        t.signature, features=(replace(t.signature.features[0], type="category"), *t.signature.features[1:])
    )

    for signature, said in ((missing, "'size'"), (added, "'extra'"), (retyped, r"\('size', 'tensor\(string\)'\)")):
        with pytest.raises(EvidenceError, match=f"the model's inputs are not those of its signature.*{said}"):
            Scorer(t.content, signature)


@pytest.mark.parametrize(
    ("model", "signed", "shapes"),
    [
        ("multiclass", "binary", r"\(1, 3\); its signature asks for \(1, 2\)"),
        ("binary", "multiclass", r"\(1, 2\); its signature asks for \(1, 3\)"),
        ("regression", "binary", r"\(1, 1\); its signature asks for \(1, 2\)"),
        ("binary", "regression", r"\(1, 2\); its signature asks for \(1, 1\)"),
    ],
)
def test_a_swapped_model_that_takes_the_same_but_gives_other_scores_is_refused(
    model: str, signed: str, shapes: str, trained: Callable
) -> None:
    content = trained(model, "linear").content
    signature = replace(trained(signed, "linear").signature, digest=digest(content))

    with pytest.raises(EvidenceError, match=f"the model gives scores of shape {shapes}"):
        Scorer(content, signature)


def test_a_folder_is_loaded(tmp_path: Path, trained: Callable, scorer_of: Callable) -> None:
    t = trained("binary", "linear")
    (tmp_path / "model.onnx").write_bytes(t.content)
    (tmp_path / "signature.json").write_text(to_json(t.signature.to_json()))

    loaded = Scorer.load(tmp_path)

    assert loaded.signature == t.signature
    assert np.array_equal(loaded.score(t.rows), scorer_of().score(t.rows))


def test_a_folder_without_one_of_the_two_is_refused(tmp_path: Path, trained: Callable) -> None:
    t = trained("binary", "linear")

    with pytest.raises(EvidenceError, match=r"`.*signature.json` is missing"):
        Scorer.load(tmp_path)
    (tmp_path / "signature.json").write_text(to_json(t.signature.to_json()))
    with pytest.raises(EvidenceError, match=r"`.*model.onnx` is missing beside its signature"):
        Scorer.load(tmp_path)


# --- what it scores


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("learner", LEARNERS)
def test_rows_score_alone_as_they_do_together(task: str, learner: str, trained: Callable, scorer_of: Callable) -> None:
    s, rows = scorer_of(task, learner), trained(task, learner).rows.head(60)

    together = s.score(rows)
    native = trained(task, learner).model.score(matrix(rows, trained(task, learner).schema))
    alone = [s.score_row(row) for row in rows[list(ROW)].to_dict(orient="records")]

    assert together.shape == ((60, 3) if task == "multiclass" else (60,))
    assert np.abs(together - native).max() < 1e-6
    assert np.abs(np.concatenate(alone) - together).max() < 1e-6
    assert {a.shape for a in alone} == {(1, 3) if task == "multiclass" else (1,)}


@pytest.mark.parametrize("task", TASKS)
def test_a_table_may_be_a_data_frame_or_lists_or_arrays_and_have_more_columns(
    task: str, trained: Callable, scorer_of: Callable
) -> None:
    s, rows = scorer_of(task), trained(task, "linear").rows

    expected = s.score(rows)

    assert np.array_equal(s.score({name: rows[name].to_numpy() for name in rows.columns[::-1]}), expected)
    assert np.array_equal(s.score({name: rows[name].tolist() for name in ROW}), expected)
    assert np.array_equal(s.score({name: tuple(rows[name]) for name in ROW}), expected)
    assert np.array_equal(s.score(rows.astype({"kind": "category", "count": "Float64"})), expected)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("batch", [1, 7, 239, 240, 241])
def test_batches_change_nothing(
    task: str, batch: int, trained: Callable, scorer_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    s, rows = scorer_of(task, "lightgbm"), trained(task, "lightgbm").rows
    expected = s.score(rows)

    monkeypatch.setattr(scorer, "BATCH", batch)

    assert len(rows) == 240
    assert np.array_equal(s.score(rows), expected)


@pytest.mark.parametrize(("task", "shape"), [("binary", (0,)), ("multiclass", (0, 3)), ("regression", (0,))])
def test_no_rows_give_no_scores(task: str, shape: tuple, trained: Callable, scorer_of: Callable) -> None:
    assert scorer_of(task).score(trained(task, "linear").rows.head(0)).shape == shape


@pytest.mark.parametrize("learner", LEARNERS)
def test_null_has_many_spellings_and_one_score(learner: str, scorer_of: Callable) -> None:
    s = scorer_of("binary", learner)
    texts = [None, float("nan"), np.nan, "", pd.NaT]
    numbers = [None, float("nan"), np.float32("nan")]

    by_text = s.score(table(*({**ROW, "kind": null} for null in texts)))
    by_number = s.score(table(*({**ROW, "weight": null} for null in numbers)))

    assert len(set(by_text.tolist())) == len(set(by_number.tolist())) == 1
    assert {float(s.score_row({**ROW, "kind": null})[0]) for null in texts} == {float(by_text[0])}
    assert {float(s.score_row({**ROW, "weight": null})[0]) for null in numbers} == {float(by_number[0])}
    assert by_text[0] != by_number[0]


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_category_never_seen_scores_like_any_other_that_was_not(learner: str, scorer_of: Callable) -> None:
    s = scorer_of("binary", learner)

    unseen = ["never", "A", "a ", "ä", "🚢", "a\0b", "x" * 10_000]
    sizes = np.linspace(-1, 1, 9).tolist()

    scores = {k: s.score(table(*({**ROW, "kind": k, "size": size} for size in sizes))).tolist() for k in ["a", *unseen]}

    assert all(scores[k] == scores["never"] for k in unseen)
    assert scores["a"] != scores["never"]


def test_numbers_integers_and_booleans_are_what_float32_takes(scorer_of: Callable) -> None:
    s = scorer_of()
    alike = [
        {**ROW, "count": v, "new": b} for v, b in ((2, True), (2.0, 1.0), (np.int64(2), np.True_), (np.float32(2), 1))
    ]

    assert len(set(s.score(table(*alike)).tolist())) == 1
    assert len({float(s.score_row(row)[0]) for row in alike}) == 1


# --- what it refuses, in the same words for a row and for a table


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "large"),
        ("size", {}),
        ("size", [1.0]),
        ("size", [1.0, 2.0]),
        ("size", []),
        ("size", 1j),
        ("size", math.inf),
        ("weight", -math.inf),
        ("weight", 1e39),
        ("count", 10**400),
        ("new", object()),
        ("kind", 1),
        ("kind", 1.5),
        ("kind", True),
        ("kind", b"a"),
        ("kind", ["a"]),
        ("kind", {}),
        ("kind", pd.NA),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused_by_name(
    name: str, value: Any, learner: str, scorer_of: Callable
) -> None:
    s = scorer_of("binary", learner)

    for score in (lambda: s.score_row({**ROW, name: value}), lambda: s.score(table(ROW, {**ROW, name: value}))):
        with pytest.raises(DataError, match=f"a value of `{name}` is not of its type"):
            score()


def test_a_text_that_is_no_unicode_is_refused(scorer_of: Callable) -> None:
    broken = {**ROW, "kind": "\ud800"}

    for score in (lambda: scorer_of().score_row(broken), lambda: scorer_of().score(table(ROW, broken))):
        with pytest.raises(DataError, match="a text cannot be encoded"):
            score()


@pytest.mark.parametrize("name", list(ROW))
def test_a_missing_feature_is_named(name: str, scorer_of: Callable) -> None:
    row = {k: v for k, v in ROW.items() if k != name}

    with pytest.raises(DataError, match=f"the feature `{name}` is missing"):
        scorer_of().score_row(row)
    with pytest.raises(DataError, match=f"the feature `{name}` is missing"):
        scorer_of().score(pd.DataFrame([row]))


def test_columns_of_different_lengths_are_refused(scorer_of: Callable) -> None:
    with pytest.raises(DataError, match=r"the features have \[1, 2\] rows"):
        scorer_of().score({**table(ROW, ROW), "kind": ["a"]})


def test_a_row_is_no_table(scorer_of: Callable) -> None:
    with pytest.raises(DataError, match="it should be one number a row"):
        scorer_of().score(ROW)


def test_numbers_that_are_too_large_for_a_score_are_refused_by_row(scorer_of: Callable) -> None:
    s = scorer_of("multiclass")

    with pytest.raises(DataError, match="row 2 has no finite score"):
        s.score(table(ROW, ROW, {**ROW, "size": 3e38, "weight": -3e38}, ROW))
    with pytest.raises(DataError, match="row 0 has no finite score"):
        s.score_row({**ROW, "size": 3e38, "weight": -3e38})


numbers = st.none() | st.floats(-1e9, 1e9) | st.just(math.nan)
requests = st.fixed_dictionaries(
    {
        "size": numbers,
        "weight": numbers,
        "count": st.none() | st.integers(-(2**40), 2**40),
        "new": st.none() | st.booleans(),
        "kind": st.none() | st.text() | st.sampled_from("abcd"),
        "port": st.sampled_from(["north", "south", "", None]),
    }
)


@settings(max_examples=30)
@given(st.sampled_from(TASKS), st.sampled_from(LEARNERS), st.lists(requests, min_size=1, max_size=4))
def test_any_values_of_the_right_types_have_finite_scores(
    scorer_of: Callable, task: str, learner: str, rows: list[dict[str, Any]]
) -> None:
    s = scorer_of(task, learner)

    scores = s.score(table(*rows))

    assert np.isfinite(scores).all()
    if task != "regression":
        assert scores.min() >= 0
        assert scores.max() <= 1
    if task == "multiclass":
        assert np.abs(scores.sum(axis=1) - 1).max() < 1e-5
    for row, score in zip(rows, scores, strict=True):
        assert s.score_row(row)[0] == pytest.approx(score, rel=1e-5, abs=1e-6)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80)
@given(st.sampled_from(list(ROW)), anything)
def test_any_value_at_all_scores_or_is_refused_alike_in_a_row_and_in_a_table(
    scorer_of: Callable, name: str, value: Any
) -> None:
    s = scorer_of("binary", "lightgbm")
    row = {**ROW, name: value}

    def outcome(score: Callable[[], Any]) -> Any:
        try:
            return float(score()[0])
        except DataError as error:
            return str(error)

    alone, together = outcome(lambda: s.score_row(row)), outcome(lambda: s.score(table(row)))

    assert alone == (together if isinstance(together, str) else pytest.approx(together, abs=1e-6))
