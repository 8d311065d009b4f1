"""One retraining at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighlock.errors import RepositoryError
from weighlock.retraining.workplace import alone


def test_a_second_one_is_told_to_wait_and_a_third_may(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(RepositoryError, match="under way"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
