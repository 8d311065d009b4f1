"""What a commit says of a move, in lines that a machine reads: `Weighlock-To: v7, v8 at 10 %`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from weighlock.deployment.wording import one_line

_LINE = re.compile(r"Weighlock-([A-Z][a-z]+): (.*)")
FIRST = "Environment"


def format_trailers(said: Mapping[str, str | None]) -> str:
    """The last paragraph of a message; what is None or empty is left out. `Environment` comes first."""
    lines = {key: one_line(value) for key, value in said.items() if value}
    return "".join(f"Weighlock-{key}: {value}\n" for key, value in lines.items())


def trailers_of(message: str, environment: str) -> Mapping[str, str]:
    """What a message says of an environment.

    A message of a squashed branch has the trailers of several commits: the last that speak of it count, and a block
    begins with `Weighlock-Environment`.
    """
    found: dict[str, str] = {}
    block: dict[str, str] = {}
    for line in message.splitlines():
        if not (match := _LINE.fullmatch(line.strip())):
            continue
        if match[1] == FIRST:
            block = {}
            if match[2] == environment:
                found = block
        block.setdefault(match[1], match[2])
    return MappingProxyType(found)
