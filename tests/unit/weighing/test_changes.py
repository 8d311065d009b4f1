"""What changed between two versions: params and training rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repository import NEWER, OLDER, Model, alone, make_repository

from weighlock.decisions.context import ParamChange
from weighlock.errors import EvidenceError
from weighlock.revisions import Tree
from weighlock.weighing.changes import data_changes, params_changes, training_rows
from weighlock.weighing.contenders import find_challenger, find_champion

OLD = "train: {seed: 7, learners: {linear: {trials: 3}}}\nsplit: {by: time}\nrefit: always\n"


def test_params_are_compared_key_by_key() -> None:
    new = "train: {seed: 8, learners: {linear: {trials: 3}, forest: {trials: 1}}}\nsplit: {by: time}\nevaluate: [a]\n"

    assert params_changes(OLD, new) == (
        ParamChange("train.seed", "7", "8"),
        ParamChange("train.learners.forest.trials", None, "1"),
        ParamChange("evaluate", None, '["a"]'),
        ParamChange("refit", '"always"', None),
    )
    assert params_changes(OLD, f"# a comment\n{OLD}") == ()
    assert params_changes("", "") == ()
    assert params_changes("a: null", "a: 2013-01-01") == (ParamChange("a", "null", '"2013-01-01"'),)


@pytest.mark.parametrize("text", ["a: [", "- a", "text"])
def test_what_is_no_params_file_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError, match=r"a version's `params\.yaml`"):
        params_changes(OLD, text)


def frame(rows_of: Callable, task: str = "binary", first: str = "2013-01-01T00:00Z", **change: object) -> pd.DataFrame:
    rows = rows_of(task).drop(columns="weight")
    rows["when"] = pd.Timestamp(first) + pd.to_timedelta(np.arange(240), "h")
    return rows.assign(**change)


def test_rows_span_and_target(rows_of: Callable, schema_of: Callable) -> None:
    schema = schema_of("binary", time="when")
    old = frame(rows_of)
    new = frame(rows_of, first="2013-02-01T00:00Z", target=1)[60:].assign(id=[f"k{i}" for i in range(120, 300)])

    found = data_changes(old, new, schema)

    assert (found.old.rows, found.old.first, found.old.last) == (240, "2013-01-01T00:00Z", "2013-01-10T23:00Z")
    assert (found.new.rows, found.new.first, found.new.last) == (180, "2013-02-03T12:00Z", "2013-02-10T23:00Z")
    assert found.old.target == (("yes", pytest.approx(old["target"].mean())),)
    assert found.new.target == (("yes", 1.0),)
    assert found.shared == 120


@pytest.mark.parametrize(
    ("task", "names"),
    [("multiclass", ["low", "middle", "high"]), ("regression", ["mean", "standard deviation"])],
)
def test_targets_of_other_tasks(task: str, names: list[str], rows_of: Callable, schema_of: Callable) -> None:
    rows = rows_of(task)

    found = data_changes(rows, rows, schema_of(task))

    figures = dict(found.new.target)
    assert list(figures) == names
    if task == "multiclass":
        assert figures["middle"] == (rows["target"] == "middle").mean()
    else:
        assert figures == pytest.approx({"mean": rows["target"].mean(), "standard deviation": np.std(rows["target"])})
    assert (found.old.first, found.old.last, found.shared) == (None, None, 240)


def test_columns_that_came_went_or_became_another_type(rows_of: Callable, schema_of: Callable) -> None:
    old = frame(rows_of, gone=1.0).assign(count="many")
    new = frame(rows_of, came=1.0)

    found = data_changes(old, new, schema_of("binary", time="when"))

    assert (found.added, found.removed, found.retyped) == (("came",), ("gone",), (("count", "text", "number"),))
    assert "weight" not in {d.feature for d in found.drift}  # no rows have it
    assert data_changes(frame(rows_of), new.drop(columns=["target", "id"]), schema_of("binary")).new.target == ()


def test_drift_of_numbers_is_in_the_older_standard_deviations(rows_of: Callable, schema_of: Callable) -> None:
    old, schema = rows_of("binary"), schema_of("binary")
    new = old.assign(size=old["size"] + 3 * np.std(old["size"]), weight=old["weight"] - 0.5 * np.nanstd(old["weight"]))

    found = data_changes(old, new, schema).drift

    assert [(d.feature, d.kind) for d in found[:2]] == [("size", "number"), ("weight", "number")]
    assert [d.distance for d in found] == pytest.approx([3, 0.5, 0, 0, 0, 0])
    assert [d.feature for d in found[2:]] == ["count", "kind", "new", "port"]  # ties by name
    assert found[1].old_missing == found[1].new_missing == old["weight"].isna().mean() > 0


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=12), st.lists(st.integers(-9, 9), min_size=1, max_size=12))
def test_drift_is_the_area_between_the_two_distributions(schema_of: Callable, a: list[int], b: list[int]) -> None:
    old, new = (pd.DataFrame({"size": np.array(v, dtype=float), "target": 0}) for v in (a, b))

    (found,) = data_changes(old, new, schema_of("binary", ["size"])).drift

    area = sum(abs(np.mean(np.array(a) <= x) - np.mean(np.array(b) <= x)) for x in range(-9, 9))
    spread = float(np.std(a))
    expected = area / spread if spread else (float("inf") if area else 0.0)
    assert found.distance == pytest.approx(expected)


def test_drift_of_categories_is_jensen_shannons(schema_of: Callable) -> None:
    schema = schema_of("binary", ["kind", "new", "port"])
    old = pd.DataFrame({"kind": ["a", "a", "b", None], "new": [0.0, 0, 0, 1], "port": ["north"] * 4, "target": 0})
    new = pd.DataFrame({"kind": ["c", "c"], "new": [1.0, np.nan], "port": ["north", "north"], "target": 0})

    found = {d.feature: d for d in data_changes(old, new, schema).drift}

    p, q = np.array([0.75, 0.25]), np.array([0, 1.0])
    m = (p + q) / 2
    divergence = (sum(p * np.log2(p / m)) + np.log2(1 / m[1])) / 2
    assert found["kind"].distance == pytest.approx(1)  # nothing in common
    assert found["new"].distance == pytest.approx(np.sqrt(divergence))
    assert found["port"].distance == 0
    assert (found["kind"].old_missing, found["kind"].new_missing) == (0.25, 0)


def test_a_column_that_went_missing_comes_first(rows_of: Callable, schema_of: Callable) -> None:
    old = rows_of("binary")
    new = old.assign(count=np.nan, size=old["size"] + 0.5 * np.std(old["size"]))

    first, second, *_ = data_changes(old, new, schema_of("binary")).drift

    assert (first.feature, first.distance, first.new_missing) == ("count", None, 1.0)
    assert first.size == 1 - old["count"].isna().mean()
    assert second.feature == "size"


def test_a_constant_that_moved_has_no_scale(schema_of: Callable) -> None:
    old = pd.DataFrame({"size": [1.0, 1.0], "target": 0})

    (drift,) = data_changes(old, old + 1, schema_of("binary", ["size"])).drift
    (same,) = data_changes(old, old, schema_of("binary", ["size"])).drift

    assert (drift.distance, same.distance) == (float("inf"), 0)


def test_training_rows_are_those_of_the_model_that_is_compared(
    tmp_path: Path, trained: Callable, rows_of: Callable, schema_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch)
    repository = make_repository(tmp_path, trained)
    made = frame(rows_of, first="2013-07-27T00:00Z").assign(weight=1.0)
    repository.save(
        schema_of("binary", time="when"), {"train": made[:100], "validation": made[100:192], "holdout": made[192:]}
    )
    repository.run(Model("linear", OLDER), Model("random_forest", NEWER))
    repository.commit()
    served = repository.put("elsewhere", Model("linear", OLDER))
    repository.run(Model("lightgbm", OLDER), Model("lightgbm", NEWER))
    challenger = find_challenger(None, tmp_path)
    twin = find_champion("HEAD", challenger, tmp_path)

    assert training_rows(challenger).equals(made[:192].reset_index(drop=True))
    assert (twin.which, training_rows(twin)["id"].tolist()) == ("weighed", made["id"][:192].tolist())

    repository.run(Model("linear", OLDER), Model("random_forest", OLDER))
    repository.commit()
    repository.run(Model("lightgbm", OLDER), Model("lightgbm", NEWER))
    whole = find_champion("HEAD", challenger, tmp_path)
    assert (whole.which, training_rows(whole)["id"].tolist()) == ("served", made["id"].tolist())

    repository.run(Model("linear", OLDER), Model("linear", OLDER))  # refit: never
    repository.commit()
    repository.run(Model("lightgbm", OLDER), Model("lightgbm", NEWER))
    assert len(training_rows(find_champion("HEAD", challenger, tmp_path))) == 192

    assert training_rows(find_champion(str(served), challenger, tmp_path)) is None
    nowhere = replace(challenger, source=Tree(tmp_path / "nowhere"))
    assert (training_rows(nowhere), nowhere.params_text) == (None, None)
    assert whole.params_text == (tmp_path / "params.yaml").read_text()
