"""What a worker does before it listens: it opens the model, proves it on its golden rows, and warms up."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from weighlock.errors import EvidenceError
from weighlock.files import file_digest, read_json
from weighlock.monitoring.log_record import key_from_environment
from weighlock.monitoring.prediction_log import LogWriter
from weighlock.scoring import Signature
from weighlock.scoring.scorer import SIGNATURE_FILE
from weighlock.serving.answers import Answers
from weighlock.serving.application import Application, Pages
from weighlock.serving.engine import Engine
from weighlock.serving.feedback import FeedbackReader
from weighlock.serving.keys import KeyStore
from weighlock.serving.measures import Measures
from weighlock.serving.model import ServedModel
from weighlock.serving.openapi import openapi
from weighlock.serving.page import page
from weighlock.serving.reader import Reader

if TYPE_CHECKING:
    from weighlock.serving.settings import Service, Settings

GOLDEN_FILE = "golden.json"
TOLERANCE = 1e-5
SWITCH_SECONDS = 0.0005  # a thread that has scored should not wait long for the interpreter
COLLECT_AFTER = 50_000  # objects: what answers leave behind is freed without the collector


class Started:
    """One worker's application and what has to be closed after it."""

    def __init__(self, settings: Settings) -> None:
        """Open everything.

        Raises:
            EvidenceError: the model is not the one that the settings name, or does not score as it should.
            ConfigError: the keys' file or a parameter is wrong.
            LogFailure: the log cannot be written.
        """
        self.settings = settings
        service, folder = settings.service, Path(settings.folder)
        model = ServedModel.open(folder)
        signature = model.signature
        _check_identity(service, folder, signature)
        log = service.log.params(key_from_environment())
        log.check(f.name for f in signature.features)
        params = service.serve
        keys = KeyStore.load(Path(settings.keys)) if settings.keys else None
        example, golden = check_golden(model, folder)
        model.score_rows([model.blank()])
        measures = Measures(signature, service.model, golden, Path(settings.run) if settings.run else None)
        document = openapi(signature, service, example)
        pages = Pages(msgspec.json.encode(about(signature, service)), document, page(document))
        writer = LogWriter.open(Path(settings.log), f"worker-{os.getpid()}")
        self.engine = Engine(model, Answers(signature, service.model, log, measures), writer, measures, params)
        reader = Reader(signature, strict=params.strictness == "refuse", max_rows=params.max_rows)
        self.application = Application(
            self.engine, reader, FeedbackReader(signature, params.max_rows), measures, params, keys, pages
        )
        self._measures = measures
        tune()

    def close(self) -> None:
        """Give up the log's segment and the counts."""
        self.engine.close()
        self._measures.metrics.close()


def check_golden(model: ServedModel, folder: Path) -> tuple[dict[str, Any] | None, list[float]]:
    """Score the golden rows; return the first of them and all scores, or nothing where there is no `golden.json`.

    Raises:
        EvidenceError: they are of another model, or come out otherwise than where the model was made.
    """
    path = folder / GOLDEN_FILE
    if not path.exists():
        return None, []
    golden = read_json(path, "weighlock stage refit")
    try:
        of, rows, wanted = golden["model"], golden["rows"], np.array(golden["scores"], dtype=float)
        columns = {f.name: [row[f.name] for row in rows] for f in model.signature.features}
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(f"`{path}` holds no golden rows: {error!r}.") from error
    if of != model.signature.digest:
        raise EvidenceError(f"`{path}` is of the model {of}, not of {model.signature.digest}.")
    scores = model.score(columns).astype(float)
    # scores are rounded to 7 places where they are kept; a regression's values may be large
    if scores.shape != wanted.shape or not np.allclose(scores, wanted, rtol=TOLERANCE, atol=TOLERANCE):
        raise EvidenceError(
            f"`{path}`: this machine scores the golden rows otherwise than where the model was made. Compare the "
            "versions of onnxruntime before you serve it."
        )
    return rows[0] if rows else None, [float(v) for v in wanted.ravel()]


def about(signature: Signature, service: Service) -> dict[str, Any]:
    """The body of `GET /v1/model`."""
    return {
        "name": service.model.name,
        "version": service.model.version,
        "digest": service.model.digest,
        "signature_digest": service.model.signature_digest,
        "commit": service.commit,
        "release": service.release,
        "metrics": service.metrics,
        "signature": signature.to_json(),
    }


def tune() -> None:
    """Keep the collector away from what lives as long as the worker, and let threads take turns quickly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


def _check_identity(service: Service, folder: Path, signature: Signature) -> None:
    found = file_digest(folder / SIGNATURE_FILE)
    if found != service.model.signature_digest or signature.digest != service.model.digest:
        raise EvidenceError(
            f"`{folder}` holds another model than the one to serve: its digests are {signature.digest} and, of the "
            f"signature, {found}, but {service.model.name} {service.model.version} has {service.model.digest} and "
            f"{service.model.signature_digest}."
        )
