"""A release's model, built again: its commit, an environment from that commit's lock, and the pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.releases.sources import NotThereError
from weighlock.revisions import dvc_cache, find_commit, git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighlock.releases.record import Release

# A clone of a release runs by itself: nothing of the environment that asks may reach into it.
_STRANGE = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_FIND_LINKS", "MAKEFLAGS", "MAKELEVEL"}
LAST = 3  # lines of what a command said


def rebuilt(release: Release, root: Path) -> dict[str, bytes]:
    """The served model's files, path -> content, as the pipeline makes them again.

    What DVC's cache still holds is taken from there, and what is made goes into it. `weighlock compare` says whether
    the result is the release's.

    Raises:
        NotThereError: the commit is not to be had, a step fails, or the result is another.
    """
    commit = _commit(release, root)
    with _worktree(commit, root) as folder:
        environment = _environment(folder)
        _run(["make", "env", f"PYTHON={sys.executable}"], folder, environment)
        _share_cache(root, folder)
        _run(["dvc", "repro"], folder, environment)
        _run(["weighlock", "compare", ".", commit], folder, environment)
        missing = [path for path in release.served.files if not (folder / path).is_file()]
        if missing:
            raise NotThereError(f"the pipeline of {commit[:9]} makes no `{missing[0]}`")
        return {path: (folder / path).read_bytes() for path in release.served.files}


def _commit(release: Release, root: Path) -> str:
    found = find_commit(release.commit, root)
    if found is None:
        git(root, "fetch", "--quiet", "origin", release.commit)
        found = find_commit(release.commit, root)
    if found is None:
        raise NotThereError(f"the commit {release.commit} is neither in this clone nor at `origin`")
    return found


@contextmanager
def _worktree(commit: str, root: Path) -> Iterator[Path]:
    """The files of a commit, in a folder that goes away."""
    git(root, "worktree", "prune")  # what a killed rebuild has left
    with tempfile.TemporaryDirectory(prefix="weighlock-rebuild-") as scratch:
        folder = Path(scratch, "tree")
        added = git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        if added.returncode:
            raise NotThereError(f"`git worktree add` refuses: {added.stderr.decode(errors='replace').strip()}")
        try:
            inside = git(root, "rev-parse", "--show-prefix").stdout.decode().strip()
            yield folder / inside
        finally:
            git(root, "worktree", "remove", "--force", str(folder))


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in _STRANGE and not key.startswith("GIT_")}
    path = f"{folder / '.venv/bin'}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONPATH": str(folder / "src"), "DVC_NO_ANALYTICS": "1"}


def _share_cache(root: Path, folder: Path) -> None:
    cache = dvc_cache(root).parents[1].absolute()
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    print(f"$ {' '.join(command)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NotThereError(f"`{command[0]}` is not installed here") from None
    if done.returncode:
        said = " / ".join(line.strip() for line in done.stdout.strip().splitlines()[-LAST:])
        raise NotThereError(f"`{' '.join(command)}` ended with {done.returncode}: {said}")
