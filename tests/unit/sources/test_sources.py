"""Sources: a callable, files or a database gives a table, or says clearly why not."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
from pathlib import Path

import pandas as pd
import pytest

from weighlock.config import parse
from weighlock.errors import ConfigError, DataError, SourceError
from weighlock.params import Csv, DataParams
from weighlock.sources import load
from weighlock.sources.files import load_files

MODULE = """
import pandas as pd

def load(start, end):
    return pd.DataFrame({"start": [str(start)], "end": [str(end)]}, index=[7])

def broken(start, end):
    raise ValueError("the feed is down")

def no_table(start, end):
    return [1, 2]
"""


def data(**change: object) -> DataParams:
    return parse({"depends_on": ".", **change}, DataParams, "params.yaml")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_source.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_source", raising=False)
    return "my_source"


def test_a_callable_gets_the_window(module: str) -> None:
    frame = load(data(source={"python": f"{module}:load"}, window={"start": "2013-01-01", "end": "2013-01-31"}))

    assert frame.to_dict("list") == {"start": ["2013-01-01"], "end": ["2013-01-31"]}
    assert list(frame.index) == [0]


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("broken", SourceError, r"raised ValueError: the feed is down \(`my_source.py`, line 8\)"),
        ("no_table", DataError, "returned list; it should return a pandas DataFrame"),
        ("nowhere", ConfigError, "has no `nowhere`"),
    ],
)
def test_a_callable_that_fails_is_named(module: str, name: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        load(data(source={"python": f"{module}:{name}"}))


def test_a_module_that_is_not_there_is_named(module: str) -> None:
    with pytest.raises(ConfigError, match="there is no module `no_such_module`"):
        load(data(source={"python": "no_such_module:load"}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.csv").write_text("x,y\n3,4\n")
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    return tmp_path


def test_a_glob_reads_files_in_order_of_their_names(folder: Path) -> None:
    assert load(data(source={"files": f"{folder}/*.csv"})).to_dict("list") == {"x": [1, 3], "y": [2, 4]}


def test_any_url_of_fsspec_is_read() -> None:
    import fsspec

    with fsspec.open("memory://bucket/a.csv", "wb") as file:
        file.write(b"x\n1\n")

    assert load_files("memory://bucket/*.csv", Csv())["x"].tolist() == [1]


def test_parquet_is_read(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.5]}).to_parquet(tmp_path / "a.parquet")

    assert load_files(str(tmp_path / "a.parquet"), Csv())["x"].tolist() == [1.5]


def test_dialects_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("größe;wert\n1,5;ä\n".encode("latin-1"))

    frame = load_files(str(tmp_path / "a.csv"), Csv(delimiter=";", encoding="latin-1", decimal=","))

    assert frame.to_dict("list") == {"größe": [1.5], "wert": ["ä"]}


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfx,y\n1,2\n")

    assert list(load_files(str(tmp_path / "a.csv"), Csv()).columns) == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("a.csv", b"", DataError, "a.csv` is empty"),
        ("a.csv", b"x,y\n", DataError, "a.csv` has a header but no rows"),
        ("a.csv", b"x;y\n1;2\n", DataError, "seems to be delimited by ';', but was read with ','"),
        ("a.csv", b"x,y\n1,caf\xe9\n", DataError, "is not utf-8: byte 0xe9 on line 2"),
        ("a.csv", b"x,x\n1,2\n", DataError, "has the column 'x' more than once"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", DataError, "is not a CSV delimited by ','"),
        ("a.parquet", b"PAR1 not really", DataError, "is not a Parquet file"),
    ],
)
def test_a_file_that_is_no_table_is_named(
    tmp_path: Path, name: str, content: bytes, error: type[Exception], said: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(error, match=said):
        load_files(str(tmp_path / name), Csv())


def test_an_encoding_that_does_not_exist_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="utf-9` is no encoding"):
        load_files(str(folder / "a.csv"), Csv(encoding="utf-9"))


@pytest.mark.parametrize("pattern", ["nowhere.csv", "nowhere/*.csv"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SourceError, match="no file matches"):
        load_files(str(tmp_path / pattern), Csv())


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        load_files("nosuch://a.csv", Csv())


def test_files_of_other_columns_are_named(folder: Path) -> None:
    (folder / "c.csv").write_text("x,z\n5,6\n")

    with pytest.raises(DataError, match=r"c\.csv` has other columns than the first file.*: y, z"):
        load_files(f"{folder}/*.csv", Csv())


QUERY = "SELECT id, day FROM t WHERE day >= :start AND day <= :end ORDER BY id"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(tmp_path / "d.sqlite")
    connection.execute("CREATE TABLE t (id INTEGER, day TEXT)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, "2012-12-31"), (2, "2013-01-01"), (3, "2013-01-02")])
    connection.commit()
    connection.close()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/d.sqlite")


@pytest.mark.usefixtures("database")
def test_a_query_gets_the_window() -> None:
    frame = load(
        data(
            source={"sql": {"url_env": "DATABASE_URL", "query": QUERY.replace(":start", "CAST(:start AS TEXT)")}},
            window={"start": dt.date(2013, 1, 1), "end": dt.date(2013, 1, 1)},
        )
    )

    assert frame["id"].tolist() == [2]


@pytest.mark.usefixtures("database")
def test_a_query_that_fails_is_told() -> None:
    with pytest.raises(SourceError, match="no such table: nowhere"):
        load(data(source={"sql": {"url_env": "DATABASE_URL", "query": "SELECT * FROM nowhere"}}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "the environment variable `DATABASE_URL`"),
        ("postgres at home", "is not a SQLAlchemy URL"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", "127.0.0.1:1/db` gave no rows"),
        ("nosuchdialect://me:secret@host/db", "gave no rows"),
    ],
)
def test_a_database_that_does_not_answer_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, url: str | None, said: str
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if url:
        monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(SourceError, match=said) as caught:
        load(data(source={"sql": {"url_env": "DATABASE_URL", "query": "SELECT 1", "timeout_seconds": 1}}))

    assert "secret" not in str(caught.value)
