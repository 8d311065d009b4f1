"""Tracking without MLflow: what a result is, when two are one, and what no message may show."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.results import PARAMS as SMALL
from weighlock.cli.track import describe, told
from weighlock.errors import EvidenceError, TrackingError
from weighlock.releases.record import Release, format_release
from weighlock.scoring.signature import Feature, Signature
from weighlock.tables import write_table
from weighlock.tracking import result as results
from weighlock.tracking.content import MAX_VALUE, as_key, as_text, tensors
from weighlock.tracking.registry import project_releases
from weighlock.tracking.result import (
    ARTIFACTS,
    Commit,
    data_digest,
    flatten,
    identity,
    numbers,
    read_commit,
    read_result,
    searched,
    stale_params,
)
from weighlock.tracking.runs import Tracked, ensure_experiment, find, settle, tags_of
from weighlock.tracking.server import masked, tracking_uri

PARAMS = SMALL.replace("refit: always", "refit: never")
METRICS = {"rows": 40, "threshold": 0.5, "model": {"log_loss": 0.25}, "baseline": {"log_loss": 0.5}}
SEARCH = {
    "metric": "log_loss",
    "chosen": "linear",
    "learners": {
        "linear": {
            "validation": 0.3,
            "settings": {"C": 0.5},
            "trials": [{"settings": {"C": 0.9}, "log_loss": 0.4}, {"settings": {"C": 0.5}, "log_loss": 0.35}],
        }
    },
}


def signature(digest: str = "sha256:0") -> Signature:
    features = (
        Feature("colour", "category", nullable=False, categories=("red",), open=True),
        Feature("heat", "number", nullable=True),
        Feature("doors", "integer", nullable=False),
        Feature("new", "boolean", nullable=False),
    )
    return Signature("binary", "broke", features, ("false", "true"), 0.5, {"ai.onnx": 18}, digest)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a whole result, whose models are a few bytes."""
    monkeypatch.chdir(tmp_path)
    for name in ARTIFACTS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name == "reports/plots" else path.write_text("{}")
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "reports/metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "reports/search.json").write_text(json.dumps(SEARCH))
    digests = {}
    for name, content in (("weighed", b"one"), ("served", b"two")):
        digests[name] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (tmp_path / "models" / name / "model.onnx").write_bytes(content)
        (tmp_path / "models" / name / "signature.json").write_text(json.dumps(signature(digests[name]).to_json()))
    table = pd.DataFrame({"score": [0.5]})
    write_table(table, tmp_path / "reports/predictions.parquet", {"model": digests["weighed"]})
    (tmp_path / "data/split").mkdir(parents=True)
    for part in ("train", "validation", "holdout"):
        (tmp_path / f"data/split/{part}.parquet").write_text(part)
    return tmp_path


def test_nested_keys_are_joined_and_lists_stay_whole() -> None:
    nested = {"train": {"seed": 7, "fixed": {}, "space": {"C": {"low": 0.1}}}, "slices": ["a", "b"]}

    assert flatten(nested) == {
        "train.seed": 7,
        "train.fixed": {},
        "train.space.C.low": 0.1,
        "slices": ["a", "b"],
    }


def test_metrics_are_numbers_and_what_could_not_be_computed_is_left_out() -> None:
    assert numbers({"rows": 3, "model": {"roc_auc": None, "log_loss": 0.5}}) == {"rows": 3.0, "model.log_loss": 0.5}


def test_the_identity_is_a_digest_of_models_metrics_and_params() -> None:
    text = '{"metrics": {"a": 1, "b": 2}, "params": {"x": [1]}, "served": "s", "weighed": "w"}'

    assert identity("w", "s", {"b": 2, "a": 1}, {"x": [1]}) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        ("v", "s", {"a": 1}, {"x": 1}),
        ("w", "t", {"a": 1}, {"x": 1}),
        ("w", "s", {"a": 1.000001}, {"x": 1}),
        ("w", "s", {"a": 1}, {"x": 2}),
        ("s", "w", {"a": 1}, {"x": 1}),
    ],
)
def test_whatever_differs_makes_another_result(other: tuple) -> None:
    assert identity(*other) != identity("w", "s", {"a": 1}, {"x": 1})


