"""Real clones, a small table of one's own, and commands that run as a user's would."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import NoBrowserError, Page, browser
from github.fixtures import github_description, host, hosted_model  # noqa: F401
from nginx_server import NoNginxError, install
from postgres_cluster import NoPostgresError, running_postgres

from support.needs import needing

ROOT = Path(__file__).parents[2]
SMALL_PARAMS = """\
data:
  source: {files: mine.csv}
  depends_on: mine.csv
  csv: {delimiter: ",", encoding: utf-8, decimal: "."}
  timezone: UTC
  window: {start: "2024-01-01", end: "2024-03-31"}
validate: {max_bad_share: 0.01, max_single_feature: 0.98}
split: {by: time, validation: 14d, holdout: 14d}
train:
  seed: 7
  metric: log_loss
  max_categories: 20
  search: {folds: 2, max_rows: 5000}
  learners:
    linear: {trials: 1, fixed: {C: 1.0}}
    lightgbm: {trials: 2, fixed: {n_estimators: 20}, space: {num_leaves: {low: 4, high: 8}}}
  calibration: auto
  threshold: {rule: f1, false_negative_cost: 1.0, value: 0.5}
evaluate: {baseline: prior, slices: [colour], max_slices: 5, bins: 5}
refit: {when: always, min_rank_correlation: 0.5}
gate:
  primary: {metric: log_loss, better: lower, margin: 0.2}
  guards: [{metric: roc_auc, better: higher, margin: 0.2}]
  cluster: day
  slices: {metric: log_loss, margin: 0.3, min_rows: 30}
  fairness: {groups: [colour], margin: 0.3, min_rows: 30}
  robustness: {metric: log_loss, margin: 0.3, missing: [load], unseen: [colour]}
  floors: {log_loss: baseline}
  must_run: [overlap, validation, lock]
  resamples: 200
"""
SMALL_SCHEMA = """\
task: binary
target: broke
classes: [false, true]
key: id
time: made
group: null
freshness: 2d
features:
  heat: {type: number, min: 0, max: 100}
  load: {type: number, nullable: true}
  colour: {type: category, values: open}
others: {}
"""


def small_table(rows: int = 900) -> pd.DataFrame:
    """Parts that break when they are hot; three months of them."""
    random = np.random.default_rng(5)
    heat = random.uniform(0, 100, rows).round(2)
    load = random.normal(0, 1, rows).round(3)
    load[::17] = np.nan
    risk = 1 / (1 + np.exp(-(heat - 60) / 12 - np.nan_to_num(load)))
    made = pd.date_range("2024-01-01", "2024-03-31T22:00", periods=rows)
    return pd.DataFrame(
        {
            "id": [f"part-{i}" for i in range(rows)],
            "made": made.strftime("%Y-%m-%dT%H:%M"),
            "heat": heat,
            "load": load,
            "colour": random.choice(["red", "green", "blue"], rows),
            "broke": random.random(rows) < risk,
        }
    )


def interruptible() -> None:
    """Where these tests run in the background, an interrupt is ignored, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class Project:
    """A clone in which commands run with that clone's code and a home of their own."""

    path: Path
    env: dict[str, str]

    def run(self, *command: str, code: int | None = 0, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone; its exit code must be `code` (None: any)."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**self.env, **extra},
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
            preexec_fn=interruptible,
        )
        assert code is None or done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", message)
        return self.run("git", "rev-parse", "HEAD").stdout.strip()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Only what a command needs: no configuration of the machine's user, no variables of this run."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n"
    )
    keep = {k: v for k, v in os.environ.items() if k.startswith(("LANG", "LC_", "SSL_", "OPENBLAS_", "TMPDIR"))}
    return {
        **keep,
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_NO_ANALYTICS": "1",
        "COLUMNS": "120",
    }


Clone = Callable[[str], Project]


@pytest.fixture(scope="session")
def clone(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Make a fresh clone of this repository, as it stands, in a folder of its own."""

    def make(name: str) -> Project:
        path = tmp_path_factory.mktemp(name) / "weighlock"
        subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(path)], check=True, env=environment)
        # The environment's `weighlock` is the checkout's; a clone runs its own code.
        project = Project(path, {**environment, "PYTHONPATH": str(path / "src")})
        changes = subprocess.run(["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True).stdout
        if changes:  # while developing: what is not committed yet is tested as well
            subprocess.run(["git", "apply"], cwd=path, input=changes, check=True)
            project.commit("uncommitted changes")
        return project

    return make


def with_small_table(project: Project) -> Project:
    """The clone, set up for the small table instead of the flights; it trains within seconds."""
    (project.path / "params.yaml").write_text(SMALL_PARAMS)
    (project.path / "schema.yaml").write_text(SMALL_SCHEMA)
    small_table().to_csv(project.path / "mine.csv", index=False)
    (project.path / "dvc.lock").unlink()
    return project


@pytest.fixture(scope="session")
def with_model(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Like `clone`, with the small table and its model, not committed yet: trained once, and then copied."""
    first = with_small_table(clone("with-model"))
    first.run("dvc", "repro", "-q")

    def make(name: str) -> Project:
        path = tmp_path_factory.mktemp(name) / "weighlock"
        shutil.copytree(first.path, path, symlinks=True)
        return Project(path, {**first.env, "PYTHONPATH": str(path / "src")})

    return make


@pytest.fixture
def small(clone: Clone) -> Project:
    """A clone with the small table, committed."""
    project = with_small_table(clone("small"))
    project.commit("my own table")
    return project


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of its own."""
    with needing("what needs a PostgreSQL", NoPostgresError), running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def nginx() -> None:
    """A real nginx to be run."""
    with needing("what needs a real nginx", NoNginxError):
        install()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a real browser."""
    with needing("what is seen in a browser", NoBrowserError), browser() as opened:
        yield opened
