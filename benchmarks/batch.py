"""Batch's figures: `weighlock score` beside the model alone and beside MLflow's pyfunc, and its memory.

`python -m benchmarks.batch` takes two minutes; with `--full`, twenty million rows in place of two, some ten.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, ratio, report
from benchmarks.pipeline import peak_memory
from weighlock.layout import PART_FILES, RECIPE, SERVED, VALID, WEIGHED

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
ROWS = 1 << 20
PYFUNC_ROWS = 1 << 18
MANY, ALL = 2_000_000, 20_000_000


def main() -> int:
    """Measure and report."""
    many = ALL if "--full" in sys.argv[1:] else MANY
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return report("batch", [*against_the_model(folder), *against_mlflow(folder), *memory(folder, many)])


def rows_file(folder: Path, rows: int) -> Path:
    """A Parquet file of this many flights: the tree's, over and over."""
    import pyarrow.parquet as pq

    path = folder / f"{rows}.parquet"
    table = pq.read_table(VALID)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for start in range(0, rows, table.num_rows):
            writer.write_table(table.slice(0, min(table.num_rows, rows - start)))
    return path


def score(path: Path, folder: Path) -> Callable[[], object]:
    """What `weighlock score` does once it is loaded: read, check, score, write."""
    from weighlock.batch.job import Request, prepare

    out = folder / "scored"

    def run() -> None:
        shutil.rmtree(out, ignore_errors=True)
        prepare(Request(str(path), str(out)), ROOT, lambda *_: None).run()

    return run


def against_the_model(folder: Path) -> list[Figure]:
    """Sessions on rows that are in memory as they take them, and nothing else.

    One is on all cores, whose threads share each call. Then there is one call on each core, which is quicker
    with these trees, and how the command itself does it.
    """
    import pyarrow.parquet as pq

    from weighlock.batch.feeds import make_feeds
    from weighlock.batch.inputs import BATCH
    from weighlock.batch.scorer import BatchScorer
    from weighlock.scoring import RESULT_THREADS

    path = rows_file(folder, ROWS)
    together, alone = (BatchScorer.open(ROOT / SERVED, threads) for threads in (RESULT_THREADS, 1))
    names = [f.name for f in alone.signature.features]
    feeds = [make_feeds(b, alone.signature) for b in pq.ParquetFile(path).iter_batches(BATCH, columns=names)]
    ours = score(path, folder)
    with ThreadPoolExecutor(RESULT_THREADS) as pool:
        shared = ratio(lambda: [together.score_feeds(f) for f in feeds], ours, times=7)
        apart = ratio(lambda: list(pool.map(alone.score_feeds, feeds)), ours, times=7)
    return [
        Figure(
            "`weighlock score`, its rows/s of onnxruntime's alone", "≥ 80 %", f"{shared:.0%}", shared, shared >= 0.8
        ),
        Figure("… of those of a session for each core", "", f"{apart:.0%}", apart, True),
    ]


def against_mlflow(folder: Path) -> list[Figure]:
    """A pyfunc that reads, predicts and writes with pandas: of the pipeline that MLflow logs, and of the ONNX file."""
    import pandas as pd

    path = rows_file(folder, PYFUNC_ROWS)
    ours = score(path, folder)
    figures = []
    for name, model in (("scikit-learn pipeline", pipeline(folder)), ("ONNX file", onnx_file(folder))):

        def theirs(model: Any = model) -> None:
            frame = pd.read_parquet(path)
            scores = model.predict(frame[model.names])
            frame[["flight_id"]].assign(score=scores).to_parquet(folder / "theirs.parquet")

        times = ratio(theirs, ours, times=5)
        asked = name == "scikit-learn pipeline"
        figures.append(
            Figure(
                f"`weighlock score` against MLflow's pyfunc on pandas, of the {name}", "≥ 5 ×" if asked else "",
                f"{times:.1f} ×", times, times >= 5 or not asked,
            )
        )  # fmt: skip
    return figures


class Pyfunc:
    """A loaded pyfunc, and the columns that it takes."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        import mlflow

        self._model = mlflow.pyfunc.load_model(str(folder))
        self.names = names

    def predict(self, frame: Any) -> Any:
        """Scores of the positive class."""
        scores = self._model.predict(frame)
        return scores[:, -1] if scores.ndim == 2 else scores


def pipeline(folder: Path) -> Pyfunc:
    """The scikit-learn pipeline that the weighed model was exported from."""
    import mlflow
    import pandas as pd

    from weighlock.files import read_json
    from weighlock.learners.recipe import Recipe
    from weighlock.schema import read_schema

    schema = read_schema()
    recipe = Recipe.from_json(read_json(ROOT / WEIGHED / RECIPE, "dvc repro"))
    parts = [pd.read_parquet(PART_FILES[part]) for part in ("train", "validation")]
    fitted = recipe.fit(pd.concat(parts, ignore_index=True), schema).pipeline
    mlflow.sklearn.save_model(
        fitted, str(folder / "sklearn"), pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )
    return Pyfunc(folder / "sklearn", list(schema.features))


def onnx_file(folder: Path) -> Pyfunc:
    """The ONNX file in a pyfunc of one's own: MLflow's for ONNX gives a column of a frame as (n,), not (n, 1)."""
    import mlflow

    from weighlock.schema import read_schema

    code = folder / "wrapped.py"
    code.write_text(_WRAPPED, encoding="utf-8")
    mlflow.pyfunc.save_model(
        str(folder / "onnx"), python_model=str(code), artifacts={"model": str(ROOT / SERVED / "model.onnx")}
    )
    return Pyfunc(folder / "onnx", list(read_schema().features))


_WRAPPED = """
import mlflow
import numpy as np
import onnxruntime


class Wrapped(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.session = onnxruntime.InferenceSession(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        feeds = {}
        for item in self.session.get_inputs():
            column = model_input[item.name]
            text = item.type == "tensor(string)"
            values = column.fillna("").to_numpy(dtype=object) if text else column.to_numpy(dtype=np.float32)
            feeds[item.name] = values.reshape(-1, 1)
        return self.session.run(None, feeds)[0]


mlflow.models.set_model(Wrapped())
"""


def memory(folder: Path, rows: int) -> list[Figure]:
    """The largest resident size of a whole run of the command, and how fast it was."""
    path = rows_file(folder, rows)
    begun = time.perf_counter()
    with peak_memory() as found:
        subprocess.run(
            ["weighlock", "score", str(path), str(folder / "many")], cwd=ROOT, check=True, capture_output=True
        )
    taken, peak = time.perf_counter() - begun, found[0]
    return [
        Figure(f"memory for {rows:,} rows", "< 1 GB", f"{peak / 1e9:.2f} GB", peak / 1e9, peak < 1e9),
        Figure("… and their rows/s, start-up included", "", f"{rows / taken:,.0f}", rows / taken, True),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