def test_learners_are_read_with_their_best_settings_and_every_trial() -> None:
    (learner,) = searched(SEARCH)

    assert (learner.name, learner.settings, learner.validation, learner.trials) == (
        "linear", {"C": 0.5}, 0.3, (0.4, 0.35),
    )  # fmt: skip


def test_a_whole_result_is_read(project: Path) -> None:
    result = read_result()

    assert (result.task, result.target, result.metric, result.chosen) == ("binary", "broke", "log_loss", "linear")
    assert result.metrics == {"rows": 40.0, "threshold": 0.5, "model.log_loss": 0.25, "baseline.log_loss": 0.5}
    assert result.params["train.learners.linear.space.C.low"] == 0.1
    assert result.params["refit.when"] == "never"
    assert "train.threshold.value" not in result.params  # params.yaml does not say it
    assert result.weighed.digest != result.served.digest


def test_comments_in_params_make_no_other_result(project: Path) -> None:
    before = read_result()

    (project / "params.yaml").write_text(f"# a word\n{PARAMS}")

    assert read_result().identity == before.identity


@pytest.mark.parametrize("name", ["reports/search.json", "models/served/model.onnx", "reports/validation.html"])
def test_a_missing_file_is_named_with_the_command_that_makes_it(project: Path, name: str) -> None:
    (project / name).unlink()

    with pytest.raises(EvidenceError, match=rf"`{name}` is missing.*`dvc repro`"):
        read_result()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("models/weighed/model.onnx", "other", "is not the model that `models/weighed/signature.json` describes"),
        ("reports/metrics.json", "[]", "is not what `dvc repro` writes"),
        ("reports/metrics.json", "{", "is not JSON"),
        ("reports/search.json", '{"metric": "log_loss"}', "is not what `dvc repro` writes"),
        ("reports/predictions.parquet", "torn", "cannot be read"),
        ("dvc.lock", "a: [", "is not valid YAML"),
    ],
)
def test_torn_evidence_is_refused(project: Path, name: str, content: str, said: str) -> None:
    (project / name).write_text(content)

    with pytest.raises(EvidenceError, match=said):
        read_result()


def test_metrics_of_another_model_are_refused(project: Path) -> None:
    write_table(pd.DataFrame({"score": [0.5]}), project / "reports/predictions.parquet", {"model": "sha256:other"})

    with pytest.raises(EvidenceError, match=r"is of another model than `models/weighed/model.onnx`"):
        read_result()


def test_params_that_were_edited_after_the_run_are_refused(project: Path) -> None:
    (project / "dvc.lock").write_text("stages: {train: {params: {params.yaml: {train.seed: 8}}}}\n")

    with pytest.raises(EvidenceError, match=r"`train.seed` differs from `dvc.lock`. Run `dvc repro`"):
        read_result()


@pytest.mark.parametrize(
    ("params", "odd"),
    [
        ({"data": {"timezone": "UTC"}, "train": {"seed": 7, "fixed": {}}}, []),
        ({"data": {"timezone": "CET"}, "train": {"seed": 7, "fixed": {}}}, ["data.timezone"]),
        ({"data": {"timezone": "UTC"}, "train": {"seed": 7, "fixed": {"C": 1}}}, ["train.fixed", "train.fixed.C"]),
        ({"data": {"timezone": "UTC"}}, ["train.seed", "train.fixed"]),
    ],
)
def test_stale_params_are_named(params: dict, odd: list[str]) -> None:
    ran_with = {"data.timezone": "UTC", "train": {"seed": 7, "fixed": {}}}
    lock = {"stages": {"refit": {"params": {"params.yaml": ran_with}}, "split": {"cmd": "x"}}}

    assert stale_params(params, lock) == odd


