"""What workflows cost beside our commands, and what a pull request makes run: under act, with warm caches.

`python -m benchmarks.workflows`; some two minutes. A small table is trained once; then pull requests are run as GitHub
would run them, `reproduce.yml` and then `weigh.yml`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.borrowed import borrow
from benchmarks.figures import Figure, report
from benchmarks.serving_servers import BIN, ROOT

conftest, description, events, hosting = (
    borrow(name) for name in ("conftest", "github.description", "github.events", "github.repository")
)

MOST_OVERHEAD = 15.0  # seconds of a run, without our commands
MOST_SECONDS = 60.0  # of both runs, where no model changes
AFTER_TRAIN = ["train", "evaluate", "refit"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def main() -> int:
    """Run the pull requests, and report."""
    with tempfile.TemporaryDirectory(prefix="weighlock-workflows-") as name:
        folder = Path(name)
        try:
            described = description.Description.fetched(folder / "description")
        except description.NoDescriptionError as error:
            print(error)
            return 1
        project = _project(folder)
        with hosting.hosted(project, described, folder) as repository:
            repository.warm()
            figures = [*_docs(repository), *_parameter(repository)]
    return report("workflows", [*figures, *_lengths()])


def _project(folder: Path) -> Any:
    """A clone with a model of the small table, committed."""
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.invalid\n")
    env = {
        **os.environ, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "PATH": f"{BIN}:{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    path = folder / "clone"
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(path)], check=True, env=env)
    project = conftest.with_small_table(conftest.Project(path, {**env, "PYTHONPATH": str(path / "src")}))
    project.run("dvc", "repro", "--quiet")
    project.commit("feat: my own table")
    return project


def _runs(repository: Any, branch: str) -> tuple[Any, Any]:
    """A pull request of what was changed in the clone, as GitHub runs it."""
    repository.commit(branch, f"feat: {branch}")
    pull = repository.open_pull(branch)
    first = repository.act("reproduce.yml", events.pull_request(repository.github, pull)).passed()
    second = repository.act("weigh.yml", events.workflow_run(repository.github, first)).passed()
    return first, second


def _docs(repository: Any) -> list[Figure]:
    for branch in ("warm-up", "docs"):
        repository.start(branch)
        page = repository.project.path / "docs/pipeline.md"
        page.write_text(page.read_text() + f"\n{branch}\n")
        first, second = _runs(repository, branch)
    stages, taken = _stages(first), first.seconds + second.seconds
    figures = [
        Figure(
            f"overhead of {name}", f"< {MOST_OVERHEAD:.0f} s", f"{run.overhead:.1f} s of {run.seconds:.1f} s",
            run.overhead, run.overhead < MOST_OVERHEAD,
        )
        for name, run in (("reproduce.yml", first), ("weigh.yml", second))
    ]  # fmt: skip
    return [
        Figure("stages that run, docs alone changed", "none", ", ".join(stages) or "none", len(stages), not stages),
        Figure(
            "both runs, docs alone changed", f"< {MOST_SECONDS:.0f} s", f"{taken:.1f} s", taken, taken < MOST_SECONDS
        ),
        *figures,
    ]


def _parameter(repository: Any) -> list[Figure]:
    repository.start("smaller-C")
    params = repository.project.path / "params.yaml"
    params.write_text(params.read_text().replace("C: 1.0", "C: 0.5"))
    repository.project.run("dvc", "repro", "--quiet")
    stages = _stages(_runs(repository, "smaller-C")[0])
    return [
        Figure(
            "stages that run, a training parameter changed", ", ".join(AFTER_TRAIN), ", ".join(stages) or "none",
            len(stages), stages == AFTER_TRAIN,
        )
    ]  # fmt: skip


def _stages(run: Any) -> list[str]:
    """The stages that `weighlock reproduce` says have run; it hands them on as an output."""
    said = run.jobs["reproduce"].outputs["reproduce"]["ran"]
    return [name for name in said.split(",") if name]


def _lengths() -> list[Figure]:
    lines = max(len(path.read_text().splitlines()) for path in WORKFLOWS)
    return [Figure("lines of the longest workflow", "<= 150", str(lines), lines, lines <= 150)]


if __name__ == "__main__":
    raise SystemExit(main())
