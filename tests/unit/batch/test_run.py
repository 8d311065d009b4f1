"""`weighlock score`: the scorer's scores, each row once whatever kills it, and what cannot be scored is named."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.logged import KilledError, Log

from weighlock.batch.job import Job, Request, prepare
from weighlock.batch.table import ids_of
from weighlock.cli import main
from weighlock.errors import ConfigError, DataError, EvidenceError, SourceError
from weighlock.files import to_json
from weighlock.monitoring.log_store import Store
from weighlock.monitoring.prediction_log import read_segments
from weighlock.scoring import Scorer

TASKS = ("binary", "multiclass", "regression")
PART = 50


@pytest.fixture(scope="module")
def models(trained: Callable, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with a model of a task."""
    made: dict[str, Path] = {}

    def get(task: str) -> Path:
        if task not in made:
            t, made[task] = trained(task, "linear"), tmp_path_factory.mktemp(task)
            (made[task] / "model.onnx").write_bytes(t.content)
            (made[task] / "signature.json").write_text(to_json(t.signature.to_json()))
        return made[task]

    return get


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIGHLOCK_LOG_HASH_KEY", raising=False)
    return tmp_path


def ready(root: Path, source: str, out: str, model: Path, part_rows: int = PART, **change: Any) -> Job:
    request = Request(source, out, model=model, **{"keep": ["id"], **change})
    return prepare(request, root, lambda *_: None, part_rows)


def score(*args: Any, **options: Any) -> Job:
    job = ready(*args, **options)
    job.run()
    return job


def written(out: str) -> pd.DataFrame:
    return pd.read_csv(out) if out.endswith(".csv") else pq.read_table(out).to_pandas()


def table(rows: pd.DataFrame, path: str, **change: Any) -> str:
    """Rows in a file; booleans as a person would write them."""
    rows = rows.drop(columns="target").assign(**change)
    rows.to_csv(path, index=False) if path.endswith(".csv") else rows.to_parquet(path, index=False)
    return path


# --- scores


@pytest.mark.parametrize("out", ["out.parquet", "out.csv", "out"])
@pytest.mark.parametrize("source", ["rows.parquet", "rows.csv"])
@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_the_scorer(
    task: str, source: str, out: str, models: Callable, rows_of: Callable, root: Path
) -> None:
    rows = rows_of(task, 120, seed=3)

    score(root, table(rows, source), out, models(task))

    found = written(out)
    expected = Scorer.load(models(task)).score(rows)
    columns = [c for c in found if c in {"score", "value"} or c.startswith("score_")]
    np.testing.assert_allclose(found[columns].to_numpy().squeeze(), expected, rtol=1e-6)
    assert found["id"].tolist() == rows["id"].tolist()
    assert found["prediction_id"].is_unique
    if task == "multiclass":
        assert found["label"].tolist() == [["low", "middle", "high"][i] for i in expected.argmax(axis=1)]
    manifest = f".{out}.parts/_manifest.json" if "." in out else f"{out}/_manifest.json"
    assert {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()} >= {source, manifest}
    assert not list(root.rglob(".*.parts/part-*"))


def test_binary_labels_follow_the_threshold(models: Callable, rows_of: Callable, root: Path, tmp_path: Path) -> None:
    signature = json.loads((models("binary") / "signature.json").read_text())
    found = written(str(score(root, table(rows_of("binary"), "rows.csv"), "out.csv", models("binary")).output.out))

    assert signature["threshold"] is None or 0 < signature["threshold"] < 1
    threshold = signature["threshold"] or 0.5
    assert ((found["score"] >= np.float32(threshold)) == (found["label"] == "yes")).all()


