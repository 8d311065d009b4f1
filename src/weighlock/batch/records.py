"""Scored rows as records of the prediction log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.batch.table import ID
from weighlock.monitoring.prediction_log import LogParams, LogWriter, Model, Record, encode, redact

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from weighlock.batch.feeds import Feeds
    from weighlock.scoring import Signature

_AT_ONCE = 1000


@dataclass(frozen=True)
class Recorder:
    """Writes rows to the log.

    Attributes:
        writer: of the log.
        policy: what of a row is logged.
        model: which scores.
        signature: of the model.
        time: of every record; that of the first run, so that a row which is logged twice is seen to be the same.
        entity: the column that says whom a row is about.
    """

    writer: LogWriter
    policy: LogParams
    model: Model
    signature: Signature
    time: str
    entity: str | None

    def write(self, table: pa.Table, feeds: Feeds, scores: NDArray[np.float32], batch: pa.RecordBatch) -> None:
        """Log rows; when this returns they are with the kernel.

        Args:
            table: (n,) rows as they are written.
            feeds, scores: of these rows.
            batch: the same rows as they were read.

        Raises:
            LogFailure: the log cannot be written.
        """
        ids = table[ID].to_pylist()
        labels = table["label"].to_pylist() if "label" in table.column_names else None
        entities = batch.column(self.entity).to_pylist() if self.entity else None
        lines: list[bytes] = []
        for place, (name, features, answer) in enumerate(
            zip(ids, self._features(feeds), self._answers(scores), strict=True)
        ):
            if not self.policy.takes(name):
                continue
            entity = entities[place] if entities else None
            record = Record(
                name,
                self.time,
                self.model,
                redact(features, self.policy),
                entity=self.policy.header("entity", None if entity is None else str(entity)),
                label=labels[place] if labels else None,
                flags=feeds.flags.get(place, []),
                **answer,
            )
            lines.append(encode(record))
            if len(lines) == _AT_ONCE:
                self.writer.append(lines)
                lines = []
        self.writer.append(lines)

    def _features(self, feeds: Feeds) -> Iterator[dict[str, Any]]:
        kinds = {"integer": int, "boolean": bool}
        columns = []
        for feature in self.signature.features:
            if feature.type == "category":
                columns.append([text or None for text in feeds.columns[feature.name][:, 0].tolist()])
            else:
                make = kinds.get(feature.type, float)
                numbers = feeds.values[feature.name].tolist()
                columns.append([None if v != v else make(v) for v in numbers])
        names = [feature.name for feature in self.signature.features]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))

    def _answers(self, scores: NDArray[np.float32]) -> list[dict[str, Any]]:
        if self.signature.task == "multiclass":
            classes = self.signature.classes or ()
            return [{"scores": dict(zip(classes, row, strict=True))} for row in scores.tolist()]
        key = "score" if self.signature.task == "binary" else "value"
        return [{key: value} for value in scores.tolist()]


def open_recorder(
    folder: Path, policy: LogParams, model: Model, signature: Signature, time: str, entity: str | None
) -> Recorder:
    """A recorder with a segment of its own in a log's folder.

    Raises:
        LogFailure: the folder cannot be written.
        ConfigError: the policy names columns that the model does not take.
    """
    policy.check(feature.name for feature in signature.features)
    return Recorder(LogWriter.open(folder, "batch"), policy, model, signature, time, entity)
