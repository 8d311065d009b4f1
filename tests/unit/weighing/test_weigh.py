"""The gate's way: from two contenders to a verdict and its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from weighlock.decisions.verdict import Condition
from weighlock.errors import ConfigError
from weighlock.releases.acceptance import evidence_digest
from weighlock.weighing import conditions
from weighlock.weighing.champion import stable_release
from weighlock.weighing.contenders import find_challenger, find_champion
from weighlock.weighing.scale import scale_of
from weighlock.weighing.weigh import Weighed, weigh, write

POLICY = {
    "primary": {"metric": "log_loss", "better": "lower", "margin": 0.05},
    "guards": [{"metric": "roc_auc", "better": "higher", "margin": 0.05}],
    "cluster": "day",
    "slices": {"metric": "log_loss", "margin": 0.05, "min_rows": 50},
    "fairness": {"groups": ["port"], "margin": 0.1, "min_rows": 50},
    "floors": {"roc_auc": 0.6},
    "resamples": 100,
}


@cache
def other_params() -> str:
    """All of the shipped `params.yaml` but its policy."""
    params = yaml.safe_load(Path(__file__).parents[3].joinpath("params.yaml").read_text(encoding="utf-8"))
    return yaml.safe_dump({name: section for name, section in params.items() if name != "gate"})


def write_policy(folder: Path, policy: dict[str, Any]) -> None:
    (folder / "params.yaml").write_text(other_params() + yaml.safe_dump({"gate": policy}), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of which only the policy and two prediction files are needed, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("made")
    write_policy(folder, POLICY)
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"key": [f"k{i:04}" for i in range(1200)]})
    frame["time"] = pd.date_range("2013-08-01", periods=1200, freq="30min", tz="UTC")  # 26 days of New York
    frame["truth"] = (random.random(1200) < 0.4).astype(int)
    frame["port"] = random.choice(["north", "south"], 1200)
    good = np.clip(0.4 + 0.3 * (frame["truth"] - 0.4) + random.normal(0, 0.1, 1200), 0.02, 0.98)
    for name, scores in (("champion", good), ("equal", np.clip(good + random.normal(0, 0.02, 1200), 0.02, 0.98)),
                         ("worse", np.clip(0.4 + random.normal(0, 0.25, 1200), 0.02, 0.98))):  # fmt: skip
        frame.assign(score=scores).to_parquet(folder / f"{name}.parquet", index=False)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def written(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Weighed, Path]:
    """A weighing with its files, which nobody changes."""
    folder = tmp_path_factory.mktemp("written")
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return weighed(folder, "equal.parquet", files=True), folder / "out"


def weighed(
    folder: Path, challenger: str, champion: str | None = "champion.parquet", *, files: bool = False, **policy: Any
) -> Weighed:
    if policy:
        write_policy(folder, POLICY | policy)
    new = find_challenger(challenger, folder)
    scale = scale_of(new, find_champion(champion, new, folder) if champion else None, folder)
    found = weigh(scale)
    if files:
        write(found, scale, folder / "out")
    return found


@pytest.mark.parametrize(("name", "outcome"), [("equal", "PASS"), ("worse", "FAIL")])
def test_files_are_weighed_by_their_scores(folder: Path, name: str, outcome: str) -> None:
    found = weighed(folder, f"{name}.parquet")

    assert found.verdict.outcome == outcome
    assert [check.name for check in found.verdict.of("primary", "guard")] == ["log_loss", "roc_auc"]
    assert len(found.verdict.of("slice")) == 2
    assert len(found.verdict.of("fairness")) == 3  # of two groups one is the other's mirror image
    assert (found.context.holdout.units, found.context.holdout.unit) == (26, "day")  # of New York


def test_the_record_holds_all_that_its_evidence_is_of(written: tuple[Weighed, Path]) -> None:
    found, out = written

    content = json.loads((out / "gate.json").read_text(encoding="utf-8"))
    assert content["outcome"] == "PASS"
    assert content["evidence"] == evidence_digest(content) == found.context.evidence
    assert content["policy"]["primary"]["margin"] == {"value": 0.05, "relative": False}
    assert {plot["file"] for plot in content["about"]["plots"]} <= {path.name for path in out.iterdir()}


def test_the_same_input_gives_the_same_files(folder: Path, written: tuple[Weighed, Path]) -> None:
    shutil.copytree(written[1], folder / "out")
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    (folder / "out/mine.txt").write_text("a user's own")
    weighed(folder, "equal.parquet", files=True)

    after = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert after == before | {"mine.txt": b"a user's own"}


def test_evidence_hangs_on_policy_rows_and_scores(folder: Path) -> None:
    digests = [
        weighed(folder, "equal.parquet").context.evidence,
        weighed(folder, "worse.parquet").context.evidence,
        weighed(folder, "equal.parquet", harm_confidence=0.9).context.evidence,
    ]

    assert len(set(digests)) == 3


def test_what_files_do_not_tell_is_not_run_and_blocks_where_the_policy_says_so(folder: Path) -> None:
    found = weighed(folder, "equal.parquet")
    missing = {check.name for check in found.verdict.of("condition") if check.result == "not run"}

    assert missing == {"overlap", "validation", "lock", "parity", "size", "vanished slices"}
    assert weighed(folder, "equal.parquet", must_run=["lock"]).verdict.outcome == "INCONCLUSIVE"


def test_groups_that_a_file_does_not_have_are_not_run(folder: Path) -> None:
    found = weighed(folder, "equal.parquet", fairness={"groups": ["sex"]}, must_run=["fairness"])

    (check,) = [c for c in found.verdict.of("condition") if c.name == "fairness"]
    assert (found.verdict.outcome, check.result) == ("INCONCLUSIVE", "inconclusive")
    assert "`equal.parquet` has no column `sex` to tell groups by" in check.reason


def test_without_a_champion_floors_decide(folder: Path) -> None:
    found = weighed(folder, "equal.parquet", None)

    assert (found.verdict.outcome, found.verdict.bootstrap, found.context.champion) == ("PASS", True, None)
    assert weighed(folder, "equal.parquet", None, floors={"roc_auc": 0.999}).verdict.outcome == "FAIL"
    with pytest.raises(ConfigError, match=r"`gate\.floors` is empty, and there is no champion"):
        weighed(folder, "equal.parquet", None, floors={})


@pytest.mark.parametrize(("cluster", "said"), [("group", "no column `group`"), ("day", "no column `time`")])
def test_clusters_take_a_column(folder: Path, cluster: str, said: str) -> None:
    frame = pd.read_parquet(folder / "equal.parquet").drop(columns="time")
    frame.to_parquet(folder / "equal.parquet", index=False)

    with pytest.raises(ConfigError, match=said):
        weighed(folder, "equal.parquet", cluster=cluster)


def test_a_tree_is_looked_at_whole(
    tmp_path: Path, rows_of: Callable, schema_of: Callable, trained: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repository import BEFORE, NEWER, Model, alone, make_repository

    alone(monkeypatch)
    monkeypatch.chdir(tmp_path)
    held = Condition("lock", holds=True, reason="It is.")
    for name in ("validation", "lock"):
        monkeypatch.setattr(conditions, name, lambda _: held)
    monkeypatch.setattr(conditions, "parity", lambda *_: held)
    repository = make_repository(tmp_path, trained)
    rows = rows_of("binary", rows=960).assign(when=pd.date_range("2013-07-20", periods=960, freq="h", tz="UTC"))
    rows["weight"] = rows["weight"].fillna(50.0)
    holdout = rows["when"] >= pd.Timestamp("2013-08-04T04:00Z")
    parts = {"train": rows[~holdout][:300], "validation": rows[~holdout][300:], "holdout": rows[holdout]}
    repository.save(schema_of("binary", time="when"), {k: v.reset_index(drop=True) for k, v in parts.items()})
    with (tmp_path / "params.yaml").open("a") as file:
        file.write(yaml.safe_dump({"gate": POLICY | {"robustness": {"metric": "log_loss", "margin": 0.1}}}))
    repository.run(Model("random_forest", "2013-07-28T00:00Z"), Model("random_forest", NEWER))
    repository.commit()
    repository.run(Model("lightgbm", BEFORE), Model("linear", NEWER))
    new = find_challenger(None, tmp_path)

    found = weigh(scale_of(new, find_champion("HEAD", new, tmp_path), tmp_path))

    assert found.context.holdout.weighed == 2
    assert found.context.params == ()
    assert found.context.data is not None
    assert found.context.data.shared == len(rows[~holdout])
    assert [check.name for check in found.verdict.of("robustness")] == ["noise"]
    overlap = next(check for check in found.verdict.of("condition") if check.name == "overlap")
    assert overlap.result == "pass"
    assert dict(found.context.flips[0].features).keys() >= {"size", "weight"}


# --- who the champion is where no one says


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("stable: null\n", None),
        ("stable: v8\n", "v8"),
        ("stable: v8\ncandidate: {release: v9, route: {weight: 10}}\n", "v8"),
    ],
)
def test_production_says_what_is_stable(tmp_path: Path, text: str, found: str | None) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/production.yaml").write_text(text)

    assert stable_release(tmp_path) == found


@pytest.mark.parametrize("text", [None, "", "- a", "stabel: v8", "stable: 8", "stable: [v8]", "stable: {"])
def test_where_it_does_not_say_no_one_is_taken_for_none(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "deploy").mkdir()
    if text is not None:
        (tmp_path / "deploy/production.yaml").write_text(text)

    with pytest.raises(ConfigError, match=r"deploy/production\.yaml"):
        stable_release(tmp_path)
