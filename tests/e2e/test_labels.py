"""Labels with the real components: a service and a batch run hear what became of their rows; kills; PostgreSQL; S3."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Clone, Project, interruptible, small_table
from served import Running, add_key, serving
from sqlalchemy import create_engine

READ = """
import datetime as dt, json, sys
from weighlock.monitoring.window import coverage, read_window, versions_in
now = dt.datetime.now(dt.timezone.utc)
w = read_window(sys.argv[1], now - dt.timedelta(days=3), now + dt.timedelta(days=1), columns=[])
rows = [r for p in w.parts for r in p.rows.select(["id", "entity", "truth"]).to_pylist()]
print(json.dumps({"rows": rows, "versions": [v.model.version for v in versions_in(w)]}))
"""


@pytest.fixture(scope="module")
def project(with_model: Clone) -> Project:
    """A clone whose small model is trained."""
    return with_model("labels")


@pytest.fixture(scope="module")
def key(project: Project) -> str:
    return add_key(project)


def window(project: Project, log: str, **extra: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(project.run(sys.executable, "-c", READ, log, **extra).stdout)
    return found


def truths(project: Project, log: str) -> dict[str, Any]:
    return {row["entity"]: row["truth"] for row in window(project, log)["rows"]}


def listing(folder: Path) -> list[str]:
    """The files below a folder."""
    return sorted(str(Path(top) / name) for top, _, names in os.walk(folder) for name in names)


def asked(service: Running, rows: pd.DataFrame) -> dict[str, str]:
    """A request for each row, which says whom it is about; the ids of the answers."""
    ids = {}
    for row in rows.to_dict("records"):
        body = {"rows": [{"heat": row["heat"], "load": None, "colour": row["colour"]}]}
        status, answer = service.ask("POST", "/v1/predict", body, {"X-Entity-Id": row["id"]})
        assert status == 200
        ids[row["id"]] = answer["predictions"][0]["id"]
    return ids


def test_a_service_and_a_batch_are_told_what_became_of_their_rows(project: Project, key: str, postgres: str) -> None:
    table = small_table()
    served, scored = table.head(40), table.iloc[40:140]
    scored.drop(columns="broke").to_csv(project.path / "batch.csv", index=False)
    project.run("weighlock", "score", "batch.csv", "scores.parquet", "--log-dir", "log", "--entity", "id")
    first = pd.read_parquet(project.path / "scores.parquet")
    with serving(project, key) as service:
        ids = asked(service, served)
        told = [{"id": ids["part-0"], "truth": "true"}, {"id": ids["part-0"], "truth": "false"}]
        told.append({"id": first["prediction_id"][0], "truth": bool(scored["broke"].iloc[0])})
        assert service.ask("POST", "/v1/feedback", {"rows": told})[0] == 200
        project.run("weighlock", "log", "compact")  # while it serves

        url = postgres.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url)
        table[["id", "broke"]].iloc[1:60].to_sql("outcomes", engine, index=False)
        engine.dispose()
        query = ("--sql", "SELECT id, broke FROM outcomes", "--url-env", "PARTS_URL", "--by", "id=entity")
        by_entity = project.run("weighlock", "label", *query, PARTS_URL=url).stdout
        again = project.run("weighlock", "label", *query, PARTS_URL=url).stdout

    table[["id", "broke"]].iloc[60:].to_csv(project.path / "rest.csv", index=False)
    mistaken = project.run("weighlock", "label", "rest.csv").stdout  # its `id` is a part's, not a prediction's
    table[["id", "broke"]].iloc[60:].rename(columns={"id": "part"}).to_csv(project.path / "rest.csv", index=False)
    first.rename(columns={"id": "part"}).to_parquet(project.path / "kept.parquet")
    by_scores = project.run(
        "weighlock", "label", "rest.csv", "--by", "part", "--scored", "kept.parquet", "--lag", "1h", "--at",
        f"{dt.datetime.now(dt.UTC) + dt.timedelta(hours=2):%Y-%m-%dT%H:%M}",
    ).stdout  # fmt: skip

    # 39 rows of the service and 20 of the batch, one of which the service was told already
    assert by_entity.startswith("59 outcomes are about 59 predictions: 58 new truths, 0 corrected, 1 known already.")
    assert again.startswith("59 outcomes are about 59 predictions: 0 new truths, 0 corrected, 59 known already.")
    assert "None of them is found: `--by` says" in mistaken
    assert by_scores.startswith("840 outcomes are about 80 predictions: 80 new truths, 0 corrected, 0 known already.")
    assert "760 match no prediction of the log, first row 81" in by_scores
    assert "Of 140 predictions older than 1 hours, 0 (0.0%) have no label." in by_scores
    expected = {row.id: str(row.broke).lower() for row in table.head(140).itertuples()} | {"part-0": "false"}
    assert truths(project, "log") == expected
    project.run("weighlock", "log", "compact")
    assert truths(project, "log") == expected


def test_killed_while_labelling_and_compacting_each_label_is_there_once(project: Project) -> None:
    rows = 60_000
    table = small_table().drop(columns="broke")
    many = pd.concat([table] * (rows // len(table) + 1), ignore_index=True).head(rows)
    many["id"] = [f"p{i}" for i in range(rows)]
    many.to_parquet(project.path / "many.parquet", index=False)
    project.run("weighlock", "score", "many.parquet", "many-scored.parquet", "--log-dir", "killed", "--entity", "id")
    start = np.datetime64(dt.datetime.now(dt.UTC).replace(tzinfo=None), "s") + np.timedelta64(60, "s")
    told = [f"{start + np.timedelta64(i % 25, 'h')}Z" for i in range(rows)]  # two days, or a third, too
    pd.DataFrame({"id": many["id"], "broke": "true", "told": told}).to_csv(project.path / "out.csv", index=False)
    words = ("weighlock", "label", "out.csv", "--by", "id=entity", "--told", "told", "--log-dir", "killed")

    kills = 0
    # killed once the log has changed so often, which no machine is too fast for
    for changes in (1, 2, 3, 5, 8):
        both = [
            subprocess.Popen(command, cwd=project.path, env=project.env, stdout=subprocess.DEVNULL,
                             preexec_fn=interruptible)
            for command in (("weighlock", "log", "compact", "--log-dir", "killed"), words)
        ]  # fmt: skip
        for _ in range(changes):
            before = listing(project.path / "killed")
            while listing(project.path / "killed") == before and any(process.poll() is None for process in both):
                time.sleep(0.002)
        for process in both:
            kills += process.poll() is None
            process.kill()
            process.wait()
    project.run("weighlock", "log", "compact", "--log-dir", "killed")
    project.run(*words)

    assert kills
    done = project.run(*words).stdout
    assert done.startswith(
        f"{rows:,} outcomes are about {rows:,} predictions: 0 new truths, 0 corrected, {rows:,} known"
    )
    labels = project.run("weighlock", "log", "cat", "--labels", "--log-dir", "killed").stdout.splitlines()
    assert Counter(Counter(json.loads(line)["id"] for line in labels).values()) == {1: rows}


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment in which s3:// is a server of moto's on loopback, with a bucket `days`."""
    port_file = tmp_path / "moto.log"
    with port_file.open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", "0"], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while "Running on http://127.0.0.1:" not in port_file.read_text():
            assert time.monotonic() < deadline, port_file.read_text()
            time.sleep(0.1)
        port = port_file.read_text().split("Running on http://127.0.0.1:")[1].split()[0]
        extra = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        make = "import fsspec; fsspec.filesystem('s3').mkdir('days')"
        subprocess.run([sys.executable, "-c", make], env={**os.environ, **extra}, check=True)
        yield extra
    finally:
        process.terminate()
        process.wait()


