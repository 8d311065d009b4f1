"""Run one workflow of this checkout by hand, as the tests do: `make act WORKFLOW=check.yml`.

What is committed runs, hosted as its own GitHub; `--event pull_request` proposes HEAD to the branch `--base`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import ROOT, Project

from github import events
from github.description import Description
from github.repository import Repository, hosted


def main() -> int:
    """Run it, print its log, and exit as it did."""
    parser = argparse.ArgumentParser(prog="python -m github", description=__doc__)
    parser.add_argument("workflow", help="file in .github/workflows")
    parser.add_argument("--event", default="push", choices=("push", "pull_request", "dispatch", "schedule"))
    parser.add_argument("--base", default="main", help="what a pull request goes into (default: main)")
    parser.add_argument("--input", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--job", help="only this one and those that it needs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weighlock-act-") as name:
        folder = Path(name)
        description = Description.fetched(folder / "description")
        project = _project(folder, args.base if args.event == "pull_request" else "HEAD")
        with hosted(project, description, folder) as repository:
            cache = subprocess.run(["dvc", "cache", "dir"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
            repository.warm(Path(cache.strip()))
            run = repository.act(args.workflow, _event(repository, args), job=args.job, timeout=3600)
        print(run.log)
        for job in run.jobs.values():
            print(f"{job.name}: {job.conclusion}, {job.own:.1f} s in our commands")
        print(f"{args.workflow}: {run.conclusion} in {run.seconds:.1f} s")
        return int(run.code != 0)


def _project(folder: Path, commit: str) -> Project:
    """A clone at a commit, with a person's identity and nothing else of this machine's configuration."""
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.invalid\n")
    kept = {k: v for k, v in os.environ.items() if k.startswith(("LANG", "LC_", "SSL_"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**kept, "HOME": str(home), "PATH": path, "GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1"}
    project = Project(folder / "clone", env)
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(project.path)], check=True, env=env)
    sha = subprocess.run(["git", "rev-parse", commit], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    head = project.run("git", "rev-parse", "HEAD").stdout.strip()
    project.run("git", "branch", "-q", "--force", "proposed", head)
    project.run("git", "fetch", "-q", "origin", sha.strip())
    project.run("git", "checkout", "-q", "-B", "base", sha.strip())
    return project


def _event(repository: Repository, args: argparse.Namespace) -> events.Event:
    github = repository.github
    if args.event == "push":
        return events.push(github, before="0" * 40)
    if args.event == "schedule":
        return events.schedule(github)
    if args.event == "dispatch":
        return events.dispatch(github, dict(pair.split("=", 1) for pair in args.input))
    repository.project.run("git", "push", "-q", "origin", "proposed")
    return events.pull_request(github, repository.open_pull("proposed"))


if __name__ == "__main__":
    raise SystemExit(main())
