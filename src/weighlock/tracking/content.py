"""What a run holds: params, metrics, artifacts, a nested run for each learner, and the two ONNX models."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.layout import MODEL, SERVED, WEIGHED
from weighlock.libraries import installed_version
from weighlock.tracking.result import ARTIFACTS, Result, Searched, flatten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighlock.scoring import Signature

PARENT = "mlflow.parentRunId"
BATCH = 100  # what MLflow takes in one request
MAX_VALUE = 6000  # of a param, in characters; the whole is in the artifact `params.yaml`


def fill(client: Any, experiment_id: str, run_id: str, result: Result) -> None:
    """Log all that belongs to the run `run_id`, which has its tags."""
    import mlflow

    _log_params(client, run_id, result.params)
    for learner in result.learners:
        _log_learner(client, experiment_id, run_id, result, learner)
    for artifact in map(Path, ARTIFACTS):
        folder = artifact if artifact.is_dir() else artifact.parent
        send = client.log_artifacts if artifact.is_dir() else client.log_artifact
        send(run_id, str(artifact), None if folder == Path() else folder.as_posix())
    with mlflow.start_run(run_id=run_id):
        # MLflow gives a model the metrics that its run has by then, and these are the weighed model's alone.
        log_model("served", Path(SERVED, MODEL), result.served)
        _log_metrics(client, run_id, result.metrics)
        log_model("weighed", Path(WEIGHED, MODEL), result.weighed)


def tensors(signature: Signature) -> list[tuple[str, str]]:
    """The name and NumPy type of each input of the ONNX file; all are (rows, 1)."""
    return [(f.name, "object" if f.type == "category" else "float32") for f in signature.features]


def as_text(value: Any) -> str:
    """A param's value as MLflow holds it: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"


def as_key(name: str) -> str:
    """A key that MLflow takes: letters, digits, and `/_.- :`."""
    return re.sub(r"[^/\w.\- :]", "_", name)


def _log_params(client: Any, run_id: str, params: dict[str, Any]) -> None:
    from mlflow.entities import Param

    entries = [Param(as_key(k), as_text(v)) for k, v in params.items()]
    for batch in _batches(entries):
        client.log_batch(run_id, params=batch)


def _log_metrics(client: Any, run_id: str, metrics: dict[str, float]) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for batch in _batches([Metric(as_key(k), v, now, 0) for k, v in metrics.items()]):
        client.log_batch(run_id, metrics=batch)


def _log_learner(client: Any, experiment_id: str, parent: str, result: Result, learner: Searched) -> None:
    from mlflow.entities import Metric

    tags = {
        PARENT: parent,
        "weighlock.learner": learner.name,
        "weighlock.chosen": "true" if learner.name == result.chosen else "false",
    }
    run_id = str(client.create_run(experiment_id, tags=tags, run_name=learner.name).info.run_id)
    _log_params(client, run_id, flatten(learner.settings))
    _log_metrics(client, run_id, {f"validation.{result.metric}": learner.validation})
    now = int(time.time() * 1000)
    steps = [Metric(f"search.{result.metric}", score, now, step) for step, score in enumerate(learner.trials, 1)]
    for batch in _batches(steps):
        client.log_batch(run_id, metrics=batch)
    client.set_terminated(run_id)


def log_model(name: str, file: Path, signature: Signature) -> None:
    """Log an ONNX file, byte for byte, to the active run."""
    import mlflow.onnx
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    model = onnx.load_model_from_string(file.read_bytes())
    inputs = [TensorSpec(np.dtype(kind), (-1, 1), feature) for feature, kind in tensors(signature)]
    width = len(signature.classes) if signature.classes else 1
    outputs = [TensorSpec(np.dtype("float32"), (-1, width), model.graph.output[0].name)]
    mlflow.onnx.log_model(
        model,
        name=name,
        signature=ModelSignature(Schema(inputs), Schema(outputs)),
        # named, so that MLflow does not load the model in a new environment to find them out
        pip_requirements=[f"{library}=={installed_version(library)}" for library in ("onnx", "onnxruntime")],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,  # one file, the one whose digest is known
        tags={"weighlock.digest": signature.digest},
    )


def _batches(entries: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]
