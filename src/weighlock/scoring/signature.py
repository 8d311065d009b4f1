"""`signature.json`: what a model takes and gives, and the digest of the one file that it belongs to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
TASKS = {"binary", "multiclass", "regression"}
TYPES = {"number", "integer", "boolean", "category"}


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model: a column of a request."""

    name: str
    type: str
    nullable: bool
    min: float | None = None
    max: float | None = None
    # the categories that the model knows; others are scored as "unseen" where `open`, else they are not allowed
    categories: tuple[str, ...] | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives."""

    task: str
    target: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...] | None  # binary: the negative, then the positive
    threshold: float | None  # binary: a score from here on is labelled positive
    opset: dict[str, int]
    digest: str  # of the ONNX file: sha256:…

    def to_json(self) -> dict[str, Any]:
        """The content of `signature.json`."""
        return {"version": VERSION, **asdict(self)}


def read_signature(path: Path) -> Signature:
    """Read and check `signature.json`.

    Raises:
        EvidenceError: it is missing, is not JSON, or is no signature; the message says which part.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvidenceError(
            f"`{path}` is missing. A model is a folder with `model.onnx` and `signature.json`."
        ) from None
    except ValueError as error:
        raise EvidenceError(f"`{path}` is not JSON: {error}") from error
    return parse_signature(content, str(path))


def parse_signature(content: Any, source: str) -> Signature:
    """`content` as a signature; `source` says in messages where it comes from.

    Raises:
        EvidenceError: it is no signature.
    """
    try:
        _one_of(content["version"], {VERSION})
        features = tuple(_feature(f) for f in content["features"])
        classes, threshold = content["classes"], content["threshold"]
        signature = Signature(
            task=_one_of(content["task"], TASKS),
            target=_text(content["target"]),
            features=features,
            classes=None if classes is None else tuple(_text(c) for c in classes),
            threshold=None if threshold is None else float(threshold),
            opset={_text(k): int(v) for k, v in content["opset"].items()},
            digest=_text(content["digest"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise EvidenceError(f"`{source}` is no signature: {reason}.") from error
    names = [f.name for f in signature.features]
    if not names or len(set(names)) < len(names):
        raise EvidenceError(f"`{source}` is no signature: features are none, or named twice.")
    if (signature.classes is None) != (signature.task == "regression"):
        raise EvidenceError(
            f"`{source}` is no signature: {signature.task} and classes {signature.classes} do not go together."
        )
    return signature


def _feature(content: dict[str, Any]) -> Feature:
    categories = content["categories"]
    return Feature(
        name=_text(content["name"]),
        type=_one_of(content["type"], TYPES),
        nullable=bool(content["nullable"]),
        min=None if content["min"] is None else float(content["min"]),
        max=None if content["max"] is None else float(content["max"]),
        categories=None if categories is None else tuple(_text(c) for c in categories),
        open=bool(content["open"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def _one_of(value: Any, allowed: set[Any]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(sorted(map(str, allowed)))}")
    return str(value)
