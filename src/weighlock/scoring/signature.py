"""`signature.json`: what a model takes and gives, and the digest of the one file that it belongs to."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from weighlock.errors import EvidenceError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
TASKS = {"binary", "multiclass", "regression"}
TYPES = {"number", "integer", "boolean", "category"}
Kind = TypeVar("Kind")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z")


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
    trained_until: str | None = (
        None  # the newest row that training saw: 2013-08-04T03:59Z; null where rows have no time
    )

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
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"`{path}` is not JSON: {error}") from error
    return parse_signature(content, str(path))


def parse_signature(content: Any, source: str) -> Signature:
    """`content` as a signature; `source` says in messages where it comes from.

    Raises:
        EvidenceError: it is no signature.
    """
    try:
        _one_of(content["version"], {VERSION})
        signature = Signature(
            task=_one_of(content["task"], TASKS),
            target=_text(content["target"]),
            features=tuple(_feature(f) for f in _list(content["features"])),
            classes=_texts(content["classes"]),
            threshold=_number(content["threshold"]),
            opset={_text(k): _of(int, v) for k, v in _of(dict, content["opset"]).items()},
            digest=_text(content["digest"]),
            trained_until=_time(content["trained_until"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise EvidenceError(f"`{source}` is no signature: {reason}.") from error
    names = [f.name for f in signature.features]
    if not names or len(set(names)) < len(names):
        raise EvidenceError(f"`{source}` is no signature: features are none, or named twice.")
    classes = len(set(signature.classes or ()))
    fits = {"binary": classes == 2, "multiclass": classes > 2, "regression": signature.classes is None}
    if not fits[signature.task] or classes < len(signature.classes or ()):
        raise EvidenceError(
            f"`{source}` is no signature: {signature.task} and classes {signature.classes} do not go together."
        )
    if signature.threshold is not None and signature.task != "binary":
        raise EvidenceError(f"`{source}` is no signature: {signature.task} has no threshold.")
    return signature


def _feature(content: dict[str, Any]) -> Feature:
    return Feature(
        name=_text(content["name"]),
        type=_one_of(content["type"], TYPES),
        nullable=_of(bool, content["nullable"]),
        min=_number(content["min"]),
        max=_number(content["max"]),
        categories=_texts(content["categories"]),
        open=_of(bool, content["open"]),
    )


def _of(kind: type[Kind], value: Any) -> Kind:
    if type(value) is not kind:  # isinstance would take True for an int
        raise TypeError(f"{value!r} should be of type {kind.__name__}")
    return value


def _text(value: Any) -> str:
    return _of(str, value)


def _texts(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(_text(v) for v in _list(value))


def _list(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} should be a list")
    return value


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) not in {int, float} or not abs(value) < math.inf:
        raise TypeError(f"{value!r} should be a finite number")
    return float(value)


def _time(value: Any) -> str | None:
    if value is not None and not _TIME.fullmatch(_text(value)):
        raise ValueError(f"{value!r} should be a time such as 2013-08-04T03:59Z")
    return None if value is None else str(value)


def _one_of(value: Any, allowed: set[Any]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(sorted(map(str, allowed)))}")
    return str(value)
