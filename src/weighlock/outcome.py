"""What a decision came to, for the workflow that asked: `$GITHUB_OUTPUT`, where that is set."""

from __future__ import annotations

import os
from pathlib import Path


def announce(**values: str) -> None:
    """Append `name=value` lines to the file that `$GITHUB_OUTPUT` names; nothing where there is none.

    Raises:
        ValueError: a value holds a line break, which would let it write other names' values.
    """
    if any(character in value for value in values.values() for character in "\r\n"):
        raise ValueError("a value for $GITHUB_OUTPUT must be one line")
    if target := os.environ.get("GITHUB_OUTPUT"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())
