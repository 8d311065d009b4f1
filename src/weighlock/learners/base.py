"""What a learner is: how it wants its features encoded, and an estimator with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


def _nothing(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Learner:
    """A kind of model that can be trained.

    Attributes:
        encoding: `one-hot` (categories as indicators, numbers scaled) or `ordinal` (categories as numbers, most
            frequent first; numbers as they are).
        build: (task, settings, seed) -> an unfitted estimator.
        takes_missing: whether numbers may be NaN where training has seen them missing.
        takes_sparse: whether the features may be a sparse matrix, which many categories make.
        finish: called with the fitted estimator, to make it what ONNX can hold exactly.
        register: called once before an export, to tell skl2onnx of a converter.
    """

    encoding: Literal["one-hot", "ordinal"]
    build: Callable[[str, dict[str, Any], int], Any]
    takes_missing: bool = False
    takes_sparse: bool = False
    finish: Callable[[Any], None] = _nothing
    register: Callable[[], None] = lambda: None
