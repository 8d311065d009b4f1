"""The same ONNX file behind other servers, each as its own documentation shows it: what the service is held against.

Each gets one worker, one onnxruntime thread, and what makes it quick: no access log, uvloop and httptools where it can
take them, a coroutine instead of a thread. None of them checks a range or a category, asks for a key, logs or counts.
"""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from weighlock.scoring import Signature, read_signature

if TYPE_CHECKING:
    from fastapi import FastAPI
    from numpy.typing import NDArray

MODEL = "BENCHMARK_MODEL"  # the environment's name of the model's folder
_PYTHON: dict[str, type] = {"number": float, "integer": float, "boolean": bool, "category": str}


class Plain:
    """The model as anybody would wrap it."""

    def __init__(self, folder: Path) -> None:
        self.signature: Signature = read_signature(folder / "signature.json")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        self.output = [self.session.get_outputs()[0].name]

    def feeds(self, rows: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
        """What onnxruntime takes."""
        made: dict[str, NDArray[Any]] = {}
        for feature in self.signature.features:
            column = [row[feature.name] for row in rows]
            if feature.type == "category":
                made[feature.name] = np.array([text or "" for text in column], dtype=object)[:, None]
            else:
                made[feature.name] = np.array(column, dtype=np.float32)[:, None]
        return made

    def score(self, rows: list[dict[str, Any]]) -> list[float]:
        """The last class's scores."""
        scores: NDArray[np.float32] = self.session.run(self.output, self.feeds(rows))[0]
        found: list[float] = scores[:, -1].tolist()
        return found

    def row_type(self) -> Any:
        """A pydantic model of a row."""
        from pydantic import create_model

        fields: dict[str, Any] = {
            f.name: (_PYTHON[f.type] | None, None) if f.nullable else (_PYTHON[f.type], ...)
            for f in self.signature.features
        }
        return create_model("Row", **fields)


def fastapi_app() -> FastAPI:
    """FastAPI and pydantic; for `uvicorn --factory`."""
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    plain = Plain(Path(os.environ[MODEL]))
    rows: Any = list[plain.row_type()]  # type: ignore[misc]
    request: Any = create_model("Request", rows=(rows, ...))

    class Answer(BaseModel):
        scores: list[float]

    async def predict(body: Any) -> Answer:
        return Answer(scores=plain.score([row.__dict__ for row in body.rows]))

    predict.__annotations__ = {"body": request, "return": Answer}
    app = FastAPI()
    app.post("/predict")(predict)
    return app


def save_for_mlflow(folder: Path, target: Path) -> None:
    """The model for MLflow in two ways: `pandas`, as its documentation shows it for tables, and `tensors`.

    Its own ONNX flavour feeds columns of a DataFrame as shape (n,), and a model whose inputs are (n, 1) does not take
    these: that one is served as tensors, without pandas. What either would need elsewhere is not looked up.
    """
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    import mlflow.onnx
    import mlflow.pyfunc
    import onnx

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # advice for a model that is to last
    warnings.simplefilter("ignore", UserWarning)

    class Pandas(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def load_context(self, context: Any) -> None:
            self.plain = Plain(Path(context.artifacts["model"]))

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
            return self.plain.score(model_input.to_dict("records"))

    needs = ["onnxruntime"]
    mlflow.pyfunc.save_model(
        str(target / "pandas"), python_model=Pandas(), artifacts={"model": str(folder)}, pip_requirements=needs
    )
    mlflow.onnx.save_model(
        onnx.load(folder / "model.onnx"),
        str(target / "tensors"),
        pip_requirements=needs,
        onnx_session_options={"intra_op_num_threads": 1},
    )
