"""Where a retraining is made: a git worktree of its own below `.dvc/tmp`, with the user's DVC cache.

The user's branch, index and files stay as they are. A run that was killed finds its worktree again and goes on in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError, RepositoryError
from weighlock.locks import try_lock
from weighlock.releases.repository import ask, last_words
from weighlock.revisions import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = ".dvc/tmp/weighlock"  # DVC ignores it, git too, and it is on the cache's disk


@dataclass(frozen=True)
class Workplace:
    """A worktree.

    Attributes:
        root: of the user's repository: where `params.yaml` is.
        top: the worktree.
        base: the commit that it began from.
    """

    root: Path
    top: Path
    base: str

    @property
    def folder(self) -> Path:
        """Where `params.yaml` is in it."""
        return self.top / ask(self.root, "rev-parse", "--show-prefix")

    @property
    def environment(self) -> Mapping[str, str]:
        """Of commands that run in it: this very Python's, with the worktree's own code."""
        paths = [str(self.folder / "src"), os.environ.get("PYTHONPATH", "")]
        # $GITHUB_OUTPUT is for what the whole comes to, not for the gate within it
        kept = {name: value for name, value in os.environ.items() if name != "GITHUB_OUTPUT"}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
            "DVC_NO_ANALYTICS": "1",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in it; what it says goes to standard error, too."""
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        )  # fmt: skip
        print(done.stdout, end="", file=sys.stderr, flush=True)
        return done

    def commit(self, message: str, branch: str) -> str:
        """Commit all that has changed and put a branch on it, which is the last step.

        Raises:
            RepositoryError: git refuses.
        """
        ask(self.top, "add", "--all")
        if git(self.top, "diff", "--cached", "--quiet").returncode:
            ask(self.top, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", message)
        commit = ask(self.top, "rev-parse", "HEAD")
        ask(self.root, "branch", branch, commit)
        return commit

    def remove(self) -> None:
        """Take it away."""
        git(self.root, "worktree", "remove", "--force", str(self.top))
        shutil.rmtree(self.top, ignore_errors=True)
        git(self.root, "worktree", "prune")


def workplace(root: Path, name: str, *, anew: bool = False) -> Workplace:
    """The worktree of that name at the user's commit: the one that a killed run left, or a new one.

    Args:
        root: of the user's repository.
        name: the worktree's.
        anew: what a killed run left is taken away.

    Raises:
        RepositoryError: this is no git repository with a commit, or git refuses.
        EvidenceError: the commit lacks `params.yaml` or is no DVC repository.
    """
    base = ask(root, "rev-parse", "HEAD", otherwise="this is no git repository with a commit. Commit first.")
    top = (root / FOLDER / name).absolute()
    place = Workplace(root, top, base)
    if anew or git(top, "rev-parse", "HEAD").stdout.decode().strip() != base or not _is_own(top):
        place.remove()
        top.parent.mkdir(parents=True, exist_ok=True)
        done = git(root, "worktree", "add", "--quiet", "--detach", str(top), base)
        if done.returncode:
            raise RepositoryError(f"`git worktree add` refuses: {last_words(done.stderr)}.")
    if not (place.folder / "params.yaml").is_file() or not (place.folder / ".dvc").is_dir():
        place.remove()
        raise EvidenceError("the last commit has no `params.yaml` beside a `.dvc` folder. Commit them first.")
    _share_cache(root, place.folder)
    free_locks(place.folder)
    return place


@contextmanager
def checked_out(root: Path, branch: str) -> Iterator[Workplace]:
    """A worktree of a branch's commit for as long as the block lasts, with the user's DVC settings and cache.

    Raises:
        RepositoryError: git refuses.
    """
    place = Workplace(root, (root / FOLDER / f"at-{branch.replace('/', '-')}").absolute(), "")
    place.remove()  # what a killed run left
    place.top.parent.mkdir(parents=True, exist_ok=True)
    ask(root, "worktree", "add", "--quiet", "--detach", str(place.top), f"refs/heads/{branch}")
    try:
        _share_cache(root, place.folder)
        yield place
    finally:
        place.remove()


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """One retraining at a time in a repository; the lock goes with the process, however that ends.

    Raises:
        RepositoryError: another one is under way.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as file:
        if not try_lock(file.fileno()):
            raise RepositoryError("another retraining is under way in this repository. Wait until it is done.")
        yield


def bring_files(place: Workplace, pattern: str) -> None:
    """Copy source files that git does not hold from the user's folder; what the commit has stays.

    Args:
        place: the worktree.
        pattern: `data.source.files`: a path, a glob, or a URL, which needs nothing.
    """
    if "://" in pattern or Path(pattern).is_absolute():
        return
    for found in sorted(place.root.glob(pattern)):
        target = place.folder / found.relative_to(place.root)
        if found.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, target)


def _is_own(top: Path) -> bool:
    """Whether it is a worktree, and not a folder of the user's one."""
    return (top / ".git").is_file()


def _share_cache(root: Path, folder: Path) -> None:
    """The user's own DVC settings, remotes and all, and the very cache."""
    from dvc.config import Config

    local = root / ".dvc/config.local"
    if local.is_file():
        shutil.copyfile(local, folder / ".dvc/config.local")
    known = Config(str(root / ".dvc"))["cache"].get("dir")
    with Config(str(folder / ".dvc")).edit("local") as settings:
        settings.setdefault("cache", {})["dir"] = str(known or (root / ".dvc/cache").absolute())


def free_locks(folder: Path) -> None:
    """Take away DVC's record of who reads and writes, where a killed run left it.

    DVC itself sees to processes that are gone, but takes one that nobody has waited for yet, or another one by now
    under the same number, for its holder, and stops at a record that the kill tore.
    """
    path = folder / ".dvc/tmp/rwlock"
    with suppress(FileNotFoundError):
        held = path.read_text(encoding="utf-8")
        if not any(_works_in(folder, number) for number in _holders(held)):
            path.unlink()


def _holders(record: str) -> set[int]:
    """The processes that DVC's record names; none where it is torn."""
    try:
        content = json.loads(record)
        written, read = content.get("write", {}).values(), content.get("read", {}).values()
        return {holder["pid"] for holder in [*written, *(holder for holders in read for holder in holders)]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


def _works_in(folder: Path, number: int) -> bool:
    import psutil

    try:
        return Path(psutil.Process(number).cwd()).is_relative_to(folder.resolve())
    except (psutil.Error, OSError):
        return False