def test_the_data_digest_is_of_the_files_or_of_what_the_lock_says_of_them(project: Path) -> None:
    md5 = {
        part: hashlib.md5(part.encode(), usedforsecurity=False).hexdigest()
        for part in ("train", "validation", "holdout")
    }
    lines = "\n".join(f"data/split/{part}.parquet {digest}" for part, digest in md5.items())
    wanted = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    outs = [{"path": f"data/split/{part}.parquet", "md5": digest} for part, digest in md5.items()]

    assert data_digest({}) == wanted
    (project / "data/split/train.parquet").unlink()
    assert data_digest({"stages": {"split": {"outs": outs}}}) == wanted
    with pytest.raises(EvidenceError, match=r"`data/split/train.parquet` is missing"):
        data_digest({})


def test_the_commit_and_whether_tracked_files_differ_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    assert read_commit() is None

    subprocess.run(["git", "init", "-q"], check=True)
    assert read_commit() is None  # no commit yet

    Path("a").write_text("1")
    subprocess.run([*git, "add", "a"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    Path("stray").write_text("not tracked")
    commit = read_commit()
    assert commit is not None
    assert not commit.dirty

    Path("a").write_text("2")
    assert read_commit() == Commit(commit.id, dirty=True)


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(results.subprocess, "run", absent)

    assert read_commit() is None


@pytest.mark.parametrize(
    ("environ", "uri"),
    [
        ({}, "sqlite:///mlflow.db"),
        ({"MLFLOW_TRACKING_URI": " "}, "sqlite:///mlflow.db"),
        ({"MLFLOW_TRACKING_URI": "http://team:5000"}, "http://team:5000"),
    ],
)
def test_where_to_track(environ: dict[str, str], uri: str) -> None:
    assert tracking_uri(environ) == uri


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://team:5000", "http://team:5000"),
        ("http://ann:s3cret@team:5000/ml", "http://***@team:5000/ml"),
        ("postgresql://ann:p@ss/word@team/db", "postgresql://***@team/db"),
        ("postgresql://team/db?user=ann&password=s3cret", "postgresql://team/db?***"),
        ("GET http://ann:s3cret@team/api failed at team", "GET http://***@team/api failed at team"),
    ],
)
def test_an_address_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_no_password_gets_through(password: str) -> None:
    assert masked(f"no http://ann:{password}@team:5000/x today") == "no http://***@team:5000/x today"


def test_the_inputs_are_those_of_the_onnx_file() -> None:
    assert tensors(signature()) == [("colour", "object"), ("heat", "float32"), ("doors", "float32"), ("new", "float32")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2013-01-01", "2013-01-01"),
        (0.001, "0.001"),
        (True, "true"),
        (None, "null"),
        (["a", 1], '["a", 1]'),
        ({}, "{}"),
    ],
)
def test_a_param_is_text_or_json(value: object, text: str) -> None:
    assert as_text(value) == text


def test_a_long_param_is_cut_to_what_mlflow_takes() -> None:
    assert as_text("x" * MAX_VALUE) == "x" * MAX_VALUE
    assert len(as_text("x" * (MAX_VALUE + 1))) == MAX_VALUE


def test_keys_are_those_that_mlflow_takes() -> None:
    assert as_key("train.learners.mine.learners:Own.fixed.a%b") == "train.learners.mine.learners:Own.fixed.a_b"


class FakeClient:
    """As much of an MlflowClient as finding, discarding and tagging need; remembers what was done, in order."""

    def __init__(self, runs: list[SimpleNamespace] | None = None, nested: list[SimpleNamespace] | None = None) -> None:
        self.runs, self.nested = runs or [], nested or []
        self.done: list[str] = []

    def search_runs(self, experiments: list[str], query: str) -> list[SimpleNamespace]:
        return self.nested if "parentRunId" in query else self.runs

    def search_logged_models(self, experiments: list[str], filter_string: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(model_id=f"model of {filter_string}")]

    def delete_logged_model(self, name: str) -> None:
        self.done.append(name)

    def delete_run(self, name: str) -> None:
        self.done.append(name)

    def set_tag(self, run: str, key: str, value: str) -> None:
        self.done.append(f"{key}={value}")


def run_of(name: str, start: int = 0, **tags: str) -> SimpleNamespace:
    return SimpleNamespace(info=SimpleNamespace(run_id=name, start_time=start), data=SimpleNamespace(tags=tags))


