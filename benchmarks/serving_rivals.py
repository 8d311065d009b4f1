"""The same ONNX file behind other servers, each as its own documentation shows it: what the service is held against.

Each gets one worker, one onnxruntime thread, and what makes it quick: no access log, uvloop and httptools where it can
take them, a coroutine instead of a thread. None of them checks a range or a category, asks for a key, logs or counts.
"""

from __future__ import annotations

import os
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
    """The ONNX file as MLflow keeps one; what it would need elsewhere is not looked up."""
    import mlflow.onnx
    import onnx

    mlflow.onnx.save_model(
        onnx.load(folder / "model.onnx"),
        str(target),
        pip_requirements=["onnxruntime"],
        onnx_session_options={"intra_op_num_threads": 1},
    )
