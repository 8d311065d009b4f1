"""What is wrong with a body, in the words of this API: from msgspec's messages, and what msgspec passes over."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

from weighlock.serving.problems import Fault

_SAID = {
    "float": "a number", "int": "a number", "str": "a text", "bool": "true or false", "null": "null",
    "array": "a list", "object": "an object",
}  # fmt: skip
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_FIELD = re.compile(r"Object (missing required|contains unknown) field `(.*)`(?: - at `.*`)?", re.DOTALL)
_PLACE = re.compile(r" - at `\$(?:\.rows\[(\d+)\])?\.?(.*)`$", re.DOTALL)


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


def shown(text: str) -> str:
    """A text of a client's as it stands in a message."""
    return repr(text if len(text) <= 40 else text[:39] + "…")
