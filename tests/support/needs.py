"""What a test cannot do without: where it is not to be had, the test is skipped, and loud about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def needing(what: str, missing: type[Exception]) -> Iterator[None]:
    """Skip where `missing` is raised; `what` is not tested then."""
    try:
        yield
    except missing as reason:
        pytest.skip(f"NOT TESTED: {what}. {reason}")
