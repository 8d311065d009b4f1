"""Refit: what is shipped takes the same requests, ranks alike, and can be checked by its golden rows anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from weighlock.errors import ModelError
from weighlock.files import to_json
from weighlock.layout import GOLDEN, METRICS, MODEL, PART_FILES, PREDICTIONS, PROFILE, SERVED, SIGNATURE, SPLIT, WEIGHED
from weighlock.params import Params, read_params
from weighlock.scoring import Scorer
from weighlock.stages import evaluate, refit, train
from weighlock.stages.refit import check_inputs, check_ranks, golden
from weighlock.stages.split import describe
from weighlock.tables import read_meta, read_table, write_table

# --- inputs


def test_the_same_inputs_pass_whatever_their_ranges_and_the_model(trained: Callable) -> None:
    one, other = trained("binary", "linear").signature, trained("binary", "lightgbm").signature
    narrower = replace(other, features=tuple(replace(f, max=1.0) for f in other.features[::-1]))

    assert check_inputs(one, narrower) is None


def test_other_inputs_or_classes_are_named(trained: Callable) -> None:
    signature = trained("binary", "linear").signature
    first, *others = signature.features
    cases = [
        (replace(signature, features=tuple(others)), "`size`"),
        (replace(signature, features=(replace(first, type="integer"), *others)), "`size`"),
        (replace(signature, features=(replace(first, nullable=True), *others)), "`size`"),
        (replace(signature, features=(replace(first, name="sizes"), *others)), "`size`, `sizes`"),
        (replace(signature, classes=("yes", "no")), "its classes"),
    ]

    for served, said in cases:
        for pair in ((signature, served), (served, signature)):
            with pytest.raises(ModelError, match=f"takes other inputs than the weighed one: {said}. Run `dvc repro`"):
                check_inputs(*pair)


def test_a_feature_that_is_called_classes_is_compared_too(trained: Callable) -> None:
    signature = trained("binary", "linear").signature
    named = [replace(signature.features[0], name="classes", type=t) for t in ("number", "integer")]

    with pytest.raises(ModelError, match="`classes`"):
        check_inputs(*(replace(signature, features=(feature,)) for feature in named))


# --- ranks

scores = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=2, max_size=20)


@given(st.data())
def test_the_correlation_is_spearmans(data: st.DataObject) -> None:
    a = np.array(data.draw(scores), dtype=np.float32)
    b = np.array(data.draw(st.lists(st.floats(0, 1, width=32), min_size=len(a), max_size=len(a))), dtype=np.float32)
    if len(set(a)) == 1 or len(set(b)) == 1:
        a, b = np.append(a, [0, 1]).astype(np.float32), np.append(b, [0, 1]).astype(np.float32)

    assert check_ranks(a, b, -1.0) == pytest.approx(spearmanr(a, b).statistic)


def test_models_that_rank_unlike_each_other_are_refused() -> None:
    a = np.arange(20.0)

    assert check_ranks(a, np.exp(a / 5), 0.999) == pytest.approx(1.0)
    with pytest.raises(ModelError, match=r"correlation -1.000, required 0.85 \(`refit.min_rank_correlation`\)"):
        check_ranks(a, -a, 0.85)


def test_of_classes_the_worst_counts() -> None:
    a = np.random.default_rng(0).random((50, 3))
    b = a.copy()
    b[:, 1] = 1 - b[:, 1]

    assert check_ranks(a, a, 0.999) == pytest.approx(1.0)
    assert check_ranks(a, b, -1.0) == pytest.approx(-1.0)


@pytest.mark.parametrize("level", [0.1, 0.235, 0.7])
def test_a_served_model_that_ranks_nothing_is_refused(level: float) -> None:
    # in single precision the spread of a constant is not quite zero
    constant = np.full(26_053, level, dtype=np.float32)
    varied = np.linspace(0, 1, 26_053, dtype=np.float32)
    assert constant.std() > 0

    for pair in ((varied, constant), (constant, varied)):
        with pytest.raises(ModelError, match=r"correlation 0.000, required 0.85"):
            check_ranks(*pair, 0.85)
    assert check_ranks(constant, np.full_like(constant, 0.3), 0.85) == 1.0


# --- golden rows


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_golden_rows_are_requests_and_give_their_scores(task: str, trained: Callable) -> None:
    t = trained(task, "lightgbm")
    scorer = Scorer(t.content, t.signature)

    content = json.loads(to_json(golden(scorer, t.rows, t.schema)))

    assert content["model"] == t.signature.digest
    assert len(content["rows"]) == len(content["scores"]) == 100
    for row, score in zip(content["rows"], content["scores"], strict=True):
        assert scorer.score_row(row)[0] == pytest.approx(score, abs=1e-6)
        assert list(row) == list(t.schema.features)
        assert type(row["size"]) is float
        assert type(row["count"]) in {int, type(None)}
        assert type(row["new"]) in {bool, type(None)}
        assert type(row["kind"]) in {str, type(None)}
    for name in ("weight", "count", "new", "kind"):
        assert {row[name] is None for row in content["rows"]} == {True, False}


def test_golden_rows_are_spread_from_the_first_to_the_last(trained: Callable) -> None:
    t = trained("binary", "linear")
    rows = t.rows.assign(size=np.arange(240.0))

    sizes = [row["size"] for row in golden(Scorer(t.content, t.signature), rows, t.schema)["rows"]]

    assert (sizes[0], sizes[-1]) == (0.0, 239.0)
    assert {round(b - a) for a, b in pairwise(sizes)} == {2, 3}


def test_a_short_holdout_is_golden_whole(trained: Callable) -> None:
    t = trained("binary", "linear")

    content = golden(Scorer(t.content, t.signature), t.rows.head(7), t.schema)

    assert [row["size"] for row in content["rows"]] == t.rows["size"].head(7).tolist()


# --- train, evaluate and refit, one after the other


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, schema_of: Callable, rows_of: Callable) -> Iterator[Path]:
    """A folder in which the three stages have run, on 260 rows of three classes, one an hour."""
    folder = tmp_path_factory.mktemp("repository")
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["train"] |= {
        "learners": {"linear": {"trials": 2, "space": {"C": [0.1, 1.0]}}},
        "search": {"folds": 2, "max_rows": 1000},
    }
    params["evaluate"] |= {"slices": ["kind", "weight"]}
    params["refit"] = {"when": "always", "min_rank_correlation": 0.8}
    schema = schema_of("multiclass", time="when")
    rows = rows_of("multiclass", 260).assign(when=pd.date_range("2013-01-01", periods=260, freq="h", tz="UTC"))
    part = np.repeat(["train", "validation", "holdout"], [140, 60, 60])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("params.yaml").write_text(yaml.safe_dump(params))
        Path("schema.yaml").write_text(yaml.safe_dump(schema.model_dump(mode="json", exclude_defaults=True)))
        Path("data/split").mkdir(parents=True)
        Path("reports").mkdir()
        for name, file in PART_FILES.items():
            write_table(rows[part == name].reset_index(drop=True), Path(file))
        Path(SPLIT).write_text(to_json(describe(rows, part, schema)))
        train.run()
        evaluate.run()
        refit.run()
        yield folder


def test_the_weighed_and_the_served_model_are_two_that_agree(repository: Path) -> None:
    weighed, served = Scorer.load(Path(WEIGHED)), Scorer.load(Path(SERVED))
    holdout = read_table(Path(PART_FILES["holdout"]), "")

    assert weighed.signature.digest != served.signature.digest
    assert check_ranks(weighed.score(holdout), served.score(holdout), 0.8) < 1.0
    check_inputs(weighed.signature, served.signature)


def test_golden_rows_are_of_the_served_model(repository: Path) -> None:
    served, content = Scorer.load(Path(SERVED)), json.loads((Path(SERVED) / GOLDEN).read_text())

    assert content["model"] == served.signature.digest
    assert len(content["rows"]) == 60
    assert np.abs(np.concatenate([served.score_row(r) for r in content["rows"]]) - content["scores"]).max() < 1e-5


def test_metrics_and_predictions_are_of_the_weighed_model_on_the_holdout(repository: Path) -> None:
    weighed, holdout = Scorer.load(Path(WEIGHED)), read_table(Path(PART_FILES["holdout"]), "")
    metrics = json.loads(Path(METRICS).read_text())
    table = read_table(Path(PREDICTIONS), "")

    scores = weighed.score(holdout)

    names = np.array(weighed.signature.classes)
    assert metrics["rows"] == len(table) == 60
    assert metrics["model"]["accuracy"] == round(float((names[scores.argmax(axis=1)] == holdout["target"]).mean()), 6)
    assert metrics["model"]["log_loss"] < metrics["baseline"]["log_loss"]
    assert np.abs(table[["score_low", "score_middle", "score_high"]].to_numpy() - scores).max() < 1e-6
    assert table["key"].tolist() == holdout["id"].tolist()
    assert read_meta(Path(PREDICTIONS))["model"] == weighed.signature.digest


def test_the_profile_counts_every_row_in_every_column(repository: Path) -> None:
    path = Path(SERVED) / PROFILE
    profile, meta = read_table(path, ""), read_meta(path)

    per_column = profile.groupby("column")["rows"].sum()

    features = ["size", "weight", "count", "new", "kind", "port"]
    assert per_column.to_dict() == dict.fromkeys([*features, *(f"(score){c}" for c in ("low", "middle", "high"))], 260)
    assert set(meta["bins"]) == set(per_column.index)
    assert meta["model"] == Scorer.load(Path(SERVED)).signature.digest


def test_refit_never_ships_the_weighed_model(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    params = read_params()
    never = Params.model_validate(
        params.model_dump(by_alias=True) | {"refit": {"when": "never", "min_rank_correlation": 0.999}}
    )
    monkeypatch.setattr(refit, "read_params", lambda: never)
    before = {file: (Path(SERVED) / file).read_bytes() for file in (MODEL, SIGNATURE, GOLDEN, PROFILE)}
    try:
        refit.run()

        assert (Path(SERVED) / MODEL).read_bytes() == (Path(WEIGHED) / MODEL).read_bytes()
        assert (Path(SERVED) / SIGNATURE).read_bytes() == (Path(WEIGHED) / SIGNATURE).read_bytes()
        assert "1.0000" in capsys.readouterr().out
    finally:
        for file, content in before.items():
            (Path(SERVED) / file).write_bytes(content)


def test_the_stages_run_again_give_the_same_bytes(repository: Path) -> None:
    def digests() -> dict[str, str]:
        files = [p for folder in ("models", "reports") for p in Path(folder).rglob("*") if p.is_file()]
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    before = digests()
    train.run()
    evaluate.run()
    refit.run()

    assert digests() == before
    assert len(before) >= 15


def test_a_served_model_that_strays_leaves_the_old_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (Path(SERVED) / MODEL).read_bytes()

    def strays(*_: Any) -> float:
        raise ModelError("it strays")

    monkeypatch.setattr(refit, "check_ranks", strays)
    with pytest.raises(ModelError, match="it strays"):
        refit.run()

    assert (Path(SERVED) / MODEL).read_bytes() == before
