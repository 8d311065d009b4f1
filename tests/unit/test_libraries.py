"""libraries.yaml: what is recorded must be what is installed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from weighlock.cli import main
from weighlock.errors import ConfigError
from weighlock.libraries import check_libraries


def test_the_shipped_file_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["libraries"]) == 0
    assert "libraries are as" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numpy: '1.0'\n", f"records numpy 1.0, but {version('numpy')} is installed"),
        ("pandas: '1.0'\n", "does not record numpy"),
        ("- numpy\n", "should map library names to versions"),
    ],
)
def test_what_is_not_true_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "libraries.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        check_libraries(["numpy"], file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing"):
        check_libraries(["numpy"], tmp_path / "libraries.yaml")
