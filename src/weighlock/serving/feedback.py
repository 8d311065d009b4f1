"""Truths that come later: checked against the model's classes, and put into the same log."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec

from weighlock.monitoring.prediction_log import Feedback, encode, now
from weighlock.serving.faults import fault_of, repeated
from weighlock.serving.problems import Fault, Refused, in_rows

if TYPE_CHECKING:
    from weighlock.scoring import Signature

LONGEST_ID = 64
# What the service gives, letters and digits, and what `weighlock score` does: two such words and a dash.
ID = "[A-Za-z0-9]+(-[A-Za-z0-9]+)?"


class Truth(msgspec.Struct, forbid_unknown_fields=True):
    """What became of a prediction."""

    id: str
    truth: str | bool | int | float


class Truths(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/feedback`."""

    rows: list[Truth]


class FeedbackReader:
    """Reads truths for one model."""

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._classes = signature.classes
        self._max_rows = max_rows
        self._decode = msgspec.json.Decoder(Truths).decode

    def read(self, body: bytes) -> list[bytes]:
        """The records of a body's truths.

        Raises:
            Refused: it is not JSON, has a member twice or an unknown one, or a truth is none of the classes.
        """
        try:
            truths = self._decode(body).rows
        except msgspec.ValidationError as error:
            raise in_rows([fault_of(None, str(error), ["rows", "id", "truth"])]) from None
        except (ValueError, RecursionError) as error:
            raise Refused("malformed-json", f"The body is not JSON: {error}.") from None
        if not 0 < len(truths) <= self._max_rows:
            raise in_rows([Fault(None, "rows", f"should hold 1 to {self._max_rows} truths, but holds {len(truths)}")])
        faults = repeated(body)
        for row, truth in enumerate(truths):
            faults += [Fault(row, field, fault) for field, fault in self._odd(truth)]
        if faults:
            raise in_rows(faults)
        time = now()
        return [encode(Feedback(t.id, self._plain(t.truth), time)) for t in truths]

    def _plain(self, truth: str | bool | float) -> str | float:  # noqa: FBT001  (JSON has them)
        """A class by its name, as the signature writes it: true is `true`, 1 is `1`."""
        if self._classes is None or isinstance(truth, str):
            return truth
        return str(truth).lower() if isinstance(truth, bool) else str(truth)

    def _odd(self, truth: Truth) -> list[tuple[str, str]]:
        found = []
        if not (len(truth.id) <= LONGEST_ID and re.fullmatch(ID, truth.id)):
            found.append(("id", "is no id of a prediction"))
        if self._classes is not None:
            if self._plain(truth.truth) not in self._classes:
                found.append(("truth", f"should be one of {', '.join(self._classes)}"))
        elif isinstance(truth.truth, str | bool) or not math.isfinite(truth.truth):
            found.append(("truth", "should be a number"))
        return found
