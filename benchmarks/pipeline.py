"""The pipeline's figures, on the real flights: two fresh clones, one process beside it, and the scorer."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.figures import Figure, command, ratio, report, seconds
from weighlock.cli.stage import STAGES

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Measure everything and report; some seven minutes."""
    if sys.argv[1:] == ["one-process"]:
        one_process()
        return 0
    with tempfile.TemporaryDirectory() as folder:
        first, second, third = (clone(Path(folder) / name) for name in ("first", "second", "third"))
        with peak_memory() as peak:
            repro = timed(["dvc", "repro"], first)
        script = timed([sys.executable, "-m", "benchmarks.pipeline", "one-process"], third)
        timed(["dvc", "repro"], second)
        same = subprocess.run(
            ["weighlock", "compare", str(first), str(second)], capture_output=True, text=True, check=False
        ).stdout
        env = environment(first)
        idle = ratio(command("dvc", "repro", cwd=first, env=env), command("dvc", "status", cwd=first, env=env), times=7)
        starting = seconds(command("weighlock", "--help", cwd=first, env=env), times=11)
        figures = [
            Figure("two fresh clones", "identical", same.split(":")[0], 0.0, same.startswith("identical")),
            Figure("`dvc repro`, empty cache", "≤ 150 s", f"{repro:.0f} s", repro, repro <= 150),
            Figure("… its memory", "< 2 GB", f"{peak[0] / 1e9:.2f} GB", peak[0] / 1e9, peak[0] < 2e9),
            Figure(
                "… against one process", "≤ 1.35 ×", f"{repro / script:.2f} × of {script:.0f} s", repro / script,
                repro / script <= 1.35,
            ),
            Figure("`weighlock --help`", "< 0.3 s", f"{starting:.3f} s", starting, starting < 0.3),
            Figure("`dvc repro`, nothing changed, against `dvc status`", "≤ 1.5 ×", f"{idle:.2f} ×", idle, idle <= 1.5),
            *scorer(first),
        ]  # fmt: skip
    return report("pipeline", figures)


def one_process() -> None:
    """The same computations in one process: what the stages cost beyond this is start-up and DVC."""
    for name in STAGES:
        importlib.import_module(f"weighlock.stages.{name}").run()


def scorer(project: Path) -> list[Figure]:
    """The ONNX scorer beside the scikit-learn pipeline that it was made from."""
    import pandas as pd

    from weighlock.files import read_json
    from weighlock.layout import METRICS, PART_FILES, RECIPE, WEIGHED
    from weighlock.learners.recipe import Recipe, matrix
    from weighlock.schema import read_schema
    from weighlock.scoring import RESULT_THREADS, Scorer

    schema = read_schema(project / "schema.yaml")
    parts = {name: pd.read_parquet(project / file) for name, file in PART_FILES.items()}
    recipe = Recipe.from_json(read_json(project / WEIGHED / RECIPE, "dvc repro"))
    pipeline = recipe.fit(pd.concat([parts["train"], parts["validation"]], ignore_index=True), schema).pipeline
    rows = pd.concat([parts["holdout"], parts["validation"]], ignore_index=True).head(27_000)
    X, row = matrix(rows, schema), rows[list(schema.features)].iloc[0].to_dict()
    one = Scorer.load(project / WEIGHED)
    many = Scorer.load(project / WEIGHED, threads=RESULT_THREADS)
    single = (
        1 / ratio(lambda: [one.score_row(row) for _ in range(50)], lambda: pipeline.predict_proba(X.head(1)), 41) * 50
    )
    taken = seconds(lambda: one.score_row(row), 1001)
    batch = ratio(lambda: pipeline.predict_proba(X), lambda: many.score(rows), 15)
    metrics = read_json(project / METRICS, "dvc repro")
    better = metrics["baseline"]["log_loss"] - metrics["model"]["log_loss"]
    return [
        Figure(
            "one row, ONNX against scikit-learn",
            "≥ 50 ×",
            f"{single:.0f} × ({taken * 1e6:.0f} µs)",
            single,
            single >= 50,
        ),
        Figure("27,000 rows, ONNX against scikit-learn", "≥ 1.3 ×", f"{batch:.2f} ×", batch, batch >= 1.3),
        Figure("log loss on the holdout, model below baseline", "> 0", f"{better:.4f}", better, better > 0),
    ]


def clone(path: Path) -> Path:
    """A fresh clone of what is committed."""
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(path)], check=True)
    return path


def environment(project: Path) -> dict[str, str]:
    """This environment, running the clone's own code."""
    return {**os.environ, "PYTHONPATH": f"{project / 'src'}:{project}", "PYTHONDONTWRITEBYTECODE": ""}


def timed(words: list[str], project: Path) -> float:
    """Run a command in a clone; the seconds it took."""
    begun = time.perf_counter()
    subprocess.run(words, cwd=project, env=environment(project), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The largest sum of resident memory of all child processes meanwhile, in bytes, as the one item of a list."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    raise SystemExit(main())
