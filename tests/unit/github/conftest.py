"""A stub of GitHub and its client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.github.stub import Stub, serving

from weighlock.github.api import Client


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def client(stub: Stub) -> Iterator[Client]:
    with serving(stub) as found:
        yield found
