"""Trainings of a replay: the stages themselves, each window in a folder of its own, kept for every later replay.

A training is named by its window's end, its holdout and a digest of all that it hangs on, so that policies share it and
a run that was killed goes on with those that are complete.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import yaml

from weighlock.errors import ModelError, WeighlockError
from weighlock.files import read_json, to_json, write_text
from weighlock.layout import RAW, RECIPE, WEIGHED
from weighlock.params import Window, read_params
from weighlock.schema import read_schema
from weighlock.stages import ingest
from weighlock.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Iterator

STAGES = ("validate", "split", "train", "evaluate", "refit")  # ingest's part is done once for all of them
DONE = "training.json"  # written last
# what a trained model hangs on: of the package's code the parts that stages import
CODE = (
    "stages", "learners", "scoring", "statistics/metrics.py", "monitoring/profile.py", "categories.py", "conform.py",
    "params.py", "schema.py", "tables.py", "times.py",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A training: all rows up to a day, the newest of them as the holdout.

    Attributes:
        like: learner and hyperparameters are those of the training up to this day; None: they are searched.
    """

    end: dt.date
    holdout: str
    like: dt.date | None = None


@dataclass(frozen=True)
class Training:
    """A finished one.

    Attributes:
        wanted: what was asked for.
        folder: with `models/`, `reports/` and `data/split/` as the pipeline leaves them.
        seconds: that it took.
        refused: why a stage refused; then there are no models.
    """

    wanted: Wanted
    folder: Path
    seconds: float
    refused: str | None = None


