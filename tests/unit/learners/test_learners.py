"""Learners by name or dotted path; what is none says so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from weighlock.errors import ConfigError
from weighlock.learners import BUILT_IN, find_learner
from weighlock.learners.base import Learner


@pytest.mark.parametrize(
    ("name", "task", "settings", "kind", "known"),
    [
        ("linear", "binary", {"C": 0.25}, "LogisticRegression", {"C": 0.25}),
        ("linear", "regression", {"C": 0.25}, "Ridge", {"alpha": 4.0}),
        ("lightgbm", "multiclass", {"n_estimators": 9}, "LGBMClassifier", {"n_estimators": 9, "deterministic": True}),
        ("lightgbm", "regression", {"n_estimators": 9}, "LGBMRegressor", {"n_estimators": 9, "force_row_wise": True}),
        ("random_forest", "binary", {"n_estimators": 9}, "RandomForestClassifier", {"n_estimators": 9}),
        ("random_forest", "regression", {"n_estimators": 9}, "RandomForestRegressor", {"n_estimators": 9}),
        ("sklearn.ensemble:ExtraTreesClassifier", "binary", {"max_depth": 3}, "ExtraTreesClassifier", {"max_depth": 3}),
    ],
)
def test_a_learner_builds_an_estimator_with_its_seed_and_settings(
    name: str, task: str, settings: dict, kind: str, known: dict
) -> None:
    given = dict(settings)

    estimator = find_learner(name).build(task, settings, 11)

    assert type(estimator).__name__ == kind
    assert estimator.get_params().items() >= {**known, "random_state": 11}.items()
    assert settings == given


@pytest.mark.parametrize("name", [*BUILT_IN, "sklearn.ensemble:ExtraTreesClassifier"])
def test_a_seed_among_the_settings_wins(name: str) -> None:
    assert find_learner(name).build("binary", {"random_state": 3}, 11).get_params()["random_state"] == 3


def test_an_estimator_without_a_seed_gets_none() -> None:
    estimator = find_learner("sklearn.naive_bayes:GaussianNB").build("binary", {"var_smoothing": 1e-3}, 11)

    assert estimator.get_params() == {"priors": None, "var_smoothing": 1e-3}


def test_someones_own_learner_beside_params_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_learner_for_a_test.py").write_text(
        "from weighlock.learners.base import Learner\n"
        "MINE = Learner(encoding='ordinal', build=lambda task, settings, seed: (task, settings, seed))\n"
    )

    found = find_learner("own_learner_for_a_test:MINE")

    assert isinstance(found, Learner)
    assert found.build("binary", {"a": 1}, 2) == ("binary", {"a": 1}, 2)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ligthgbm", "`train.learners.ligthgbm` is no learner; there are linear, lightgbm, random_forest, or any"),
        ("no_such_package.at_all:Thing", "there is no module `no_such_package`"),
        ("sklearn.ensemble:NoSuchForest", "`sklearn.ensemble` has no `NoSuchForest`"),
        ("math:pi", "neither a Learner nor a class with `fit` and `get_params`"),
        ("sklearn.ensemble:BaseEnsemble.fit", "has no `BaseEnsemble.fit`"),
        (":LogisticRegression", "no dotted path"),
        (".sklearn:x", "no dotted path"),
        ("sklearn ensemble:x", "no dotted path"),
    ],
)
def test_what_is_no_learner_is_named(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        find_learner(name)

    assert said in str(error.value)
    assert "train.learners" in str(error.value)
