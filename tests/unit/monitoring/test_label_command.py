"""`weighlock label` as it is called: files, a database, what is said, and where there is no log."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from tests.unit.monitoring.logged import START, Log, feedback, record

from weighlock.cli import main
from weighlock.errors import ConfigError, EvidenceError
from weighlock.monitoring.collect import find_log
from weighlock.monitoring.log_policy import read_log_url
from weighlock.monitoring.log_store import LABELS
from weighlock.scoring.signature import Feature, Signature

REPOSITORY = Path(__file__).parents[3]
BIG = 9007199254740993  # as a float it is its neighbour


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A folder with a model and a `params.yaml`; the log is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIGHLOCK_LOG_HASH_KEY", raising=False)
    (tmp_path / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    features = (Feature("carrier", "category", nullable=True),)
    signature = Signature("binary", "late", features, ("false", "true"), 0.5, {}, "sha256:00")
    (tmp_path / "models/served").mkdir(parents=True)
    (tmp_path / "models/served/signature.json").write_text(json.dumps(signature.to_json()))
    return Log(Path("log"), key=None)


def told(log: Log) -> dict[str, str]:
    return {row.id: row.truth for row in log.in_days(LABELS)}


def test_csv_keys_keep_their_zeros_and_long_ones_their_digits(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.write(record("007"), record("12e4"), record("b", str(BIG)), record("c"), feedback("c", "true"))
    Path("out.csv").write_text("id,late\n007,True\n12e4,False\n7,True\n12,\n")
    pq.write_table(pa.table({"nr": pa.array([BIG, None]), "late": [True, True]}), "out.parquet")

    assert main(["label", "out.csv", "--at", "2026-02-10"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "4 outcomes are about 2 predictions: 2 new truths, 0 corrected, 0 known already.",
        "  1 match no prediction of the log, first row 3: other rows, not logged (`monitoring.log.sample`), or too old.",  # noqa: E501
        "  1 have no truth yet.",
        "Of 4 predictions older than 7 days, 1 (25.0%) have no label; the oldest is of 2026-01-31 12:00 UTC.",
    ]
    assert main(["label", "out.parquet", "--by", "nr=entity", "--at", "2026-02-10", "--lag", "12h"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "2 outcomes are about 1 predictions: 1 new truths, 0 corrected, 0 known already."
    assert shown[1:] == ["  1 have no key.", "Of 4 predictions older than 12 hours, 0 (0.0%) have no label."]
    assert told(log) == {"007": "true", "12e4": "false", "b": "true"}


def test_a_database_is_asked_for_the_logs_days(
    log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write(record("a", "1"), record("b", "2", days=1), record("c", "3", days=2))
    log.compact()
    monkeypatch.setenv("DATABASE_URL", "sqlite:///outcomes.db")
    days = [START + pd.Timedelta(days=d) for d in (-1, 1, 2)]
    frame = pd.DataFrame(
        {"customer": [1, 2, 3], "late": ["true", "false", None], "day": [f"{d:%Y-%m-%d}" for d in days]}
    )
    with sa.create_engine("sqlite:///outcomes.db", poolclass=sa.NullPool).connect() as connection:
        frame.to_sql("outcomes", connection, index=False)
        connection.commit()

    query = "SELECT customer, late, day FROM outcomes WHERE day >= :start AND day <= :end"
    assert main(["label", "--sql", query, "--by", "customer=entity", "--at", "2026-02-10"]) == 0

    assert capsys.readouterr().out.startswith("2 outcomes are about 1 predictions: 1 new truths")
    assert told(log) == {"b": "false"}


def test_a_scored_file_says_whose_outcomes_they_are(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.write(record("p-1"), record("p-2"))
    Path("scores.csv").write_text("prediction_id,flight,score\np-1,x,.5\np-2,y,.5\n")
    Path("out.csv").write_text("flight,late\ny,true\n")

    assert main(["label", "out.csv", "--by", "flight", "--scored", "scores.csv"]) == 0

    assert "1 new truths" in capsys.readouterr().out
    assert told(log) == {"p-2": "true"}


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("id,late\na,maybe\n", [], "`out.csv`, row 1: `late` is 'maybe', which is none of the model's classes"),
        ("id,lated\na,true\n", [], "`late` (is it `lated`?): `--truth` says which column holds the truth"),
        ("nr,late\na,true\n", [], "`prediction_id`, or `id`: `--by` says which column holds the key"),
        ("id,late\na,true\n", ["--told", "at"], "`at` (is it `late`?): `--told`"),
        ("id,late\na,true\n", ["--by", "flight"], "the prediction log holds no `flight`"),
        ("id,late\na,true\n", ["--within", "7d"], "`--within` goes with `--when`"),
        ("id,late\na,true\n", ["--lag", "soon"], "`--lag`"),
        ("id,late\na,true\n", ["--at", "noon"], "`--at noon` is no time"),
        ("id,late\na,true\n", ["--sql", "SELECT 1"], "not both"),
        ("", [], "`out.csv` is empty"),
    ],
)
def test_what_is_refused(
    log: Log, capsys: pytest.CaptureFixture[str], content: str, options: list[str], message: str
) -> None:
    log.write(record("a"))
    Path("out.csv").write_text(content)

    assert main(["label", "out.csv", *options]) == 2

    assert message in capsys.readouterr().err
    assert told(log) == {}


def test_a_file_that_is_gone_is_named(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    log.write(record("a"))
    assert main(["label", "nowhere.csv"]) == 2
    assert "no file matches `nowhere.csv`" in capsys.readouterr().err


# --- where the log is


def test_without_a_log_that_anyone_named_it_is_neutral_and_says_so(
    log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", "github")

    assert main(["label", "out.csv"]) == 0

    assert "`monitoring.log_url` in `params.yaml` is not set" in capsys.readouterr().out
    assert Path("github").read_text() == "outcome=NEUTRAL\n"
    assert find_log() is None
    assert main(["label", "out.csv", "--log-dir", "nowhere"]) == 2
    with pytest.raises(EvidenceError, match="`nowhere` holds no prediction log"):
        find_log(to="nowhere")


def test_log_url_says_where_the_days_are(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("log_url: null", "log_url: days"))
    Path("days").mkdir()
    place = find_log()
    assert place is not None
    assert (place.where, place.folder) == ("days", Path("days"))
    assert read_log_url() == "days"

    log.write(record("a"), record("b"))
    assert main(["log", "compact", "--at", "2026-02-01"]) == 0
    assert list(Path("days").rglob("*.parquet"))
    assert not list(Path("log").rglob("*.parquet"))
    Path("out.csv").write_text("id,late\na,true\n")
    assert main(["label", "out.csv", "--at", "2026-02-10"]) == 0
    assert "Of 2 predictions older than 7 days, 1 (50.0%) have no label" in capsys.readouterr().out
    assert main(["log", "cat", "--labels"]) == 0

    Path("params.yaml").write_text(params.replace("log_url: null", "log_url: 7"))
    with pytest.raises(ConfigError, match="log_url"):
        find_log()


# --- as the clock calls it: nobody names anything


def test_outcomes_come_from_where_params_say(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(
        params.replace("outcomes: null", "outcomes: {files: out.csv, by: nr=entity, truth: was, told: told}")
    )
    log.write(record("a", "7"), record("b", "8"))
    Path("out.csv").write_text("nr,was,told\n7,true,2026-02-01\n9,false,2026-02-01\n")
    Path("mine.csv").write_text("id,late\nb,true\n")

    assert main(["label", "--at", "2026-02-10"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("outcomes of out.csv (`monitoring.outcomes`):\n2 outcomes are about 1 predictions: 1 new")
    assert told(log) == {"a": "true"}
    # what is named counts instead
    assert main(["label", "mine.csv", "--at", "2026-02-10"]) == 0
    assert told(log) == {"a": "true", "b": "true"}


@pytest.mark.parametrize(
    "outcomes", ["{by: id}", "{files: a.csv, sql: SELECT 1}", "{file: a.csv}", "{files: a.csv, within: soon}"]
)
def test_outcomes_that_say_nothing_or_too_much_are_named(log: Log, outcomes: str) -> None:
    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("outcomes: null", f"outcomes: {outcomes}"))
    with pytest.raises(ConfigError, match=r"outcomes|file"):
        read_log_url()


def test_compaction_is_neutral_where_no_machine_has_logged(
    log: Log, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", "github")
    assert main(["log", "compact"]) == 0
    assert "`monitoring.log_url` in `params.yaml` is not set" in capsys.readouterr().out

    params = Path("params.yaml").read_text()
    Path("params.yaml").write_text(params.replace("log_url: null", "log_url: s3://bucket/days"))
    assert main(["log", "compact"]) == 0
    assert "bring their days to s3://bucket/days" in capsys.readouterr().out
    assert Path("github").read_text().split() == ["outcome=NEUTRAL", "log=unset", "outcome=NEUTRAL", "log=set"]

    assert main(["log", "compact", "--log-dir", "nowhere", "--to", "days"]) == 2