def test_of_two_runs_that_were_logged_at_the_same_moment_the_first_stays() -> None:
    client = FakeClient(runs=[run_of("late", 2), run_of("early", 1)], nested=[run_of("learner")])

    assert find(client, "1", "abc").info.run_id == "early"
    # the run itself goes last: a discard that is interrupted can go on
    assert client.done == ["model of source_run_id = 'late'", "learner", "late"]


def test_a_result_that_is_not_there_is_not_found() -> None:
    assert find(FakeClient(), "1", "abc") is None


@pytest.mark.parametrize(
    ("tags", "commit", "named"),
    [
        ({"weighlock.commit": "a", "weighlock.dirty": "true"}, Commit("b", dirty=False), Commit("b", dirty=False)),
        ({"weighlock.commit": "a", "weighlock.dirty": "true"}, Commit("a", dirty=True), Commit("a", dirty=True)),
        ({"weighlock.commit": "a", "weighlock.dirty": "false"}, Commit("b", dirty=False), Commit("a", dirty=False)),
        ({"weighlock.commit": "a", "weighlock.dirty": "true"}, None, Commit("a", dirty=True)),
        ({}, Commit("b", dirty=False), Commit("b", dirty=False)),
        ({}, None, None),
    ],
)
def test_a_run_is_told_its_commit_once_there_is_a_clean_one(tags: dict, commit: Commit, named: Commit) -> None:
    client = FakeClient()

    assert settle(client, run_of("x", **tags), commit) == named
    assert bool(client.done) == (named is not None and named.id != tags.get("weighlock.commit"))


def test_a_deleted_experiment_is_not_written_to() -> None:
    deleted = SimpleNamespace(lifecycle_stage="deleted", experiment_id="4")
    client = SimpleNamespace(get_experiment_by_name=lambda _: deleted)

    with pytest.raises(TrackingError, match=r"mlflow experiments restore -x 4.*MLFLOW_EXPERIMENT_NAME"):
        ensure_experiment(client, "late")


@pytest.mark.parametrize(
    ("commit", "shown", "said"),
    [
        (Commit("a" * 40, dirty=True), "sqlite:///mlflow.db", ["commit aaaaaaa with changes", "`make mlflow`"]),
        (None, "http://***@team:5000/", ["no commit", "http://team:5000/#/experiments/1/runs/r"]),
    ],
)
def test_what_was_logged_is_said_in_two_lines(
    project: Path, commit: Commit | None, shown: str, said: list[str]
) -> None:
    text = describe(Tracked(read_result(), True, "r", commit, "broke", "1", shown))

    first, second = text.splitlines()
    assert first.startswith("logged  broke: linear, log_loss 0.25000 (baseline 0.50000), 1 learner(s)")
    assert said[0] in first
    assert said[1] in second


def test_tags_name_what_a_run_is_made_of(project: Path) -> None:
    result = read_result()

    tags = tags_of(result, Commit("c", dirty=False))

    assert tags["weighlock.result"] == result.identity
    assert tags["weighlock.weighed"] == result.weighed.digest
    assert tags["weighlock.served"] == result.served.digest
    assert tags["weighlock.data"] == result.data
    assert (tags["weighlock.commit"], tags["weighlock.dirty"]) == ("c", "false")


@pytest.mark.processes
def test_without_a_result_mlflow_is_not_even_loaded(tmp_path: Path) -> None:
    script = "import sys; from weighlock.cli import main; code = main(['track']); print(code, 'mlflow' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout == "2 False\n"
    assert "Run `dvc repro` first." in done.stderr
    assert list(tmp_path.iterdir()) == []


