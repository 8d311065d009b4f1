"""What the prediction log holds: a record for each answered row, a feedback for each truth that came later.

A line holds one of either or, where a request had many rows, all of them as they went over the wire.

Needs msgspec alone: it goes into the serving image.
"""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from weighlock.errors import ConfigError

KEY_VARIABLE = "WEIGHLOCK_LOG_HASH_KEY"
SHORTEST_KEY = 16
# What a client may send beside the features; `hash` and `drop` may name them, too.
HEADERS = ("entity", "request")

Value: TypeAlias = str | bool | int | float | None
_SURROGATES = re.compile("[\ud800-\udfff]")
_WHOLE = 1 << 64


class Model(msgspec.Struct, frozen=True):
    """Which model answered; `digest` is its ONNX file's, `sha256:…`."""

    name: str
    version: str
    digest: str


class Record(msgspec.Struct, frozen=True, tag="prediction", tag_field="kind"):
    """One answered row.

    Attributes:
        id: names the prediction; feedback refers to it.
        time: when it was made, in UTC with microseconds: 2026-01-31T05:15:00.000000Z (`stamp` writes it).
        model: which model answered.
        features: by name, redacted, as the client gave them; null is None.
        entity: whom or what the row is about, as the client names it.
        request: the client's own id of the request.
        score: binary: the positive class's probability.
        value: regression.
        scores: multiclass: by class.
        label: the class that the score amounts to.
        flags: what was odd about the row, such as `range:distance` or `unseen:carrier`.
    """

    id: str
    time: str
    model: Model
    features: dict[str, Value]
    entity: str | None = None
    request: str | None = None
    score: float | None = None
    value: float | None = None
    scores: dict[str, float] | None = None
    label: str | None = None
    flags: list[str] = []


class Feedback(msgspec.Struct, frozen=True, tag="feedback", tag_field="kind"):
    """What became of a prediction: its id, the truth (a class's name, or the value), and when that was told."""

    id: str
    truth: Value
    time: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What was answered to one row; see `Record`."""

    id: str
    score: float | None = None
    value: float | None = None
    scores: dict[str, float] | None = None
    label: str | None = None
    flags: list[str] = []


class Answered(msgspec.Struct, frozen=True, tag="answered", tag_field="kind"):
    """All rows of one request: what was asked and what was answered, each as it was sent. It is written once and
    encoded never, which a request of many rows would else pay for a second time.

    Attributes:
        time, model, entity, request: of each of its rows; see `Record`.
        rows: (n,) the features.
        predictions: (n,) the answers.
    """

    time: str
    model: Model
    rows: list[dict[str, Value]]
    predictions: list[Answer]
    entity: str | None = None
    request: str | None = None

    def records(self) -> list[Record]:
        """Its rows as if each had a line of its own.

        Raises:
            ValueError: rows and answers are not as many.
        """
        return [
            Record(
                said.id, self.time, self.model, row, self.entity, self.request,
                said.score, said.value, said.scores, said.label, said.flags,
            )
            for row, said in zip(self.rows, self.predictions, strict=True)
        ]  # fmt: skip


Row: TypeAlias = Record | Feedback
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record | Feedback | Answered)


def encode(row: Row) -> bytes:
    """A row as one line of JSON, without the newline; a lone surrogate, which UTF-8 lacks, becomes U+FFFD."""
    try:
        return _encoder.encode(row)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(msgspec.to_builtins(row)))


def decode(line: bytes) -> list[Row]:
    """The rows of a line: one, or those of a request.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: the line is torn; it is not JSON.
        msgspec.ValidationError, ValueError: it is JSON, but no row of this log, or its time is none.
    """
    content: Row | Answered = _decoder.decode(line)
    instant(content.time)
    return list(content.records()) if isinstance(content, Answered) else [content]


def stamp(time: dt.datetime) -> str:
    """An aware time as records write it: 2026-01-31T05:15:00.000000Z."""
    return time.astimezone(dt.UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def now() -> str:
    """The present as `stamp` writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def instant(time: str) -> dt.datetime:
    """The instant that a record's time names.

    Raises:
        ValueError: it is none, or does not say that it is UTC.
    """
    if not time.endswith("Z"):
        raise ValueError(f"{time!r} is no UTC time such as 2026-01-31T05:15:00.000000Z")
    return dt.datetime.fromisoformat(time)