def test_several_files_are_scored_in_order_of_their_names(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("binary", 120)
    (root / "in").mkdir()
    for place, name in enumerate(("b.csv", "a.parquet", "c.csv")):
        table(rows.iloc[place * 40 : place * 40 + 40], f"in/{name}")

    score(root, "in", "folder.csv", models("binary"), part_rows=30)
    score(root, "in/*.csv", "glob.csv", models("binary"))

    assert (
        written("folder.csv")["id"].tolist()
        == rows["id"].tolist()[40:80] + rows["id"].tolist()[:40] + rows["id"].tolist()[80:]
    )
    assert written("glob.csv")["id"].tolist() == rows["id"].tolist()[:40] + rows["id"].tolist()[80:]


def test_files_can_be_in_an_object_store(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("binary", 60)
    store = fsspec.filesystem("memory")
    table(rows, "rows.parquet")
    store.pipe_file(f"/{root.name}/in/rows.parquet", Path("rows.parquet").read_bytes())

    score(root, f"memory://{root.name}/in/*.parquet", f"memory://{root.name}/out/day.parquet", models("binary"))

    assert store.find(f"/{root.name}/out") == [
        f"/{root.name}/out/.day.parquet.parts/_manifest.json",
        f"/{root.name}/out/day.parquet",
    ]
    with store.open(f"/{root.name}/out/day.parquet") as file:
        assert pd.read_parquet(file)["id"].tolist() == rows["id"].tolist()


def test_ids_are_those_of_the_rows_wherever_the_file_is(models: Callable, rows_of: Callable, root: Path) -> None:
    table(rows_of("binary", 60), "rows.parquet")
    score(root, "rows.parquet", "one.parquet", models("binary"), part_rows=25)
    (root / "moved").mkdir()
    Path("rows.parquet").rename("moved/rows.parquet")
    score(root, "moved/rows.parquet", "two.parquet", models("binary"), part_rows=60)
    table(rows_of("binary", 60, seed=9), "rows.parquet")
    score(root, "rows.parquet", "three.parquet", models("binary"))

    one, two, three = (set(written(f"{n}.parquet")["prediction_id"]) for n in ("one", "two", "three"))
    assert one == two
    assert not one & three
    assert ids_of("ab", np.array([0, 17, 9_999_999_999])).to_pylist() == [
        "ab-0000000000",
        "ab-0000000017",
        "ab-9999999999",
    ]


# --- killed and started again


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 11), max_size=3), st.sampled_from(["out.parquet", "out.csv", "out"]), st.booleans())
def test_killed_and_started_again_no_row_is_missing_and_none_there_twice(
    models: Callable,
    rows_of: Callable,
    tmp_path_factory: pytest.TempPathFactory,
    deaths: list[int],
    out: str,
    logged: bool,
) -> None:
    root = tmp_path_factory.mktemp("killed")
    rows = rows_of("binary", 170)
    source = table(rows, str(root / "rows.csv"))
    log = Log(root / "log") if logged else None
    options = {"log": root / "log"} if logged else {}
    write = Store.write
    for death in [*deaths, 10**6]:
        steps = itertools.count()

        def dying(self: Store, *args: Any, steps: Any = steps, death: int = death) -> None:
            if next(steps) >= death:
                raise KilledError
            write(self, *args)

        job = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "write", dying)
            try:
                job = ready(root, source, str(root / out), models("binary"), part_rows=40, **options)
                job.run()
                break
            except KilledError:
                if job and job.recorder:
                    job.recorder.writer.close()  # as the kernel does for a dead process

    found = written(str(root / out))
    assert found["id"].tolist() == rows["id"].tolist()
    assert found["prediction_id"].is_unique
    if log:
        job.recorder.writer.close() if job and job.recorder else None
        log.compact()
        assert log.ids() == sorted(found["prediction_id"])


