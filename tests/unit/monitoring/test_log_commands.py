"""`weighlock log`: what is printed, in what order, and what its params say."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.monitoring.logged import KEY, Log, feedback, record, together

from weighlock.cli import main
from weighlock.errors import ConfigError
from weighlock.monitoring.log_policy import LogPolicy, read_monitoring, read_retention
from weighlock.monitoring.log_record import decode

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIGHLOCK_LOG_HASH_KEY", raising=False)
    (tmp_path / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    return Log(Path("log"), key=None)


def test_rows_of_one_request_are_printed_each_by_time_and_id(
    log: Log, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    log.write(record("e", days=1), together(record("c"), record("a")), record("b"), record("d", days=0.5))

    assert main(["log", "cat"]) == 0

    shown = [row for line in capfdbinary.readouterr().out.splitlines() for row in decode(line)]
    assert shown == [record("a"), record("b"), record("c"), record("d", days=0.5), record("e", days=1)]


def test_rows_of_days_and_segments_are_printed_by_time_and_once(
    log: Log, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    log.write(record("c", days=1), record("a"), record("b"))
    live = log.write(record("d", days=0.5), record("z", days=-1), close=False)
    log.compact()
    log.write(record("e", days=0.7), record("a2"))
    live.path.with_suffix(".taken").unlink()

    assert main(["log", "cat"]) == 0

    shown = [row for line in capfdbinary.readouterr().out.splitlines() for row in decode(line)]
    assert [row.id for row in shown] == ["z", "a", "a2", "b", "d", "e", "c"]
    assert shown[1] == record("a")


def test_compact_and_forget_say_what_they_did(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    writer = log.write(record("a", "jo"), feedback("a"), record("b", days=-100))
    writer.path.write_bytes(writer.path.read_bytes() + b'{"k')

    assert main(["log", "compact", "--at", "2026-01-31T15:00"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "1 predictions and 1 labels written, 1 segments done with, 0 still written to."
    assert shown[1].startswith("1 rows were older than `monitoring.log.retention`")
    assert shown[2].startswith("1 torn lines")

    assert main(["log", "forget", "--entity", "jo"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "1 predictions and 1 labels of them are erased."
    assert [line.split("/")[0] for line in shown[1:3]] == ["  labels", "  predictions"]
    assert main(["log", "cat", "--log-dir", "elsewhere"]) == 0
    assert main(["log", "compact", "--log-dir", "elsewhere"]) == 2


@pytest.mark.processes
def test_a_reader_that_has_seen_enough_is_no_error(log: Log) -> None:
    log.write(*(record(str(i), request="r" * 1000) for i in range(500)))
    command = f"{sys.executable} -m weighlock log cat | head -n 1"

    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)

    assert json.loads(done.stdout)["id"] == "0"
    assert (done.returncode, done.stderr) == (0, "")


def test_the_shipped_params_have_a_policy_for_the_log(log: Log) -> None:
    policy = read_monitoring().log

    assert policy == LogPolicy(sample=1.0, hash=[], drop=[], retention="90d")
    assert read_retention() == dt.timedelta(days=90)
    assert policy.params(None).takes("x")
    assert LogPolicy(hash=["a"], drop=["b"]).params(KEY).hash == {"a"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{log: {sampel: 1.0}}", "`log.sampel` is not a known key. Did you mean `sample`"),
        ("{log: {sample: 2.0}}", "`log.sample` should be less than or equal to 1"),
        ("{log: {retention: never}}", "`log.retention` should be a duration"),
        ("{lgo: {}}", "`lgo` is not a known key"),
    ],
)
def test_a_key_that_is_wrong_is_named(text: str, said: str, log: Log) -> None:
    content = Path("params.yaml").read_text().partition("\nmonitoring:")[0]
    Path("params.yaml").write_text(f"{content}\nmonitoring: {text}\n")

    with pytest.raises(ConfigError, match=said):
        read_monitoring()


def test_without_a_section_the_defaults_hold(log: Log) -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text().partition("\nmonitoring:")[0])

    assert read_retention() == dt.timedelta(days=90)