def test_the_days_are_in_a_bucket_that_params_name(project: Project, bucket: dict[str, str]) -> None:
    params = project.path / "params.yaml"
    before = params.read_text()
    params.write_text(before + "monitoring: {log_url: s3://days/log}\n")
    try:
        small_table().head(50).drop(columns="broke").to_csv(project.path / "few.csv", index=False)
        words = ("weighlock", "score", "few.csv", "few-scored.csv", "--log-dir", "away", "--entity", "id")
        project.run(*words, **bucket)
        project.run("weighlock", "log", "compact", "--log-dir", "away", **bucket)
        small_table()[["id", "broke"]].head(60).to_csv(project.path / "out.csv", index=False)
        label = ("weighlock", "label", "out.csv", "--by", "id=entity", "--log-dir", "elsewhere")  # no segments there
        first, second = project.run(*label, **bucket).stdout, project.run(*label, **bucket).stdout
        found = window(project, "s3://days/log", **bucket)
    finally:
        params.write_text(before)

    assert not list((project.path / "away").rglob("*.parquet"))
    assert first.startswith("60 outcomes are about 50 predictions: 50 new truths")
    assert second.startswith("60 outcomes are about 50 predictions: 0 new truths, 0 corrected, 50 known already.")
    assert {row["truth"] for row in found["rows"]} == {"true", "false"}
    assert len(found["rows"]) == 50
    gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    down = project.run(*label, "--to", "s3://days/log", code=2, **(bucket | gone))
    assert "`s3://days/log` cannot be read" in down.stderr
