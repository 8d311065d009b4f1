"""The command line: known errors become messages and exit codes; the rest keep their traceback."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from weighlock import cli
from weighlock.cli import COMMANDS, main
from weighlock.cli import summary as summary_command
from weighlock.cli._times import present, time_of
from weighlock.errors import ConfigError, EvidenceError


def test_an_error_that_the_user_can_mend_is_a_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["summary"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: `reports/metrics.json` is missing. Run `dvc repro` first.")
    assert "Traceback" not in error


def test_an_interrupt_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(summary_command, "run", interrupted)

    assert main(["summary"]) == 2
    assert capsys.readouterr().err.startswith("Interrupted.")


def test_the_unforeseen_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(summary_command, "run", broken)

    with pytest.raises(ZeroDivisionError):
        main(["summary"])


def test_each_command_has_a_module_of_its_name() -> None:
    folder = Path(cli.__file__).parent

    assert {p.stem for p in folder.glob("[!_]*.py")} == set(COMMANDS)  # _*.py: what some of them share


def test_help_loads_none_of_the_libraries() -> None:
    script = (
        "import sys; from weighlock.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'pydantic', 'yaml', 'sklearn', 'mlflow', 'dvc', 'onnxruntime'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert shown.splitlines()[-1] == "loaded []"
    assert all(command in shown for command in COMMANDS)


def test_an_unknown_stage_is_refused_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["stage", "deploy"])

    assert caught.value.code == 2
    assert EvidenceError.exit_code == 2


@pytest.mark.parametrize(
    ("text", "timezone", "utc"),
    [
        ("2026-01-31", "UTC", "2026-01-31T00:00"),
        ("2026-01-31T05:15", "America/New_York", "2026-01-31T10:15"),
        ("2026-01-31T05:15Z", "America/New_York", "2026-01-31T05:15"),
    ],
)
def test_a_time_without_a_zone_is_of_the_one_that_is_given(text: str, timezone: str, utc: str) -> None:
    assert f"{present(text, timezone).astimezone(dt.UTC):%Y-%m-%dT%H:%M}" == utc


def test_what_is_no_time_names_its_option() -> None:
    with pytest.raises(ConfigError, match="`--last-retraining soon` is no time such as 2026-01-31"):
        time_of("soon", "--last-retraining")
