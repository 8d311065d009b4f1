"""The watch's looks, kept between runs: on a branch of their own, which holds nothing else and has no history.

The watch itself needs none of them: it reads two windows of the log. They are what the status page draws, and the
evidence of a retraining. The branch is one commit, made anew each time, so that it does not grow: verdicts of all looks
(some KB each), reports of the newest few.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import ConfigDict, Field

from weighlock.config import Strict, parse
from weighlock.errors import ConfigError, RepositoryError
from weighlock.files import outputs, read_json
from weighlock.releases.repository import ask, fetch_branch, last_words
from weighlock.revisions import find_commit, git
from weighlock.watching.write import MACHINE, PAGE, PICTURE, SUMMARY, VERDICT

if TYPE_CHECKING:
    from collections.abc import Iterator

HISTORY = Path("history/watch")
BRANCH = "watch-history"
REMOTE = "origin"
REPORTS = (SUMMARY, PICTURE, PAGE, MACHINE)
MOST_REPORTS = 8  # newest looks of an environment whose reports are kept, as many as the status page shows
_REF, _THERE = f"refs/heads/{BRANCH}", f"refs/remotes/{REMOTE}/{BRANCH}"
_NAME = re.compile(r"[a-z][a-z0-9-]*/\d{4}-\d{2}-\d{2}")


class _Window(Strict):
    model_config = ConfigDict(extra="ignore", strict=False)

    end: dt.date


class _Look(Strict):
    model_config = ConfigDict(extra="ignore", strict=False)

    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    window: _Window


def verdict_of(name: str, history: Path = HISTORY) -> Path:
    """The verdict of the look `environment/day`.

    Raises:
        ConfigError: that is no such name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"`{name}` is no look such as production/2026-02-25.")
    return history / name / VERDICT


def add(look: Path, history: Path = HISTORY) -> Path:
    """Put what `weighlock watch` left in the folder `look` among the others, as environment/day.

    Returns:
        Its folder; one of the same day is replaced.

    Raises:
        EvidenceError: there is no verdict, or it is torn.
        ConfigError: it is none of the watch's.
        StorageError: the disk is full or read-only.
    """
    seen = parse(read_json(look / VERDICT, "weighlock watch"), _Look, str(look / VERDICT))
    target = history / seen.environment / str(seen.window.end)
    target.mkdir(parents=True, exist_ok=True)
    with outputs("look", target) as out:
        for name in (VERDICT, *REPORTS):
            if (look / name).is_file():
                shutil.copyfile(look / name, out.path(name))
    thin(history / seen.environment)
    return target


def thin(environment: Path) -> None:
    """Take the reports of all but the newest looks away; verdicts stay."""
    days = sorted(path for path in environment.iterdir() if path.is_dir())
    for day in days[:-MOST_REPORTS]:
        for name in REPORTS:
            (day / name).unlink(missing_ok=True)


def fetch(root: Path, history: Path = HISTORY, *, offline: bool = False) -> int:
    """Bring the branch's looks into the folder, beside those that are there.

    Args:
        root: of the repository.
        history: the folder; it is made.
        offline: go by what was fetched last, as where a checkout brought all branches and left no right to ask again.

    Returns:
        How many there are; 0 where there is no branch yet.

    Raises:
        RepositoryError: the remote does not answer.
    """
    commit = find_commit(_THERE, root) if offline else _fetched(root)
    target = root / history
    target.mkdir(parents=True, exist_ok=True)
    if commit is None:
        return 0
    with _index() as index:
        ask(root, "read-tree", commit, env={"GIT_INDEX_FILE": index})
        prefix = f"--prefix={target.absolute()}{os.sep}"
        words = ("-c", "core.symlinks=false", "checkout-index", "--all", "--force", prefix)  # a link becomes a file
        ask(root, *words, env={"GIT_INDEX_FILE": index})
    return sum(1 for _ in target.rglob(VERDICT))


def push(root: Path, history: Path = HISTORY) -> str | None:
    """Make the folder the branch's one commit, and push it.

    Call `fetch` before: what the branch held and the folder does not is gone.

    Returns:
        The commit; None where the branch holds all of it already.

    Raises:
        RepositoryError: someone else pushed meanwhile, or the remote refuses.
    """
    there = find_commit(_THERE, root)
    with _index() as index:
        env = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": str((root / history).absolute())}
        env["GIT_DIR"] = ask(root, "rev-parse", "--absolute-git-dir")
        ask(root / history, "add", "--all", "--force", ".", env=env)
        tree = ask(root / history, "write-tree", env=env)
    if there is not None and ask(root, "rev-parse", f"{there}^{{tree}}") == tree:
        return None
    commit = ask(root, "commit-tree", tree, "-m", "chore: the watch's looks")
    lease = f"--force-with-lease={_REF}:{there or ''}"
    done = git(root, "push", "--quiet", lease, REMOTE, f"{commit}:{_REF}")
    if done.returncode:
        raise RepositoryError(
            f"`{BRANCH}` was not pushed to `{REMOTE}`: {last_words(done.stderr)}. Where someone else was first, run "
            "this again; where the token has expired or may not write, run the job again with `contents: write`."
        )
    git(root, "update-ref", _THERE, commit)
    return commit


def _fetched(root: Path) -> str | None:
    """The branch's newest commit on the remote; None where it has none."""
    found = fetch_branch(
        REMOTE, BRANCH, root, "--no-tags", "--depth=1",
        failed=f"the watch's looks on `{REMOTE}` cannot be fetched", mend="Mend the remote, then run this again.",
    )  # fmt: skip
    if found is None:
        git(root, "update-ref", "-d", _THERE)
    return found


@contextmanager
def _index() -> Iterator[str]:
    """A name for an index of its own: the user's stays as it is."""
    with tempfile.TemporaryDirectory() as folder:
        yield str(Path(folder) / "index")
