"""A repository whose small model is in production, with a prediction log that a test fills as it likes."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from conftest import Project, small_table

from github import events
from github.repository import Repository
from github.runner import Run
from weighlock.monitoring.prediction_log import LogWriter, Model, Record, encode, stamp
from weighlock.scoring import RESULT_THREADS, Scorer

DAYS = 15  # two windows, and the day that is under way
ROWS = 40  # of a day
Change = Callable[[dict[str, list[object]]], None]

WATCH = """\
release: {{name: parts}}
monitoring: {{log_url: "{log}"}}
watch: {{window: 7d, max_age: null, cooldown: 14d}}
"""
# a release that is older than `watch.cooldown`
A_MONTH_AGO = """\
import datetime as dt, sys, types
import weighlock.cli.release as command
from weighlock.cli import main

class Past(dt.datetime):
    @classmethod
    def now(cls, tz=None):
        return dt.datetime.now(tz) - dt.timedelta(days=30)

command.dt = types.SimpleNamespace(datetime=Past, UTC=dt.UTC)
sys.exit(main(["release", "--offline"]))
"""


@dataclass
class Clocked:
    """The repository, its log, and DVC's remote."""

    repository: Repository
    log: Path
    store: Path  # DVC's remote

    @property
    def project(self) -> Project:
        return self.repository.project

    def served(self, change: Change = lambda columns: None) -> None:
        """What services have answered in the last two weeks, anew; `change` is done to the last three days' rows."""
        shutil.rmtree(self.log, ignore_errors=True)
        scorer = Scorer.load(self.project.path / "models/served", threads=RESULT_THREADS)
        table = small_table()
        random = np.random.default_rng(3)
        now = dt.datetime.now(dt.UTC)
        writer = LogWriter.open(self.log, "0")
        for day in range(DAYS, 0, -1):
            rows = table.iloc[random.integers(len(table), size=ROWS)]
            columns = {name: [None if v != v else v for v in rows[name]] for name in ("heat", "load", "colour")}
            if day <= 3:
                change(columns)
            scores = scorer.score(
                {
                    n: np.array([np.nan if v is None else v for v in c], dtype=object if n == "colour" else float)
                    for n, c in columns.items()
                }
            )
            model = Model("parts", "v1", scorer.signature.digest)
            start = now - dt.timedelta(days=day)
            lines = [
                Record(
                    f"{day}-{i}", stamp(start + dt.timedelta(minutes=i)), model,
                    {name: values[i] for name, values in columns.items()}, score=float(np.ravel(scores[i])[-1]),
                )
                for i in range(ROWS)
            ]  # fmt: skip
            writer.append([encode(line) for line in lines])
        writer.close()

    def watch(self, **more: object) -> Run:
        """The clock starts watch.yml."""
        return self.repository.act("watch.yml", events.schedule(self.repository.github), **more)

    def arrived(self) -> None:
        """Two more weeks of rows come to the table on main."""
        self.repository.start("main")
        table = small_table()
        made = pd.to_datetime(table["made"])
        new = table[made < "2024-01-15"].assign(made=(made + pd.Timedelta(days=91)).dt.strftime("%Y-%m-%dT%H:%M"))
        new["id"] = "new-" + new["id"]
        pd.concat([table, new]).to_csv(self.project.path / "mine.csv", index=False)
        self.repository.commit("main", "data: April")

    def set(self, message: str, **replace: str) -> None:
        """Change `params.yaml` on main: old text -> new text."""
        self.repository.start("main")
        path = self.project.path / "params.yaml"
        text = path.read_text()
        for old, new in replace.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        self.repository.commit("main", message)


def in_production(project: Project, log: Path, store: Path) -> None:
    """Release the clone's model, promote it, and put it where runners find it."""
    params = project.path / "params.yaml"
    params.write_text(params.read_text() + WATCH.format(log=log))
    project.run("dvc", "remote", "add", "--quiet", "--default", "store", str(store))
    project.commit("feat: my own table")
    project.run("weighlock", "gate")
    project.run("python", "-c", A_MONTH_AGO)
    project.run("weighlock", "promote", "v1", "staging", "--now", "--offline")
    project.run("weighlock", "promote", "v1", "production", "--offline")
    project.run("dvc", "push", "--quiet")
