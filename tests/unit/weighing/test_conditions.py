"""Conditions: each holds on a sound tree, fails on one that is planted to, and says why it was not looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.files import to_json
from weighlock.layout import GOLDEN, METRICS, MODEL, PART_FILES, SEARCH, SERVED, SIGNATURE, VALIDATION
from weighlock.scoring import Scorer
from weighlock.stages.refit import golden
from weighlock.tables import write_table
from weighlock.weighing import conditions
from weighlock.weighing.policy import GateParams
from weighlock.weighing.predictions import Predictions


def policy(**change: Any) -> GateParams:
    content = {"primary": {"metric": "log_loss", "better": "lower", "margin": 0.02}, "cluster": "none"}
    return parse(content | change, GateParams, "params.yaml")


def predicted() -> Predictions:
    frame = pd.DataFrame({"key": ["a", "b"], "truth": [1, 0], "score": [0.5, 0.5]})
    return Predictions("mine", frame, "binary", "target", ("no", "yes"), 0.5, None, None)  # a log loss of log 2 = 0.693


def in_json(root: Path, name: str, content: Any) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(to_json(content), encoding="utf-8")


# --- floors


@pytest.mark.parametrize(
    ("floors", "baseline", "holds"),
    [
        ({"log_loss": 0.7}, 0.6, [True]),
        ({"log_loss": 0.69}, 0.8, [False]),
        ({"log_loss": "baseline"}, 0.7, [True]),
        ({"log_loss": "baseline"}, 0.69, [False]),
        ({"accuracy": 0.5, "recall": 0.9, "precision": 0.6}, 0.6, [True, True, False]),
    ],
)
def test_floors_know_their_direction(tmp_path: Path, floors: dict, baseline: float, holds: list[bool]) -> None:
    in_json(tmp_path, METRICS, {"baseline": {"log_loss": baseline}})

    found = conditions.floors(predicted(), policy(floors=floors), tmp_path)

    assert [condition.holds for condition in found] == holds
    assert {condition.name for condition in found} == {"floors"}


def test_no_file_tells_a_baseline() -> None:
    found = conditions.floors(predicted(), policy(floors={"log_loss": "baseline", "accuracy": 0.9}), None)

    assert [condition.holds for condition in found] == [None, False]
    assert "accuracy 0.5 does not reach the floor of 0.9 (higher is better)" in found[1].reason


# --- overlap


@pytest.fixture
def parts(tmp_path: Path) -> Callable[..., Path]:
    def write(**change: dict[str, Any]) -> Path:
        for i, (name, file) in enumerate(PART_FILES.items()):
            frame = pd.DataFrame({"id": [f"{name}{j}" for j in range(3)], "group": [f"g{i}"] * 3})
            frame["made"] = pd.date_range(f"2024-0{i + 1}-01", periods=3, tz="UTC")
            for column, value in change.get(name, {}).items():
                frame.loc[0, column] = value
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            write_table(frame, tmp_path / file)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("by", "change", "said"),
    [
        ("time", {}, None),
        ("time", {"train": {"id": "holdout1"}}, "1 values of `id` stand in train and holdout, such as ['holdout1']"),
        ("group", {"validation": {"group": "g2"}}, "`group` stand in validation and holdout"),
        ("time", {"train": {"made": pd.Timestamp("2024-03-01", tz="UTC")}}, "train runs to 2024-03-01T00:00Z"),
        ("hash", {"train": {"made": pd.Timestamp("2024-03-01", tz="UTC")}}, None),
    ],
)
def test_what_was_trained_on_is_not_judged_by(
    parts: Callable, schema_of: Callable, by: str, change: dict, said: str | None
) -> None:
    found = conditions.overlap(schema_of("binary", time="made", group="group"), by, parts(**change))

    assert found.holds is (said is None)
    assert said is None or said in found.reason


# --- validation, size, slices


def test_problems_of_the_data_fail(tmp_path: Path) -> None:
    in_json(tmp_path, VALIDATION, {"rows": 9, "quarantined": 1, "problems": []})
    sound = conditions.validation(tmp_path)
    in_json(tmp_path, VALIDATION, {"rows": 9, "quarantined": 1, "problems": ["stale by 3 days"]})

    assert (sound.holds, conditions.validation(tmp_path).holds) == (True, False)
    assert "stale by 3 days" in conditions.validation(tmp_path).reason


def test_the_larger_model_counts(tmp_path: Path) -> None:
    for name, size in (("a", 900_000), ("b", 1_100_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / MODEL).write_bytes(bytes(size))
    folders = [tmp_path / "a", tmp_path / "b"]

    assert conditions.size(folders, policy(max_megabytes=1.1)).holds
    assert conditions.size(folders, policy(max_megabytes=1.0)).holds is False


def test_a_slice_that_had_rows_and_has_none_has_vanished(schema_of: Callable, rows_of: Callable) -> None:
    schema, holdout = schema_of("binary"), rows_of("binary")
    before = [
        {"column": "kind", "slice": "a", "rows": 900},
        {"column": "kind", "slice": "z", "rows": 900},
        {"column": "kind", "slice": "y", "rows": 9},  # too few to be missed
        {"column": "kind", "slice": "(other)", "rows": 900},
        {"column": "size", "slice": "0 to 9", "rows": 900},  # a number's quarters move with its values
        {"column": "gone", "slice": "x", "rows": 900},  # no column of this schema: schema.yaml's diff says so
    ]

    found = conditions.vanished(before, holdout, schema, 500)

    assert found.holds is False
    assert found.reason.startswith("No row of the holdout is of kind = z (900 rows in the champion's holdout):")
    assert conditions.vanished(before[:1], holdout, schema, 500).holds
    assert conditions.vanished(None, holdout, schema, 500).holds is None


# --- parity


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_golden_scores_are_given_again(tmp_path: Path, trained: Callable, task: str) -> None:
    model = trained(task, "linear")
    folder = tmp_path / SERVED
    folder.mkdir(parents=True)
    (folder / MODEL).write_bytes(model.content)
    in_json(folder, SIGNATURE, model.signature.to_json())
    content = golden(Scorer(model.content, model.signature), model.rows, model.schema)
    in_json(folder, GOLDEN, content)
    in_json(tmp_path, SEARCH, {"parity": 3e-7})
    sound = conditions.parity(policy(), tmp_path)

    in_json(tmp_path, SEARCH, {"parity": 3e-5})
    native = conditions.parity(policy(), tmp_path)
    in_json(tmp_path, SEARCH, {"parity": 3e-7})
    scale = float(np.sqrt(np.mean(np.square(content["scores"])))) if task == "regression" else 1.0
    content["scores"][0] += 2e-5 * scale
    in_json(folder, GOLDEN, json.loads(to_json(content)))

    assert (sound.holds, native.holds, conditions.parity(policy(), tmp_path).holds) == (True, False, False)


def test_files_alone_leave_the_tree_unlooked_at(schema_of: Callable) -> None:
    found = [
        conditions.overlap(schema_of("binary"), "hash", None),
        conditions.validation(None),
        conditions.lock(None),
        conditions.parity(policy(), None),
        conditions.size([], policy()),
    ]

    assert [condition.holds for condition in found] == [None] * 5
    assert [condition.name for condition in found] == ["overlap", "validation", "lock", "parity", "size"]
