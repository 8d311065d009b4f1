"""What an MLflow holds, read through its own client, and what must hold of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

if TYPE_CHECKING:
    from conftest import Project

FEATURES = {"heat": "float32", "load": "float32", "doors": "float32", "colour": "object"}
SAME = (
    "params.yaml", "schema.yaml", "reports/metrics.json", "reports/slices.json", "reports/search.json",
    "reports/validation.html", "reports/plots/scores.csv", "models/served/golden.json",
)  # fmt: skip


class Tracked:
    """One experiment of one MLflow.

    Attributes:
        runs: those of results; `complete` of them are whole.
        nested: those of learners, by name.
        models: by name.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        import mlflow

        mlflow.set_tracking_uri(uri)  # `models:/…` is looked up there alone
        self.client = mlflow.MlflowClient(uri)
        found = self.client.get_experiment_by_name(experiment)
        assert found, f"no experiment {experiment}"
        self.id = found.experiment_id
        every = self.client.search_runs([self.id])
        nested = [run for run in every if "mlflow.parentRunId" in run.data.tags]
        self.runs = [run for run in every if run not in nested]
        self.complete = [run for run in self.runs if run.data.tags.get("weighlock.complete") == "true"]
        self.nested = {run.data.tags["weighlock.learner"]: run for run in nested}
        self.count = len(every)
        models = self.client.search_logged_models([self.id])
        self.models, self.model_count = {model.name: model for model in models}, len(models)

    def download(self, uri: str, folder: Path) -> Path:
        import mlflow

        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder))


def check(tracked: Tracked, project: Project, downloads: Path) -> None:
    """The one result that is tracked is the one of the project's files."""
    (run,) = tracked.complete
    files = project.path
    metrics, search = (json.loads((files / f"reports/{name}.json").read_text()) for name in ("metrics", "search"))
    wanted = {f"{who}.{k}": v for who in ("model", "baseline") for k, v in metrics[who].items()}
    assert {k: v for k, v in run.data.metrics.items() if "." in k} == pytest.approx(wanted)
    assert run.data.metrics["rows"] == metrics["rows"]
    assert run.data.params["train.seed"] == "7"
    assert run.data.params["train.learners.lightgbm.space.num_leaves.high"] == "8"
    assert run.data.params["evaluate.slices"] == '["colour"]'
    assert run.info.status == "FINISHED"
    tags, head = run.data.tags, project.run("git", "rev-parse", "HEAD").stdout.strip()
    assert (tags["weighlock.commit"], tags["weighlock.dirty"]) == (head, "false")
    assert tags["weighlock.data"].startswith("sha256:")
    _check_learners(tracked, search, run.info.run_id)
    logged = tracked.download(f"runs:/{run.info.run_id}/", downloads / "run")
    for name in SAME:
        assert (logged / name).read_bytes() == (files / name).read_bytes(), name
    for name in ("weighed", "served"):
        signature = json.loads((files / f"models/{name}/signature.json").read_text())
        assert tags[f"weighlock.{name}"] == signature["digest"]
        _check_model(tracked, name, signature, downloads / name)
    primary = f"model.{search['metric']}"
    assert {m.key: m.value for m in tracked.models["weighed"].metrics}[primary] == pytest.approx(wanted[primary])
    assert not tracked.models["served"].metrics  # it was trained on the holdout, too
    assert not list(downloads.rglob("*.pkl"))
    _check_scores(downloads / "served", files)


def _check_learners(tracked: Tracked, search: dict[str, Any], parent: str) -> None:
    assert tracked.nested.keys() == search["learners"].keys() == {"linear", "lightgbm"}
    metric = search["metric"]
    for name, learner in search["learners"].items():
        run = tracked.nested[name]
        assert run.data.tags["mlflow.parentRunId"] == parent
        assert run.data.tags["weighlock.chosen"] == ("true" if name == search["chosen"] else "false")
        assert run.data.params == {k: str(v) for k, v in learner["settings"].items()}
        assert run.data.metrics[f"validation.{metric}"] == pytest.approx(learner["validation"])
        history = tracked.client.get_metric_history(run.info.run_id, f"search.{metric}")
        trials = {m.step: m.value for m in history}
        assert trials == pytest.approx({i: trial[metric] for i, trial in enumerate(learner["trials"], 1)})


def _check_model(tracked: Tracked, name: str, signature: dict[str, Any], folder: Path) -> None:
    from mlflow.models import Model

    model = tracked.models[name]
    downloaded = tracked.download(f"models:/{model.model_id}", folder)
    digest = hashlib.sha256((downloaded / "model.onnx").read_bytes()).hexdigest()
    assert f"sha256:{digest}" == signature["digest"] == model.tags["weighlock.digest"]
    logged = Model.load(str(downloaded))
    inputs = {i.name: (str(i.type), i.shape) for i in logged.signature.inputs.inputs}
    assert inputs == {feature: (kind, (-1, 1)) for feature, kind in FEATURES.items()}
    (output,) = logged.signature.outputs.inputs
    assert output.shape == (-1, len(signature["classes"] or ["value"]))
    assert logged.flavors["python_function"]["loader_module"] == "mlflow.onnx"


def _check_scores(model: Path, files: Path) -> None:
    """MLflow's own generic loader, given the logged signature, scores as ours does."""
    import mlflow

    golden = json.loads((files / "models/served/golden.json").read_text())
    (scores,) = mlflow.pyfunc.load_model(str(model)).predict(pd.DataFrame(golden["rows"])).values()
    wanted = np.array(golden["scores"])
    np.testing.assert_allclose(scores if wanted.ndim == 2 else scores[:, -1], wanted, atol=1e-5)
