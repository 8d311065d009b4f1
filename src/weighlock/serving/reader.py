"""Reads the rows of a request: a signature is compiled once into checks that cost a few microseconds a request.

What is plainly right takes the short way: decode (msgspec), compare ranges, look categories up. Anything else, be it
wrong or only unusual, takes the long one, which finds out what it is and in which row and field.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from weighlock.errors import EvidenceError
from weighlock.serving.problems import Fault, Refused, in_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from weighlock.scoring import Feature, Signature

LARGEST = float(np.finfo(np.float32).max)
FEW, LONG = 8, 4096  # rows and bytes up to which a loop is quicker than numpy
_JSON_TYPES: dict[str, type] = {"number": float, "integer": float, "boolean": bool, "category": str}
_SAID = {
    "float": "a number", "int": "a number", "str": "a text", "bool": "true or false", "null": "null",
    "array": "a list", "object": "an object",
}  # fmt: skip
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`(?: - at `.*`)?", re.DOTALL)
_PLACE = re.compile(r" - at `\$(?:\.rows\[(\d+)\])?\.?(.*)`$", re.DOTALL)

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows as the model takes them: (n, numbers) with NaN for null, and by text feature (n,) with null as None."""

    numbers: NDArray[np.float64]
    texts: list[list[str | None]]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one request.

    Attributes:
        sent: (n,) the rows as they are logged: structs that encode as JSON objects.
        values: (n,) for each the numbers (None: null), then the texts (None: null), in the order of `Reader.names`.
        flags: by row, what was odd about it; most rows have none.
        columns: the values by column, where checking them has made these anyway.
    """

    sent: list[Any]
    values: list[Values]
    flags: dict[int, list[str]]
    columns: Columns | None = None


class Reader:
    """Reads request bodies for one signature."""

    def __init__(self, signature: Signature, *, strict: bool, max_rows: int) -> None:
        """Compile the checks.

        Args:
            signature: what the model takes.
            strict: refuse what is out of range or, where categories are closed, unseen; else it is flagged.
            max_rows: the most rows of one request.

        Raises:
            EvidenceError: a feature has a name that JSON members are not decoded by.
        """
        numbers = [f for f in signature.features if f.type != "category"]
        texts = [f for f in signature.features if f.type == "category"]
        self.features = [*numbers, *texts]
        self.names = [f.name for f in self.features]
        self.numbers = len(numbers)
        self._strict = strict
        self._max_rows = max_rows
        self._bounds = [(_or(f.min, -LARGEST), _or(f.max, LARGEST)) for f in numbers]
        self._low, self._high = np.array(self._bounds, dtype=np.float64).reshape(-1, 2).T
        self._whole = [i for i, f in enumerate(numbers) if f.type == "integer"]
        self._known = [_known(f) for f in texts]
        try:
            self._row = _row_type(self.features)
        except ValueError as error:
            raise EvidenceError(f"a feature's name cannot be served: {error}.") from error
        request = msgspec.defstruct("Request", [("rows", list[self._row])], forbid_unknown_fields=True)  # type: ignore[name-defined]
        apart = msgspec.defstruct("Apart", [("rows", list[msgspec.Raw])], forbid_unknown_fields=True)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(request).decode
        self._decode_apart: Callable[[bytes], Any] = msgspec.json.Decoder(apart).decode
        self._decode_row = msgspec.json.Decoder(self._row).decode

    def read(self, body: bytes) -> Rows:
        """The rows of a request's body, checked.

        Raises:
            Refused: it is not JSON, a member stands twice or is unknown, or a value is not what it may be; the
                problem names row and field.
        """
        try:
            sent = self._decode(body).rows
        except (ValueError, RecursionError) as error:
            raise self._refusal(body, error) from None
        count = len(sent)
        if not 0 < count <= self._max_rows:
            raise in_rows([Fault(None, "rows", f"should hold 1 to {self._max_rows} rows, but holds {count}")])
        values = [astuple(row) for row in sent]
        columns = self._columns(values) if count > FEW else None
        if self._plain(values, columns, body):
            return Rows(sent, values, {}, columns)
        return self._unusual(sent, body)

    def _columns(self, values: list[Values]) -> Columns | None:
        """The values by column; None where a member was left out."""
        try:
            numbers = np.array([row[: self.numbers] for row in values], dtype=np.float64)
        except TypeError:
            return None
        return Columns(numbers, [[row[place] for row in values] for place in range(self.numbers, len(self.names))])

    def _plain(self, values: list[Values], columns: Columns | None, body: bytes) -> bool:
        """Whether every member is there, once, and all values are in range and known."""
        try:
            if not (self._in_range(columns.numbers) if columns else self._few_in_range(values)):
                return False
        except TypeError:  # a member was left out
            return False
        texts = columns.texts if columns else [[row[p] for row in values] for p in range(self.numbers, len(self.names))]
        nulls = 0
        for known, column in zip(self._known, texts, strict=True):
            if not known.issuperset(column):
                return False
            nulls += column.count(None)
        # Two quotes for `rows`, for each member and for each text: one more, and a member stands twice (or a text has
        # a quote in it, which the long way sorts out).
        return _quotes(body) == 2 * (1 + len(values) * (len(self.names) + len(self._known)) - nulls)

    def _few_in_range(self, values: list[Values]) -> bool:
        for row in values:
            for value, (low, high) in zip(row, self._bounds, strict=False):
                if value is not None and not low <= value <= high:
                    return False
            for place in self._whole:
                if row[place] is not None and row[place] % 1:
                    return False
        return True

    def _in_range(self, numbers: NDArray[np.float64]) -> bool:
        if ((numbers < self._low) | (numbers > self._high)).any():
            return False
        return not (self._whole and (np.nan_to_num(numbers[:, self._whole]) % 1).any())

    def _unusual(self, sent: list[Any], body: bytes) -> Rows:
        """The long way: fill what was left out, flag or refuse what is odd."""
        faults = repeated(body)
        flags: dict[int, list[str]] = {}
        values: list[Values] = []
        for number, row in enumerate(sent):
            for feature, member in zip(self.features, row.__struct_fields__, strict=True):
                if getattr(row, member) in (UNSET, ""):  # an empty text says no more than a null
                    setattr(row, member, None)
                for flag, fault in self._odd(feature, getattr(row, member)):
                    if flag is None or (self._strict and not (flag == "unseen" and feature.open)):
                        faults.append(Fault(number, feature.name, fault))
                    else:
                        flags.setdefault(number, []).append(f"{flag}:{feature.name}")
            values.append(astuple(row))
        if faults:
            raise in_rows(faults)
        return Rows(sent, values, flags)

    @staticmethod
    def _odd(feature: Feature, value: Any) -> list[tuple[str | None, str]]:
        """What is odd about a value: the flag that it gets, None where it cannot be scored, and the fault in words."""
        if value is None:
            return [] if feature.nullable else [(None, "should not be null or empty")]
        if feature.type == "category":
            if feature.categories is None or value in feature.categories:
                return []
            near = difflib.get_close_matches(value[:100], feature.categories, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return [("unseen", f"is {_shown(value)}, which is none of its categories{hint}")]
        if abs(value) > LARGEST:
            return [(None, f"is {value:g}, which is larger than single precision holds")]
        if feature.type == "integer" and value % 1:
            return [(None, f"should be a whole number, but is {value:g}")]
        low, high = _or(feature.min, -LARGEST), _or(feature.max, LARGEST)
        return [] if low <= value <= high else [("range", f"is {value:g}, but its range is {low:g} to {high:g}")]

    def _refusal(self, body: bytes, error: Exception) -> Refused:
        """Why a body could not be decoded: the first fault of each row."""
        try:
            apart = self._decode_apart(body).rows
        except msgspec.ValidationError as broken:
            return in_rows([fault_of(None, str(broken), ["rows"])])
        except (ValueError, RecursionError) as broken:
            return Refused("malformed-json", f"The body is not JSON: {broken}.")
        faults = []
        for number, row in enumerate(apart):
            try:
                self._decode_row(row)
            except msgspec.ValidationError as broken:
                faults.append(fault_of(number, str(broken), self.names))
            except (ValueError, RecursionError) as broken:
                return Refused("malformed-json", f"Row {number} is not JSON: {broken}.")
        return in_rows(faults) if faults else Refused("malformed-json", f"The body is not JSON: {error}.")


def _quotes(body: bytes) -> int:
    if len(body) < LONG:
        return body.count(b'"')
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == ord('"')))


def repeated(body: bytes) -> list[Fault]:
    """Members that stand twice in an object of the body, which is JSON."""

    class Twice(dict[str, Any]):
        names: tuple[str, ...] = ()

    def pairs(members: list[tuple[str, Any]]) -> Twice:
        found = Twice(members)
        if len(found) < len(members):
            names = [name for name, _ in members]
            found.names = tuple(dict.fromkeys(n for n in names if names.count(n) > 1))
        return found

    content = json.loads(body, object_pairs_hook=pairs)
    faults = [Fault(None, name, "stands twice") for name in content.names]
    for number, row in enumerate(content["rows"]):
        faults += [Fault(number, name, "stands twice") for name in row.names]
    return faults


def _row_type(features: Sequence[Feature]) -> type[msgspec.Struct]:
    members: list[Any] = []
    for place, feature in enumerate(features):
        kind: Any = _JSON_TYPES[feature.type]
        nullable = (kind | None | UnsetType, UNSET)
        members.append((f"f{place}", *nullable) if feature.nullable else (f"f{place}", kind))
    return msgspec.defstruct(
        "Row",
        members,
        rename={f"f{place}": feature.name for place, feature in enumerate(features)},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


class _AnyText:
    """What a category without a list knows: every text but the empty one."""

    def __init__(self, *, nullable: bool) -> None:
        self._odd = ("", UNSET) if nullable else ("", UNSET, None)

    def issuperset(self, column: Sequence[Any]) -> bool:
        return not any(value in self._odd for value in column)


def _known(feature: Feature) -> frozenset[Any] | _AnyText:
    """The values of a category that need no second look."""
    if feature.categories is None:
        return _AnyText(nullable=feature.nullable)
    return frozenset([*feature.categories, None] if feature.nullable else feature.categories) - {""}


def fault_of(row: int | None, message: str, names: Sequence[str]) -> Fault:
    """A message of msgspec's as a fault, in the words of this API."""
    place = _PLACE.search(message)
    field = (place[2] or None) if place else None
    if place and place[1]:
        row = int(place[1])
    if match := _FIELD.match(message):
        if match[1] == "missing required":
            return Fault(row, match[2], "is missing")
        near = difflib.get_close_matches(match[2][:100], names, n=1)
        return Fault(row, match[2][:200], "is not known here" + (f"; did you mean `{near[0]}`?" if near else ""))
    if match := _EXPECTED.match(message):
        wanted = " or ".join(_SAID.get(kind, kind) for kind in match[1].split(" | "))
        return Fault(row, field, f"should be {wanted}, but is {_SAID.get(match[2], match[2])}")
    if message.startswith("Number out of range"):
        return Fault(row, field, "is larger than a number can be")
    return Fault(row, field, _PLACE.sub("", message))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
