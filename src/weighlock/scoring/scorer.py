"""The scorer: columns in, scores out, by the ONNX file whose digest the signature holds."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from weighlock.errors import DataError, EvidenceError
from weighlock.scoring.signature import Signature, read_signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MODEL_FILE = "model.onnx"
SIGNATURE_FILE = "signature.json"
# How many rows go through the model at once: bounds memory, and large enough to keep both cores busy.
BATCH = 65_536
# Scores hang on the number of threads by about 1e-7 (sums are made in another order): one number wherever a result
# is made, whatever the machine has.
RESULT_THREADS = 2
_ONNX_TYPES = {
    "number": "tensor(float)",
    "integer": "tensor(float)",
    "boolean": "tensor(float)",
    "category": "tensor(string)",
}


class Scorer:
    """A model that is ready to score."""

    def __init__(self, model: bytes, signature: Signature, *, threads: int = 1) -> None:
        """Open a session on the bytes of an ONNX file.

        Raises:
            EvidenceError: the bytes are not those whose digest the signature holds, are no ONNX file, or take
                other inputs or give other scores than the signature says.
        """
        digest = f"sha256:{hashlib.sha256(model).hexdigest()}"
        if digest != signature.digest:
            raise EvidenceError(
                f"the model's digest is {digest}, but its signature is of {signature.digest}. Do not use it."
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors have no common base
            raise EvidenceError(f"onnxruntime cannot open the model: {error}") from error
        inputs = {i.name: i.type for i in self._session.get_inputs()}
        wanted = {f.name: _ONNX_TYPES[f.type] for f in signature.features}
        if inputs != wanted:
            odd = sorted({*inputs.items()} ^ {*wanted.items()})
            raise EvidenceError(f"the model's inputs are not those of its signature: {odd}.")
        self.signature = signature
        self._numbers = [f.name for f in signature.features if f.type != "category"]
        self._categories = [f.name for f in signature.features if f.type == "category"]
        self._output = [self._session.get_outputs()[0].name]
        self._check_output()

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Scorer:
        """The model of a folder that holds `model.onnx` and `signature.json`.

        Raises:
            EvidenceError: either is missing, torn, or not of the other.
        """
        signature = read_signature(folder / SIGNATURE_FILE)
        try:
            model = (folder / MODEL_FILE).read_bytes()
        except FileNotFoundError:
            raise EvidenceError(f"`{folder / MODEL_FILE}` is missing beside its signature.") from None
        return cls(model, signature, threads=threads)

    def score(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        """Score rows that are given as columns (a dict of sequences, or a pandas DataFrame).

        Args:
            columns: each feature's values, (n,). Numbers, integers and booleans as anything that float32 takes, null
                as NaN or None; categories as text, null as None, NaN or "".

        Returns:
            (n,) the positive class's probability for binary, the value for regression;
            (n, classes) probabilities for multiclass.

        Raises:
            DataError: a feature is missing, a value is not of its type or is infinite, or a score would be.
        """
        feeds = self._feeds(columns)
        rows = len(next(iter(feeds.values())))
        if rows <= BATCH:
            return self._finite(self._run(feeds))
        parts = [self._run({k: v[i : i + BATCH] for k, v in feeds.items()}) for i in range(0, rows, BATCH)]
        return self._finite(np.concatenate(parts))

    def score_row(self, row: Mapping[str, Any]) -> NDArray[np.float32]:
        """Score one row, given as a value for each feature: (1,) or (1, classes); as fast as can be.

        Raises:
            DataError: as `score` does.
        """
        try:
            with np.errstate(over="ignore"):
                numbers = np.array([row[name] for name in self._numbers], dtype=np.float32)
            texts = ["" if row[name] is None else row[name] for name in self._categories]
        except (KeyError, TypeError, ValueError, OverflowError):
            return self._score_slowly(row)
        plain = all(type(text) is str for text in texts)
        if not plain or numbers.shape != (len(self._numbers),) or np.isinf(numbers).any():
            return self._score_slowly(row)
        column = numbers.reshape(-1, 1)
        feeds = {name: column[i : i + 1] for i, name in enumerate(self._numbers)}
        for name, text in zip(self._categories, texts, strict=True):
            feeds[name] = np.array([[text]], dtype=object)
        return self._finite(self._run(feeds))

    def _score_slowly(self, row: Mapping[str, Any]) -> NDArray[np.float32]:
        """What is null or amiss: as a table of one row, where messages name the feature."""
        return self.score({name: [value] for name, value in row.items()})

    def _run(self, feeds: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        try:
            scores: NDArray[np.float32] = self._session.run(self._output, feeds)[0]
        except UnicodeEncodeError as error:
            raise DataError(f"a text cannot be encoded: {error}.") from error
        return scores if self.signature.task == "multiclass" else scores[:, -1]

    @staticmethod
    def _finite(scores: NDArray[np.float32]) -> NDArray[np.float32]:
        finite = np.isfinite(scores)
        if not finite.all():
            row = int(finite.reshape(len(scores), -1).all(axis=1).argmin())
            raise DataError(f"row {row} has no finite score; a number in it is too large.")
        return scores

    def _check_output(self) -> None:
        blank = self._feeds({n: [None] for n in (*self._numbers, *self._categories)})
        try:
            found = np.shape(self._session.run(self._output, blank)[0])
        except Exception as error:  # as above
            raise EvidenceError(f"onnxruntime cannot run the model: {error}") from error
        wanted = (1, 1 if self.signature.classes is None else len(self.signature.classes))
        if found != wanted:
            raise EvidenceError(f"the model gives scores of shape {found}; its signature asks for {wanted}.")

    def _feeds(self, columns: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {}
        for name in (*self._numbers, *self._categories):
            try:
                values = columns[name]
            except KeyError:
                raise DataError(f"the feature `{name}` is missing.") from None
            try:
                feeds[name] = (_texts if name in self._categories else _numbers)(values).reshape(-1, 1)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(f"a value of `{name}` is not of its type: {error}") from error
        lengths = {len(v) for v in feeds.values()}
        if len(lengths) > 1:
            raise DataError(f"the features have {sorted(lengths)} rows; they should have the same number.")
        return feeds


def _numbers(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
        numbers = np.asarray(values, dtype=np.float32)
    if numbers.ndim != 1:
        raise TypeError("it should be one number a row")
    if np.isinf(numbers).any():
        raise ValueError("it is infinite, or larger than float32 can hold")
    return numbers


def _texts(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    texts = np.array(values, dtype=object)
    if {type(v) for v in texts} - {str}:
        for place, value in enumerate(texts):
            if value is None or value != value:
                texts[place] = ""
            elif not isinstance(value, str):
                raise TypeError(f"{value!r} is no text")
    return texts
