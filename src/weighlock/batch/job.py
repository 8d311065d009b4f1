"""What `weighlock score` was asked for, made ready: nothing is scored before all of it is known to fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.batch.inputs import BATCH, Input, find_inputs, require_columns
from weighlock.batch.outputs import Output, Plan
from weighlock.batch.records import open_recorder
from weighlock.batch.run import Job
from weighlock.batch.scorer import BatchScorer
from weighlock.batch.table import require_free_names
from weighlock.errors import ConfigError
from weighlock.layout import SERVED
from weighlock.monitoring.log_policy import MonitoringParams, read_monitoring
from weighlock.monitoring.log_record import key_from_environment
from weighlock.monitoring.prediction_log import Model, now
from weighlock.params import FILE as PARAMS
from weighlock.params import Csv, read_params
from weighlock.releases.find import find_release
from weighlock.schema import FILE as SCHEMA
from weighlock.schema import read_schema
from weighlock.serving.find import identify
from weighlock.serving.settings import SERVICE_FILE, Identity, read_service

if TYPE_CHECKING:
    from weighlock.batch.records import Recorder

PART = 8 * BATCH
Say = Callable[[int, int, int | None], None]  # rows so far, those of an earlier run, all of them where that is known


@dataclass(frozen=True)
class Request:
    """The command's arguments.

    Attributes:
        source: a path, folder, glob or URL.
        out: a file, folder or URL.
        release, model: at most one of them; neither: the tree's model.
        keep: columns to carry along; None: the schema's key, where the input has it.
        on_error: refuse or skip.
        log: a prediction log's folder.
        entity: the column that says whom a row is about.
        threads: that score at once; None: one for each core.
    """

    source: str
    out: str
    release: str | None = None
    model: Path | None = None
    keep: list[str] | None = None
    on_error: str = "refuse"
    log: Path | None = None
    entity: str | None = None
    threads: int | None = None


def prepare(request: Request, root: Path, say: Say, part_rows: int = PART) -> Job:
    """Find model and files, check columns, and take up the run before where there is one.

    Args:
        request: what is asked for.
        root: the repository, or any other folder where `model` is given.
        say: told how far it is.
        part_rows: input rows of a part.

    Raises:
        EvidenceError: the model is missing or not what it says.
        SourceError, DataError: files are missing, or lack columns.
        ConfigError: OUT is there already, or options do not go together.
    """
    folder, identity = _model(request, root)
    scorer = BatchScorer.open(folder)
    inputs = find_inputs(request.source, _dialect(root))
    keep = _kept(request.keep, inputs[0], root)
    require_free_names(keep, scorer.signature)
    if request.entity and not request.log:
        raise ConfigError("`--entity` says whom a logged row is about: it goes with `--log-dir`.")
    carried = [*keep, *([request.entity] if request.entity else [])]
    for file in inputs:
        require_columns(file, [f.name for f in scorer.signature.features], carried)
    output = Output(request.out)
    digests = [file.digest for file in inputs]
    plan = Plan(
        digests, scorer.signature.digest, keep, request.on_error, request.log is not None, part_rows, output.kind
    )
    progress = output.open(plan, now())
    model = Model(identity.name, identity.version, identity.digest)
    recorder = None
    if request.log and not progress.complete:
        recorder = _recorder(request, scorer, model, progress.started, root)
    total = _total(inputs)
    name = f"{model.name} {model.version}"
    threads = request.threads or len(os.sched_getaffinity(0))
    return Job(inputs, scorer, threads, output, progress, recorder, lambda rows, begun: say(rows, begun, total), name)


def _model(request: Request, root: Path) -> tuple[Path, Identity]:
    if request.release:
        folder, service = find_release(request.release, root)
        return folder, service.model
    folder = request.model or root / SERVED
    return folder, read_service(folder).model if (folder / SERVICE_FILE).exists() else identify(folder)


def _recorder(request: Request, scorer: BatchScorer, model: Model, started: str, root: Path) -> Recorder:
    assert request.log is not None  # noqa: S101  (asked before)
    params = read_monitoring(root / PARAMS) if (root / PARAMS).exists() else MonitoringParams()
    policy = params.log.params(key_from_environment())
    return open_recorder(request.log, policy, model, scorer.signature, started, request.entity)


def _dialect(root: Path) -> Csv:
    return read_params(root / PARAMS).data.csv if (root / PARAMS).exists() else Csv()


def _kept(keep: list[str] | None, file: Input, root: Path) -> list[str]:
    if keep is not None:
        return list(dict.fromkeys(keep))
    key = read_schema(root / SCHEMA).key if (root / SCHEMA).exists() else None
    return [key] if key and key in file.columns() else []


def _total(inputs: Sequence[Input]) -> int | None:
    rows = [file.rows for file in inputs]
    return None if None in rows else sum(filter(None, rows))