@dataclass(frozen=True)
class Bench:
    """Where trainings are made and kept.

    Attributes:
        root: of the repository.
        cache: the folder that keeps them.
        rows: all rows of the source up to the replay's last day, with their key and time as ingest gives them.
        days: (n,) the local day of each row.
        digest: of all that trainings hang on but their rows, window and holdout.
        min_ranks: `refit.min_rank_correlation` of the replay.
        holdout: of the training whose recipe others carry over.
    """

    root: Path
    cache: Path
    rows: pd.DataFrame
    days: pd.Series
    digest: str
    min_ranks: float
    holdout: str
    _names: dict[Wanted, Path] = field(default_factory=dict)

    def folder(self, wanted: Wanted) -> Path:
        """Where a training is kept."""
        if wanted not in self._names:
            known = self.rows[self.days <= pd.Timestamp(wanted.end)]
            content = hashlib.sha256(self.digest.encode())
            content.update(pd.util.hash_pandas_object(known, index=False).to_numpy().tobytes())
            like = f"-like-{wanted.like}" if wanted.like else ""
            name = f"{wanted.end}-{wanted.holdout}{like}-{content.hexdigest()[:10]}"
            self._names[wanted] = self.cache / "trainings" / name
        return self._names[wanted]

    def find(self, wanted: Wanted) -> Training | None:
        """The training, if it is complete."""
        folder = self.folder(wanted)
        if not (folder / DONE).is_file():
            return None
        content = read_json(folder / DONE, "weighlock replay")
        return Training(wanted, folder, content["seconds"], content["refused"])

    def make(self, wanted: Sequence[Wanted], jobs: int, say: Any) -> dict[Wanted, Training]:
        """Those trainings, each made where it is not kept already; several at a time."""
        found = {one: self.find(one) for one in wanted}
        missing = [one for one, training in found.items() if training is None]
        if len(missing) == 1 or jobs == 1:
            for one in missing:
                self._train(one, say)
        elif missing:
            import multiprocessing

            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(min(jobs, len(missing)), mp_context=context, initializer=_alone) as pool:
                futures = {pool.submit(run_stages, self.prepare(one), self.root): one for one in missing}
                for future in as_completed(futures):
                    self._keep(futures[future], *future.result(), say)
        return {one: training or self._require(one) for one, training in found.items()}

    def prepare(self, wanted: Wanted) -> Path:
        """A folder with the window's rows, `params.yaml` and `schema.yaml`, ready for the stages."""
        folder = self.folder(wanted).with_suffix(".part")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / RAW).mkdir(parents=True)
        content = yaml.safe_load((self.root / "params.yaml").read_text(encoding="utf-8"))
        content["data"]["window"]["end"] = wanted.end.isoformat()
        content["split"]["holdout"] = wanted.holdout
        content["refit"] = {"when": "always", **_refit(content["refit"]), "min_rank_correlation": self.min_ranks}
        if wanted.like is not None:
            content["train"]["learners"] = self._recipe(Wanted(wanted.like, self.holdout))
        (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        shutil.copyfile(self.root / "schema.yaml", folder / "schema.yaml")
        params, schema = read_params(folder / "params.yaml"), read_schema(folder / "schema.yaml")
        months = ingest.partition(self.rows.copy(deep=False), params.data, time=schema.time, key=schema.key)
        for name, frame in months.items():
            write_table(frame, folder / RAW / f"{name}.parquet")
        return folder

    def _recipe(self, wanted: Wanted) -> dict[str, Any]:
        """`train.learners` of one trial, that training's."""
        found = read_json(self.folder(wanted) / WEIGHED / RECIPE, "weighlock replay")
        return {found["learner"]: {"trials": 1, "fixed": found["settings"]}}

    def _train(self, wanted: Wanted, say: Any) -> None:
        self._keep(wanted, *run_stages(self.prepare(wanted), self.root), say)

    def _keep(self, wanted: Wanted, seconds: float, refused: str | None, say: Any) -> None:
        folder = self.folder(wanted)
        part = folder.with_suffix(".part")
        shutil.rmtree(part / RAW)  # can be had again from the source
        (part / "data/valid.parquet").unlink(missing_ok=True)
        write_text(part / DONE, to_json({"seconds": round(seconds, 1), "refused": refused}))
        part.rename(folder)
        say(f"trained up to {wanted.end}, holdout {wanted.holdout}: {seconds:.0f} s{f', {refused}' if refused else ''}")

    def _require(self, wanted: Wanted) -> Training:
        training = self.find(wanted)
        assert training is not None  # noqa: S101  (it was just made)
        return training


def run_stages(folder: Path, root: Path) -> tuple[float, str | None]:
    """Run the pipeline's stages in a folder: seconds, and why one of them refused.

    Its own process or not, the working folder is as it was in the end.
    """
    import time

    begun = time.monotonic()
    refused = None
    sys.path.append(str(root))  # learners of the user's own, `package.module:name`
    with _inside(folder):
        try:
            for stage in STAGES:
                importlib.import_module(f"weighlock.stages.{stage}").run()
        except WeighlockError as error:
            refused = str(error)
    return time.monotonic() - begun, refused


def require_model(training: Training) -> Training:
    """The training, which must have made a model.

    Raises:
        ModelError: a stage refused.
    """
    if training.refused:
        raise ModelError(f"the training up to {training.wanted.end} made no model: {training.refused}")
    return training


def digest_of(root: Path, min_ranks: float) -> str:
    """Of code, knobs, contract and libraries: what a training hangs on but its rows, window and holdout."""
    found = hashlib.sha256(code_digest(CODE).encode())
    params = read_params(root / "params.yaml")
    stripped = params.model_dump(mode="json", include={"data", "validate_", "split", "train", "evaluate", "refit"})
    stripped["data"] |= {"window": Window(start=params.data.window.start).model_dump(mode="json"), "source": None}
    stripped["split"] |= {"holdout": None}
    stripped["refit"] |= {"min_rank_correlation": min_ranks}
    found.update(repr(sorted(stripped.items())).encode())
    for path in (root / "schema.yaml", root / "libraries.yaml"):
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def _alone() -> None:
    """One thread a process: threads of several trainings that wait for each other on few cores cost tenfold."""
    for name in ("LOKY_MAX_CPU_COUNT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


@cache
def code_digest(parts: tuple[str, ...]) -> str:
    """Of some of this package's modules and folders: what was made by other code is made anew."""
    import weighlock

    package, found = Path(weighlock.__file__).parent, hashlib.sha256()
    for path in (package / part for part in parts):
        for source in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(source.read_bytes())
    return found.hexdigest()


def _refit(value: Any) -> dict[str, Any]:
    return {"when": value} if isinstance(value, str) else dict(value)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (folder / "log.txt").open("w", encoding="utf-8") as log, _quiet(log):
            yield
    finally:
        os.chdir(before)


@contextmanager
def _quiet(log: Any) -> Iterator[None]:
    """What the stages say goes to the training's own log."""
    from contextlib import redirect_stderr, redirect_stdout

    with redirect_stdout(log), redirect_stderr(log):
        yield
