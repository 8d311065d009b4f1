"""The prediction log as the service writes it and everything else reads it.

Needs the standard library and msgspec alone: it goes into the serving image. What turns segments into Parquet
(`log_compact`), erases (`log_forget`) and prints (`log_cat`) is beside it.
"""

from weighlock.monitoring.log_record import (
    Answered,
    Feedback,
    HashKey,
    LogParams,
    Model,
    Record,
    Row,
    decode,
    encode,
    instant,
    now,
    redact,
    stamp,
)
from weighlock.monitoring.log_segment import DEFAULT_FOLDER, LogFailure, LogWriter, Segments, read_segments

__all__ = [
    "DEFAULT_FOLDER",
    "Answered",
    "Feedback",
    "HashKey",
    "LogFailure",
    "LogParams",
    "LogWriter",
    "Model",
    "Record",
    "Row",
    "Segments",
    "decode",
    "encode",
    "instant",
    "now",
    "read_segments",
    "redact",
    "stamp",
]
