"""The served model: the scorer of evaluation and gate, fed by rows that are checked already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weighlock.errors import EvidenceError
from weighlock.scoring import Scorer, read_signature
from weighlock.scoring.scorer import MODEL_FILE, SIGNATURE_FILE
from weighlock.serving.rows import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from weighlock.serving.rows import Values

_OPSET_IMPORT = 8  # the field of ONNX's ModelProto that says which versions of the operators a model uses


class ServedModel(Scorer):
    """A scorer that takes rows as the reader gives them; many threads may score at once."""

    @classmethod
    def open(cls, folder: Path) -> ServedModel:
        """Open the model of a folder after every check that needs no row.

        Raises:
            EvidenceError: a file is missing or torn, the digest is another, the operators are not those that the
                signature names, or inputs and outputs are not the signature's.
        """
        path = folder / MODEL_FILE
        signature = read_signature(folder / SIGNATURE_FILE)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EvidenceError(f"`{path}` cannot be read: {error.strerror or error}.") from error
        model = cls(content, signature)
        found = opset(content)
        if not found or not found.items() <= signature.opset.items():  # a model names those that it uses
            raise EvidenceError(
                f"`{path}` uses the operators {found}, but its signature says {signature.opset}. Do not use it."
            )
        return model

    def score_rows(self, rows: Sequence[Values]) -> NDArray[np.float32]:
        """Score rows whose values the reader has checked.

        Args:
            rows: (n,) each with the numbers, then the texts, in the order of the signature among themselves; null is
                None.

        Returns:
            As `Scorer.score`; a score may be infinite or NaN.
        """
        return self.score_columns(Columns.of(rows, len(self._numbers)))

    def score_columns(self, columns: Columns) -> NDArray[np.float32]:
        """Score rows that are columns already; as `score_rows`."""
        numbers = columns.numbers.astype(np.float32)[:, :, None]
        feeds: dict[str, NDArray[Any]] = dict(zip(self._numbers, numbers, strict=True))
        for name, column in zip(self._categories, columns.texts, strict=True):
            known = column if None not in column else [text or "" for text in column]
            feeds[name] = np.fromiter(known, object, len(known))[:, None]
        return self._run(feeds)

    def blank(self) -> Values:
        """A row of nulls, which every model can score: the warm-up."""
        return (None,) * (len(self._numbers) + len(self._categories))


def opset(content: bytes) -> dict[str, int]:
    """The operators' versions by domain that an ONNX file names, read without the onnx library.

    Raises:
        EvidenceError: the bytes are no protocol buffer.
    """
    found: dict[str, int] = {}
    try:
        for field, value in _fields(content):
            if field == _OPSET_IMPORT and isinstance(value, bytes):
                entry = dict(_fields(value))
                domain = entry.get(1, b"")
                found[domain.decode() if isinstance(domain, bytes) and domain else "ai.onnx"] = int(entry.get(2, 0))
    except (IndexError, ValueError) as error:
        raise EvidenceError(f"the model is no ONNX file: {error}.") from error
    return found


def _fields(content: bytes) -> list[tuple[int, int | bytes]]:
    """The top-level fields of a message (protobuf.dev, "Encoding"); those of fixed width are passed over."""
    found: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind = key & 7
        if kind == 0:
            number, at = _varint(content, at)
            found.append((key >> 3, number))
        elif kind == 2:
            length, at = _varint(content, at)
            if at + length > len(content):
                raise ValueError("it is cut off")
            found.append((key >> 3, content[at : at + length]))
            at += length
        elif kind in {1, 5}:
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
    return found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return number, at
