"""How retrainings stand, from the file that `weighlock github retrainings` wrote."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, ConfigDict

from weighlock.config import Strict, parse
from weighlock.files import read_json

if TYPE_CHECKING:
    from pathlib import Path


def _aware(time: dt.datetime) -> dt.datetime:
    if time.tzinfo is None:
        raise ValueError("should say its offset, such as 2026-01-31T05:15:00Z")
    return time


class Retrainings(Strict):
    """What is known of them.

    Attributes:
        open: whether one's pull request waits for an answer.
        last: when the newest began; None where there was none.
    """

    model_config = ConfigDict(strict=False)

    open: bool = False
    last: Annotated[dt.datetime, AfterValidator(_aware)] | None = None


def read_retrainings(path: Path) -> Retrainings:
    """Read the file.

    Raises:
        EvidenceError: it is missing or torn.
        ConfigError: it says something else.
    """
    return parse(read_json(path, "weighlock github retrainings"), Retrainings, str(path))
