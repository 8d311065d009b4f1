"""Reads the rows of a request: a signature is compiled once into checks that cost a few microseconds a request.

What is plainly right takes the short way: decode (msgspec), compare ranges, look categories up. Anything else, be it
wrong or only unusual, takes the long one, which finds out what it is and in which row and field.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from weighlock.errors import EvidenceError
from weighlock.serving.faults import fault_of, repeated, shown
from weighlock.serving.problems import Fault, Refused, in_rows
from weighlock.serving.rows import Columns, Rows, Values

if TYPE_CHECKING:
    from weighlock.scoring import Feature, Signature

LARGEST = float(np.finfo(np.float32).max)
FEW, LONG = 8, 4096  # rows and bytes up to which a loop is quicker than numpy
_JSON_TYPES: dict[str, type] = {"number": float, "integer": float, "boolean": bool, "category": str}


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
        found = self._few(sent, values, body) if count <= FEW else self._many(sent, values, body)
        return found or self._unusual(sent, body)

    def _few(self, sent: list[Any], values: list[Values], body: bytes) -> Rows | None:
        """A few rows where nothing is unusual; else None."""
        try:
            if not self._few_in_range(values):
                return None
        except TypeError:  # a member was left out
            return None
        texts = list(zip(*values, strict=True))[self.numbers :]
        known = all(known.issuperset(column) for known, column in zip(self._known, texts, strict=True))
        return Rows(sent, values, {}) if known and self._once(len(sent), texts, body) else None

    def _many(self, sent: list[Any], values: list[Values], body: bytes) -> Rows | None:
        """Many rows of which every member is there, once; else None. Odd values cost their own rows a second look."""
        try:
            columns = Columns.of(values, self.numbers)
        except TypeError:  # a member was left out
            return None
        odd = self._odd_rows(columns)
        if any(UNSET in values[place] for place in odd) or not self._once(len(sent), columns.texts, body):
            return None
        flags, changed = self._look(sent, odd, []) if odd else ({}, False)
        if changed:
            return self._rows(sent, flags)
        return Rows(sent, values, flags, columns, _raw(body))

    def _once(self, rows: int, texts: Sequence[Sequence[str | None]], body: bytes) -> bool:
        """Whether no member stands twice, where none was left out.

        There are two quotes for `rows`, for each member and for each text: one more, and a member stands twice (or a
        text has a quote in it, which the long way sorts out).
        """
        nulls = sum(column.count(None) for column in texts)
        return _quotes(body) == 2 * (1 + rows * (len(self.names) + len(self._known)) - nulls)

    def _few_in_range(self, values: list[Values]) -> bool:
        for row in values:
            for value, (low, high) in zip(row, self._bounds, strict=False):
                if value is not None and not low <= value <= high:
                    return False
            for place in self._whole:
                if row[place] is not None and row[place] % 1:
                    return False
        return True

    def _odd_rows(self, columns: Columns) -> list[int]:
        """Which rows have a value that is not plainly right."""
        odd: set[int] = set()
        numbers = columns.numbers
        if numbers.size:
            least, most = np.fmin.reduce(numbers, axis=1), np.fmax.reduce(numbers, axis=1)  # these pass nulls over
            if (least < self._low).any() or (most > self._high).any():
                out = (numbers < self._low[:, None]) | (numbers > self._high[:, None])
                odd.update(np.flatnonzero(out.any(axis=0)).tolist())
        if self._whole:
            parts = np.nan_to_num(numbers[self._whole]) % 1
            odd.update(np.flatnonzero(parts.any(axis=0)).tolist())
        for known, column in zip(self._known, columns.texts, strict=True):
            if not known.issuperset(column):
                odd.update(place for place, text in enumerate(column) if not known.issuperset((text,)))
        return sorted(odd)

    def _unusual(self, sent: list[Any], body: bytes) -> Rows:
        """The long way: every row is looked at."""
        flags, _ = self._look(sent, range(len(sent)), repeated(body))
        return self._rows(sent, flags)

    def _rows(self, sent: list[Any], flags: dict[int, list[str]]) -> Rows:
        """Rows in which something was filled in."""
        values = [astuple(row) for row in sent]
        return Rows(sent, values, flags, Columns.of(values, self.numbers) if len(sent) > FEW else None)

    def _look(self, sent: list[Any], places: Sequence[int], faults: list[Fault]) -> tuple[dict[int, list[str]], bool]:
        """Fill in what was left out of some rows, and flag or refuse what is odd.

        Returns:
            The flags by row, and whether anything was filled in.
        """
        flags: dict[int, list[str]] = {}
        changed = False
        for number in places:
            row = sent[number]
            for feature, member in zip(self.features, row.__struct_fields__, strict=True):
                if getattr(row, member) in (UNSET, ""):  # an empty text says no more than a null
                    setattr(row, member, None)
                    changed = True
                for flag, fault in self._odd(feature, getattr(row, member)):
                    if flag is None or (self._strict and not (flag == "unseen" and feature.open)):
                        faults.append(Fault(number, feature.name, fault))
                    else:
                        flags.setdefault(number, []).append(f"{flag}:{feature.name}")
        if faults:
            raise in_rows(faults)
        return flags, changed

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
            return [("unseen", f"is {shown(value)}, which is none of its categories{hint}")]
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


def _raw(body: bytes) -> bytes | None:
    """The rows of a body that holds them and nothing else; None where they are spread over lines."""
    if b"\n" in body:
        return None
    return body[body.index(b"[") : body.rindex(b"]") + 1]  # no row has a list in it, and no brace comes before


def _quotes(body: bytes) -> int:
    if len(body) < LONG:
        return body.count(b'"')
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == ord('"')))


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


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
