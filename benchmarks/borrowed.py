"""What the tests already have: histories, fleets of services, a real nginx."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1] / "tests"


def borrow(name: str) -> Any:
    """A module of the end-to-end tests (`drill`), or of what all tests share (`support.stories`)."""
    for folder in (TESTS / "e2e", TESTS):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return importlib.import_module(name)
