"""A release's tag, by GTO's grammar: `flights@v8.0.0` registers version 8 of the artifact `flights`."""

from __future__ import annotations

import re

_TAG = re.compile(r"(?P<name>[a-z][a-z0-9-]*[a-z0-9])@v(?P<number>[1-9]\d*)\.0\.0")


def format_tag(name: str, version: str) -> str:
    """The tag of a release; GTO's versions have three parts, ours count one.

    >>> format_tag("flights", "v8")
    'flights@v8.0.0'
    """
    return f"{name}@{version}.0.0"


def parse_tag(tag: str) -> tuple[str, str] | None:
    """Name and version of a release's tag; None where it is none.

    >>> parse_tag("flights@v8.0.0")
    ('flights', 'v8')
    """
    match = _TAG.fullmatch(tag)
    return (match["name"], f"v{match['number']}") if match else None
