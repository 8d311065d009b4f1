"""Results are identical, equivalent (within 1e-5) or different."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weighlock.cli import main
from weighlock.errors import EvidenceError
from weighlock.layout import GOLDEN, METRICS, MODEL, PREDICTIONS, SERVED, WEIGHED
from weighlock.results import compare, find_result
from weighlock.tables import write_table

SCORES = np.array([0.1, 0.5, 0.9])


def result(
    folder: Path,
    scores: np.ndarray = SCORES,
    model: bytes = b"a",
    keys: str = "xyz",
    truth: tuple = (0, 1, 1),
    golden: float = 0.25,
) -> Path:
    for path in (WEIGHED, SERVED, "reports"):
        (folder / path).mkdir(parents=True)
    (folder / WEIGHED / MODEL).write_bytes(model)
    (folder / SERVED / MODEL).write_bytes(model)
    (folder / METRICS).write_text(json.dumps({"model": {"log_loss": round(float(scores.mean()), 6)}}))
    (folder / SERVED / GOLDEN).write_text(json.dumps({"rows": [{"x": 1}], "scores": [golden]}))
    write_table(pd.DataFrame({"key": list(keys), "truth": truth, "score": scores}), folder / PREDICTIONS)
    return folder


@pytest.mark.parametrize(
    ("change", "outcome", "said"),
    [
        ({}, "identical", "byte for byte"),
        ({"model": b"b"}, "equivalent", "other bytes in models/weighed/model.onnx, models/served/model.onnx"),
        ({"scores": SCORES + 9e-6}, "equivalent", "scores agree within 1e-05"),
        ({"scores": SCORES + np.array([0, 0, 2e-5])}, "different", "1 of 3 rows score differently, by up to 2e-05"),
        ({"keys": "xyw"}, "different", "3 and 3 rows, 2 of them the same"),
        ({"truth": (0, 1, 0)}, "different", "1 rows have another truth"),
        ({"golden": 0.26}, "different", "golden: 1 of 1 rows score differently"),
    ],
)  # fmt: skip
def test_outcomes(tmp_path: Path, change: dict, outcome: str, said: str) -> None:
    a = find_result(str(result(tmp_path / "a")), tmp_path)
    b = find_result(str(result(tmp_path / "b", **change)), tmp_path)

    comparison = compare(a, b)

    assert comparison.outcome == outcome
    assert said in " ".join(comparison.reasons)


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    result(tmp_path / "a")
    result(tmp_path / "b", scores=SCORES[::-1], keys="zyx", truth=(1, 1, 0))

    assert compare(*(find_result(str(tmp_path / n), tmp_path) for n in "ab")).outcome == "equivalent"


def test_values_are_compared_relative_to_their_size(tmp_path: Path) -> None:
    for name, shift in (("a", 0.0), ("b", 0.5)):
        folder = result(tmp_path / name, model=name.encode())
        values = pd.DataFrame({"key": list("xyz"), "truth": 0.0, "value": [0.0, 1e5 + shift, 3e5]})
        write_table(values, folder / PREDICTIONS)

    assert compare(*(find_result(str(tmp_path / n), tmp_path) for n in "ab")).outcome == "equivalent"


def test_only_different_exits_with_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = result(tmp_path / "a"), result(tmp_path / "b"), result(tmp_path / "c", scores=SCORES / 2)

    assert main(["compare", str(a), str(b)]) == 0
    assert main(["compare", str(a), str(c), "--json"]) == 3
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("identical: ")
    assert json.loads(printed[-1])["outcome"] == "different"


def test_a_missing_file_or_revision_is_named(tmp_path: Path) -> None:
    folder = result(tmp_path / "a")
    (folder / PREDICTIONS).unlink()

    with pytest.raises(EvidenceError, match=r"predictions\.parquet` is missing"):
        find_result(str(folder), tmp_path)
    with pytest.raises(EvidenceError, match="neither a folder nor a git revision"):
        find_result("no-such-branch", tmp_path)
    with pytest.raises(EvidenceError, match="neither a folder nor a git revision"):
        find_result("--help", tmp_path)
