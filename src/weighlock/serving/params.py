"""`params.yaml: serve`: how the service answers, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from weighlock.config import Strict, parse
from weighlock.params import FILE, Positive, read_params

Seconds = Annotated[float, Field(gt=0, le=3600)]


class ServeParams(Strict):
    """`serve`: strictness, access and limits."""

    strictness: Literal["flag", "refuse"] = "flag"
    open: bool = False
    docs: bool = True
    max_kilobytes: Positive = 1024
    max_rows: Positive = 1000
    max_concurrent: Positive = 256
    timeout_seconds: Seconds = 10.0
    on_log_failure: Literal["answer", "refuse"] = "refuse"


def read_serve_params(path: Path = FILE) -> ServeParams:
    """Read `params.yaml: serve`; what it does not name, or the whole section, is as in `ServeParams`.

    Raises:
        ConfigError: a key is unknown or wrong; it is named.
    """
    return parse(read_params(path).serve or {}, ServeParams, f"{path}: serve")