def test_a_run_that_was_killed_does_not_begin_anew(
    models: Callable, rows_of: Callable, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = table(rows_of("binary", 170), "rows.parquet")
    score(root, source, "whole", models("binary"))
    write = Store.write

    def dying(self: Store, name: str, content: bytes) -> None:
        if name.startswith("part-00000-00002"):
            raise KilledError
        write(self, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", dying)
        with pytest.raises(KilledError):
            score(root, source, "out", models("binary"))
    before = {p.name: p.stat().st_mtime_ns for p in Path("out").glob("part-*")}
    assert sorted(before) == ["part-00000-00000.parquet", "part-00000-00001.parquet"]

    job = ready(root, source, "out", models("binary"))
    assert job.progress.rows == 100
    job.run()

    assert {n: Path("out", n).stat().st_mtime_ns for n in before} == before
    for path in Path("whole").glob("part-*"):
        assert path.read_bytes() == Path("out", path.name).read_bytes()
    assert ready(root, source, "out", models("binary")).progress.complete


def test_another_run_does_not_go_on_with_its_parts(models: Callable, rows_of: Callable, root: Path) -> None:
    source = table(rows_of("binary", 60), "rows.csv")
    score(root, source, "out", models("binary"))

    with pytest.raises(ConfigError, match=r"`out` is there already, of another run: its model, columns differ"):
        ready(root, source, "out", models("regression"), keep=[])
    table(rows_of("binary", 61), "rows.csv")
    with pytest.raises(ConfigError, match="of another run: its inputs differ"):
        ready(root, source, "out", models("binary"))
    Path("out/_manifest.json").write_text("{")
    with pytest.raises(EvidenceError, match="is no manifest"):
        ready(root, source, "out", models("binary"))


def test_a_run_that_died_after_its_last_step_is_found_done(models: Callable, rows_of: Callable, root: Path) -> None:
    source = table(rows_of("binary", 60), "rows.csv")
    score(root, source, "out.csv", models("binary"))
    written = Path("out.csv").read_bytes()

    assert ready(root, source, "out.csv", models("binary")).progress.complete
    with pytest.raises(ConfigError, match=r"`out.csv` is there already, of another run: its columns differ"):
        ready(root, source, "out.csv", models("binary"), keep=[])
    Path("out.csv").unlink()
    score(root, source, "out.csv", models("binary"))

    assert Path("out.csv").read_bytes() == written


@pytest.mark.parametrize("out", ["there.csv", "there"])
def test_what_is_there_already_is_not_replaced(out: str, models: Callable, rows_of: Callable, root: Path) -> None:
    source = table(rows_of("binary", 60), "rows.csv")
    if out.endswith(".csv"):
        Path(out).write_text("mine")
    else:
        Path(out).mkdir()
        Path(out, "mine.txt").write_text("mine")

    with pytest.raises(ConfigError, match=r"is there already\. Remove it, or name another place"):
        ready(root, source, out, models("binary"))


# --- what cannot be scored

BAD = [
    ("size", "abc", r"`size` is 'abc', which is no number"),
    ("size", "1e39", r"`size` is 1e\+39, which is larger than single precision holds"),
    ("size", "-inf", r"`size` is -inf, which is larger than"),
    ("size", "", r"`size` is missing"),
    ("count", "2.5", r"`count` is 2.5, which is no whole number"),
    ("new", "maybe", r"`new` is 'maybe', which is no boolean"),
    ("port", "NA", r"`port` is missing"),
]


@pytest.mark.parametrize(("column", "value", "said"), BAD)
@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
def test_a_row_that_cannot_be_scored_is_named_or_left_out(
    column: str, value: str, said: str, source: str, models: Callable, rows_of: Callable, root: Path
) -> None:
    rows = rows_of("binary", 120)
    texts = rows[column].map(lambda v: None if pd.isna(v) else str(v)).astype(object)
    texts[77] = None if source.endswith("parquet") and value in {"", "NA"} else value
    table(rows, source, **{column: texts})

    with pytest.raises(DataError, match=rf"`{source}`, row 78: {said}"):
        score(root, source, "refused.csv", models("binary"))
    job = score(root, source, "skipped.csv", models("binary"), on_error="skip")

    found = written("skipped.csv")
    assert found["id"].tolist() == [k for k in rows["id"] if k != "k77"]
    assert job.progress.skipped == 1
    assert len(job.skipped) == 1
    assert not Path("refused.csv").exists()


def test_what_was_refused_can_be_skipped_and_what_was_skipped_not_be_refused(
    models: Callable, rows_of: Callable, root: Path
) -> None:
    rows = rows_of("binary", 120)
    table(rows, "rows.csv", size=[*rows["size"][:70], "x", *rows["size"][71:]])
    with pytest.raises(DataError, match=r"row 71: `size` is 'x', .* `--on-error skip` goes on"):
        score(root, "rows.csv", "out", models("binary"))

    assert score(root, "rows.csv", "out", models("binary"), on_error="skip").progress.rows == 119
    with pytest.raises(ConfigError, match="its on_error differ"):
        ready(root, "rows.csv", "out", models("binary"))


def test_a_part_of_which_every_row_is_bad_is_empty(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("multiclass", 120)
    table(rows, "rows.csv", size=["x"] * PART + rows["size"][PART:].tolist())

    score(root, "rows.csv", "out.parquet", models("multiclass"), on_error="skip")

    assert written("out.parquet")["id"].tolist() == rows["id"].tolist()[PART:]


def test_odd_values_are_scored_and_flagged_as_the_service_does(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("binary", 5).assign(count=[9.0, 1, 1, None, 1], port=["west", "north", "north", "south", "south"])
    table(rows, "rows.csv")

    score(root, "rows.csv", "out.csv", models("binary"))

    flags = written("out.csv")["flags"]
    assert flags[0] == "range:count unseen:port"
    assert flags[1:].isna().all() or set(flags[1:].dropna()) == {"unseen:kind"}


@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
def test_a_missing_column_is_named_with_its_nearest(
    source: str, models: Callable, rows_of: Callable, root: Path
) -> None:
    rows = rows_of("binary", 20).rename(columns={"weight": "weights"})
    table(rows, source)

    with pytest.raises(
        DataError, match=r"`rows\.\w+` lacks `weight` \(renamed to `weights`\?\), which the model takes"
    ):
        ready(root, source, "out.csv", models("binary"))
    with pytest.raises(DataError, match=r"lacks .*`nothing`"):
        ready(root, source, "out.csv", models("binary"), keep=["nothing"])


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (None, SourceError, "no file matches `rows.csv`"),
        (b"", DataError, "is empty"),
        (b"id;size;weight;count;new;kind;port\n", DataError, "delimited by ';'"),
        (b"id,size,size\n", DataError, "'size' more than once"),
        (b"id,size,weight,count,new,kind,port\n1,2\n", DataError, "is not CSV"),
        (b"id,size,weight,count,new,kind,port\n", DataError, "there is no row to score"),
        (b"\xff\xfe\xff", DataError, "is not utf-8"),
    ],
)
def test_a_file_that_is_amiss_is_said(
    content: bytes | None, error: type[Exception], said: str, models: Callable, root: Path
) -> None:
    if content is not None:
        Path("rows.csv").write_bytes(content)

    with pytest.raises(error, match=said):
        score(root, "rows.csv", "out.csv", models("binary"))
    assert not Path("out.csv").exists()


def test_a_torn_parquet_file_is_said(models: Callable, rows_of: Callable, root: Path) -> None:
    content = Path(table(rows_of("binary", 20), "rows.parquet")).read_bytes()
    Path("rows.parquet").write_bytes(content[:-9])

    with pytest.raises(DataError, match=r"`rows\.parquet` is not a Parquet file"):
        ready(root, "rows.parquet", "out.csv", models("binary"))


def test_a_column_of_the_outputs_own_name_is_not_carried(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("binary", 20).assign(score=1)

    with pytest.raises(ConfigError, match="`--keep score`"):
        ready(root, table(rows, "rows.csv"), "out.csv", models("binary"), keep=["score"])


# --- the log


def test_logged_rows_are_those_of_the_output(models: Callable, rows_of: Callable, root: Path) -> None:
    rows = rows_of("binary", 120)
    job = score(root, table(rows, "rows.parquet"), "out.parquet", models("binary"), log=Path("log"), entity="id")
    assert job.recorder is not None

    found, logged = written("out.parquet"), list(read_segments(Path("log")))

    assert [r.id for r in logged] == found["prediction_id"].tolist()
    assert [r.score for r in logged] == pytest.approx(found["score"].tolist())
    assert [r.label for r in logged] == found["label"].tolist()
    assert [r.entity for r in logged] == rows["id"].tolist()
    assert {r.time for r in logged} == {job.progress.started}
    assert {r.model.digest for r in logged} == {job.scorer.signature.digest}
    first = {k: None if pd.isna(v) else v for k, v in rows.iloc[0][list(logged[0].features)].items()}
    assert logged[0].features == first
    assert all(type(r.features["new"]) in {bool, type(None)} for r in logged)


def test_an_entity_without_a_log_makes_no_sense(models: Callable, rows_of: Callable, root: Path) -> None:
    with pytest.raises(ConfigError, match="goes with `--log-dir`"):
        ready(root, table(rows_of("binary", 20), "rows.csv"), "out", models("binary"), entity="id")


# --- the command


def test_the_command_says_what_it_did(
    models: Callable, rows_of: Callable, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of("binary", 120)
    table(rows, "rows.csv", size=["x", *rows["size"][1:]])
    command = ["score", "rows.csv", "out", "--model", str(models("binary")), "--keep", "id"]

    assert main(command) == 2
    assert "`rows.csv`, row 1: `size` is 'x', which is no number" in capsys.readouterr().err
    assert main([*command, "--on-error", "skip"]) == 0  # goes on
    said = capsys.readouterr().err
    assert "119 rows scored by target tree-" in said
    assert "1 rows could not be scored and were left out.\n  `rows.csv`, row 1" in said
    assert main([*command, "--on-error", "skip"]) == 0
    assert "is complete: 119 rows. Nothing to do." in capsys.readouterr().err
    assert pa.parquet.read_table("out").num_rows == 119
