"""What tables other than the example brought to light: names, sizes and shapes that every stage has to bear."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from weighlock.errors import DataError
from weighlock.leakage import single_feature_scores
from weighlock.learners.export import export
from weighlock.learners.importance import permutation_importance
from weighlock.learners.parity import PARITY, check_parity
from weighlock.learners.recipe import Recipe, matrix
from weighlock.params import Csv, DataParams, Source, ValidateParams
from weighlock.schema import Column, Schema
from weighlock.scoring import Scorer
from weighlock.sources.files import read_table
from weighlock.stages.ingest import partition
from weighlock.stages.validate import validate
from weighlock.statistics.metrics import find_metric
from weighlock.times import to_utc

ROWS = 120
# what the converter, the canonical graph and pandas use themselves, and what no identifier may hold
NAMES = ("c0", "c1", "n0_0", "scores", "value", "self", "variable", "body mass (g)", "body_mass__g_", "è: #", "1")
SETTINGS = {"linear": {}, "lightgbm": {"n_estimators": 5, "n_jobs": 1}, "random_forest": {"n_estimators": 5}}


def table(task, names=NAMES):
    random = np.random.default_rng(3)
    frame = pd.DataFrame({n: random.normal(size=ROWS) for n in names})
    frame[names[0]] = random.choice(["a", "b", "c"], ROWS)
    score = frame[list(names[1:])].sum(axis=1)
    classes = {"binary": ["low", "high"], "multiclass": ["low", "middle", "high"], "regression": None}[task]
    if task == "regression":
        frame["y"] = score
    elif task == "binary":
        frame["y"] = (score > 0).astype("int8")
    else:
        frame["y"] = np.select([score > 1, score > -1], ["high", "middle"], "low")
    columns = {n: Column(type="category" if n == names[0] else "number") for n in names}
    return frame, Schema(task=task, target="y", classes=classes, features=columns)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("learner", SETTINGS)
def test_features_of_any_name_are_exported_under_it(task, learner):
    frame, schema = table(task)
    model = Recipe(learner, SETTINGS[learner], seed=1, max_categories=10).fit(frame, schema)
    content, signature = export(model)
    assert [f.name for f in signature.features] == list(NAMES)
    np.testing.assert_allclose(Scorer(content, signature).score(frame), model.score(matrix(frame, schema)), atol=PARITY)


def test_each_feature_reaches_its_own_input():
    frame, schema = table("regression", ("kind", "body mass", "body_mass"))
    frame["y"] = frame["body_mass"]  # and not the one that the converter spells alike
    content, signature = export(Recipe("linear", {"C": 1e6}, seed=1, max_categories=10).fit(frame, schema))
    score = Scorer(content, signature).score
    before = score(frame)
    np.testing.assert_allclose(score(frame.assign(**{"body mass": 9.0})), before, atol=1e-4)
    np.testing.assert_allclose(score(frame.assign(body_mass=9.0)), 9.0, atol=1e-3)


def test_importance_shuffles_a_feature_of_any_name():
    frame, schema = table("binary")
    model = Recipe("linear", {}, seed=1, max_categories=10).fit(frame, schema)
    report = permutation_importance(model, frame, find_metric("log_loss", "binary"), seed=1)
    assert set(report["features"]) == set(NAMES)


@pytest.mark.parametrize("learner", ["lightgbm", "random_forest"])
def test_parity_is_counted_in_what_single_precision_can_hold(learner):
    # given a target far from zero: neighbours in single precision are 0.008 apart there
    frame, schema = table("regression")
    frame["y"] = 100_000 + 1_000 * frame["y"] / frame["y"].std()
    settings = {"n_estimators": 100, "learning_rate": 0.1} if learner == "lightgbm" else {"n_estimators": 40}
    model = Recipe(learner, settings, seed=1, max_categories=10).fit(frame, schema)
    assert check_parity(model, Scorer(*export(model)), frame) <= PARITY


def test_the_time_column_may_have_any_name():
    frame = pd.DataFrame({"self": ["2020/01/31", "2020/02/01"], "x": [1, 2]})
    data = DataParams(source=Source(files="x.csv"), depends_on="x.csv")
    assert list(partition(frame, data, time="self", key=None)) == ["2020-01", "2020-02"]


def test_days_with_the_year_first_may_have_slashes():
    times = to_utc(pd.Series(["2012/01/02", "2012/01/03 04:05"], name="t"), "UTC")
    assert list(times) == [pd.Timestamp("2012-01-02", tz="UTC"), pd.Timestamp("2012-01-03 04:05", tz="UTC")]
    with pytest.raises(DataError, match="no time"):
        to_utc(pd.Series(["02/01/2012"], name="t"), "UTC")


@pytest.mark.parametrize("content", [b"a,b\n1,2,3\n4,5,6\n", b"a,b\n1,2,\n4,5,\n"])
def test_rows_longer_than_the_header_do_not_move_columns(content):
    with pytest.raises(DataError, match="more cells than its header"):
        read_table("x.csv", content, Csv())


def test_a_limit_of_one_allows_a_feature_that_tells_everything():
    frame, schema = table("binary", ("kind", "x"))
    rows = frame.assign(y=np.where(frame["x"] > 0, "high", "low"), row_id=range(ROWS))

    class Limits:
        validate_ = ValidateParams(max_bad_share=0, max_single_feature=1.0)

    assert validate(rows, schema, Limits()).report["problems"] == []
    # and a lower one calls it a leak, even among so few rows
    Limits.validate_ = ValidateParams(max_bad_share=0, max_single_feature=0.98)
    assert "almost alone" in validate(rows, schema, Limits()).report["problems"][0]


@pytest.mark.parametrize("rows", [60, 500])
def test_the_logarithm_of_the_target_is_a_leak_however_few_rows_there_are(rows):
    random = np.random.default_rng(5)
    price = pd.Series(random.lognormal(12, 1, rows))
    features = pd.DataFrame({"log": np.log(price), "noise": random.normal(size=rows), "constant": 1.0})
    scores = single_feature_scores(features, price, "regression")
    assert scores["log"] == 1.0
    assert scores["noise"] < 0.2
    assert scores["constant"] == 0.0