def clean(text: str) -> str:
    """The text as it stands in the log."""
    return _SURROGATES.sub("\ufffd", text)


class HashKey:
    """The secret by which values are hashed; it shows itself nowhere, and cannot be encoded."""

    __slots__ = ("_key",)

    def __init__(self, secret: str) -> None:
        """Raises ConfigError where the secret is too short to be one."""
        if len(secret) < SHORTEST_KEY:
            raise ConfigError(
                f"`{KEY_VARIABLE}` has {len(secret)} characters; it takes {SHORTEST_KEY} or more. "
                "`openssl rand -hex 32` makes one."
            )
        self._key = hashlib.blake2b(secret.encode("utf-8", "surrogateescape"), digest_size=32).digest()

    def __repr__(self) -> str:
        return "HashKey(…)"

    def hash(self, column: str, value: Value) -> str:
        """A value as `h:…`: the same for the same value in the same column, and nothing else."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 3.0 is 3, whichever way a client writes it
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        content = f"{clean(column)}\0{clean(text)}".encode()
        return f"h:{hashlib.blake2b(content, key=self._key, digest_size=16).hexdigest()}"

    @property
    def name(self) -> str:
        """Eight characters that tell this key from another, and nothing about it."""
        return hashlib.blake2b(b"weighlock", key=self._key, digest_size=4).hexdigest()


def key_from_environment() -> HashKey | None:
    """The key that `WEIGHLOCK_LOG_HASH_KEY` holds; None where it is not set."""
    secret = os.environ.get(KEY_VARIABLE)
    return HashKey(secret) if secret else None


@dataclass(frozen=True)
class LogParams:
    """What is logged of a row: `params.yaml: monitoring.log`.

    Attributes:
        sample: the share of rows that are logged, 0 to 1, by their ids: the same ones wherever it is decided.
        hash: features (or `entity`, `request`) that are logged as a keyed hash, so that they can be told apart only.
        drop: those that are not logged at all.
        key: of the hashes.
    """

    sample: float = 1.0
    hash: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    key: HashKey | None = field(default_factory=key_from_environment)

    def __post_init__(self) -> None:
        if not 0 <= self.sample <= 1:
            raise ConfigError(f"`monitoring.log.sample` should be a share from 0 to 1, but is {self.sample}.")
        both = sorted(self.hash & self.drop)
        if both:
            raise ConfigError(f"`monitoring.log` both hashes and drops {', '.join(f'`{n}`' for n in both)}: choose.")
        if self.hash and self.key is None:
            raise ConfigError(
                f"`monitoring.log.hash` names {', '.join(f'`{n}`' for n in sorted(self.hash))}, but `{KEY_VARIABLE}` "
                "is not set, and a hash without a key can be guessed. Set it to a secret that stays the same "
                "(`openssl rand -hex 32` makes one)."
            )

    def check(self, features: Iterable[str]) -> None:
        """Refuse names that are no features: a misspelt one would leave what it meant in clear.

        Raises:
            ConfigError: names each, with the nearest feature.
        """
        known = [*features, *HEADERS]
        for key, names in (("hash", self.hash), ("drop", self.drop)):
            for name in sorted(names - set(known)):
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(known)}."
                raise ConfigError(f"`monitoring.log.{key}` names `{name}`, which the model does not take. {hint}")

    def takes(self, prediction: str) -> bool:
        """Whether the prediction of this id is logged."""
        if self.sample >= 1:
            return True
        digest = hashlib.blake2b(prediction.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.sample * _WHOLE

    def header(self, name: str, value: str | None) -> str | None:
        """`entity` or `request` as it is logged."""
        if value is None or name in self.drop:
            return None
        return self.key.hash(name, value) if self.key and name in self.hash else value


def redact(features: Mapping[str, Value], params: LogParams) -> dict[str, Value]:
    """The features as they are logged: without those to drop, and hashed where asked; null stays null."""
    if not (params.hash or params.drop):
        return dict(features)
    kept = {name: value for name, value in features.items() if name not in params.drop}
    for name in params.hash & kept.keys():
        if kept[name] is not None and params.key:
            kept[name] = params.key.hash(name, kept[name])
    return kept


def _mended(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return [_mended(v) for v in value] if isinstance(value, list | tuple) else value
