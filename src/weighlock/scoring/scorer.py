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
                other inputs than the signature names.
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
        self._names = tuple((f.name, f.type == "category") for f in signature.features)
        self._output = [self._session.get_outputs()[0].name]

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
            DataError: a feature is missing, or a value is not of its type.
        """
        feeds = self._feeds(columns)
        rows = len(next(iter(feeds.values())))
        if rows <= BATCH:
            return self._run(feeds)
        parts = [self._run({k: v[i : i + BATCH] for k, v in feeds.items()}) for i in range(0, rows, BATCH)]
        return np.concatenate(parts)

    def score_row(self, row: Mapping[str, Any]) -> NDArray[np.float32]:
        """Score one row, given as a value for each feature: (1,) or (1, classes); as fast as can be."""
        feeds: dict[str, NDArray[Any]] = {}
        try:
            for name, category in self._names:
                value = row[name]
                if category:
                    feeds[name] = np.array([["" if value is None or value != value else value]], dtype=object)
                else:
                    feeds[name] = np.array([[value]], dtype=np.float32)
            return self._run(feeds)
        except KeyError as error:
            raise DataError(f"the feature {error} is missing.") from None
        except (TypeError, ValueError, ort.capi.onnxruntime_pybind11_state.InvalidArgument) as error:
            raise DataError(f"the value of `{name}` is not of its type: {error}") from error

    def _run(self, feeds: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._session.run(self._output, feeds)[0]
        if self.signature.task == "multiclass":
            return scores
        return scores[:, -1]

    def _feeds(self, columns: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        feeds: dict[str, NDArray[Any]] = {}
        for name, category in self._names:
            try:
                values = columns[name]
            except KeyError:
                raise DataError(f"the feature `{name}` is missing.") from None
            try:
                feeds[name] = (_texts(values) if category else np.asarray(values, dtype=np.float32)).reshape(-1, 1)
            except (TypeError, ValueError) as error:
                raise DataError(f"a value of `{name}` is not of its type: {error}") from error
        lengths = {len(v) for v in feeds.values()}
        if len(lengths) > 1:
            raise DataError(f"the features have {sorted(lengths)} rows; they should have the same number.")
        return feeds


def _texts(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    texts = np.array(values, dtype=object)
    if {type(v) for v in texts} - {str}:
        for place, value in enumerate(texts):
            if value is None or value != value:
                texts[place] = ""
            elif not isinstance(value, str):
                raise TypeError(f"{value!r} is no text")
    return texts