class Registry:
    """As much of MLflow's client as a projection takes, which remembers what was changed."""

    def __init__(self) -> None:
        self.versions: list[SimpleNamespace] = []
        self.aliases: dict[str, str] = {}
        self.logged: dict[str, str] = {}
        self.calls: list[str] = []

    def create_registered_model(self, name: str, description: str) -> None:
        self.name = name

    def search_model_versions(self, asked: str) -> list[SimpleNamespace]:
        assert asked == f"name = '{self.name}'"
        return list(reversed(self.versions))

    def search_experiments(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(experiment_id="1")]

    def search_logged_models(self, experiments: list[str], filter_string: str) -> list[SimpleNamespace]:
        digest = filter_string.split("'")[1]
        return [
            SimpleNamespace(creation_timestamp=1, model_id=model, status="READY", name="served")
            for model, held in self.logged.items()
            if held == digest
        ]

    def create_model_version(self, name: str, source: str, tags: dict[str, str], model_id: str) -> None:
        self.calls.append(f"create {tags['weighlock.version']}")
        self.versions.append(SimpleNamespace(version=str(len(self.versions) + 1), tags=dict(tags), source=source))

    def delete_model_version(self, name: str, version: str) -> None:
        self.versions = [v for v in self.versions if v.version != version]

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.calls.append(f"tag {version} {key}")
        next(v for v in self.versions if v.version == version).tags[key] = value

    def get_registered_model(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(aliases=dict(self.aliases))

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.calls.append(f"alias {alias} {version}")
        self.aliases[alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self.calls.append(f"no {alias}")
        del self.aliases[alias]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry in which both releases' models have been logged."""
    from contextlib import nullcontext

    found = Registry()
    found.logged = {"m-1": f"sha256:{'b' * 64}"}
    monkeypatch.setattr("weighlock.tracking.registry.connected", lambda uri: nullcontext(found))
    return found


def released(root: Path, release: Release) -> None:
    (root / "releases").mkdir(exist_ok=True)
    (root / f"releases/{release.version}.yaml").write_text(format_release(release))


@pytest.mark.processes
def test_releases_are_projected_once(registry: Registry, release_of: Callable[..., Release], tmp_path: Path) -> None:
    released(tmp_path, release_of("v1"))
    released(tmp_path, release_of("v2"))

    first = project_releases(tmp_path, {"champion": "v1", "candidate": None}, {})
    again = project_releases(tmp_path, {"champion": "v1", "candidate": None}, {})

    assert first.new == ("v1", "v2")
    assert (again.new, again.aliases) == ((), (("champion", "v1"),))
    assert registry.calls == ["create v1", "create v2", "alias champion 1"]
    assert [v.tags["weighlock.version"] for v in registry.versions] == ["v1", "v2"]
    assert registry.versions[0].tags["weighlock.commit"] == "c" * 40
    assert registry.versions[0].source == "models:/m-1"
    assert told(first) == "registry  flights: v1, v2 new, champion is v1"


def test_what_was_edited_there_is_corrected_and_aliases_follow_git(
    registry: Registry, release_of: Callable[..., Release], tmp_path: Path
) -> None:
    released(tmp_path, release_of("v1"))
    released(tmp_path, release_of("v2"))
    project_releases(tmp_path, {"champion": "v1", "candidate": "v2"}, {})
    registry.versions[0].tags["weighlock.verdict"] = "edited"
    registry.aliases["champion"] = "2"
    registry.versions.append(SimpleNamespace(version="3", tags=dict(registry.versions[1].tags), source=""))
    registry.calls.clear()

    projected = project_releases(tmp_path, {"champion": "v1", "candidate": None}, {})

    assert registry.calls == ["tag 1 weighlock.verdict", "alias champion 1", "no candidate"]
    assert registry.aliases == {"champion": "1"}
    assert [v.version for v in registry.versions] == ["1", "2"]
    assert told(projected) == "registry  flights: nothing new, champion is v1"


def test_a_release_whose_model_is_nowhere_is_said_to_be(
    registry: Registry, release_of: Callable[..., Release], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(tmp_path, release_of("v1"))
    registry.logged.clear()

    def nowhere(release: Release, root: Path, *, rebuild: bool) -> None:
        assert not rebuild
        raise EvidenceError("the model of `v1` is nowhere\n  - here")

    monkeypatch.setattr("weighlock.tracking.registry.obtain", nowhere)
    projected = project_releases(tmp_path, {"champion": "v1"}, {})

    assert projected.missing == (("v1", "the model of `v1` is nowhere"),)
    assert projected.aliases == ()
    assert told(projected).endswith("\n  not v1: the model of `v1` is nowhere")


def test_without_a_release_nothing_is_asked(tmp_path: Path) -> None:
    assert project_releases(tmp_path, {}, {}).name is None
