"""One commit of a few files, by git's plumbing: whole or not at all, whoever kills it, and never over anyone's work.

The branch is moved in one step, by compare-and-swap. A ref of this worktree names a commit that is under way, so that
`start` can bring index and working tree along where an earlier run was killed before it could. What else is changed or
staged stays as it is, and out of the commit.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from weighlock.errors import RepositoryError, StorageError
from weighlock.files import outputs
from weighlock.locks import locked
from weighlock.releases.entries import FILE, Entries, Entry, index_info, of_files, of_index, of_tree
from weighlock.releases.repository import ask, author_of, committer, last_words
from weighlock.revisions import find_commit, git

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PENDING = "refs/worktree/weighlock"  # of this worktree alone; it is never pushed
_BUSY = {"MERGE_HEAD": "a merge", "CHERRY_PICK_HEAD": "a cherry-pick", "REVERT_HEAD": "a revert"}


@dataclass(frozen=True)
class Base:
    """What a commit is built on.

    Attributes:
        top: the working tree's folder.
        prefix: leads from there to the folder that paths are relative to; empty, or ends in a slash.
        ref: the branch, `refs/heads/main`.
        commit: what it stands on.
        settled: the commit of an earlier, killed run that was completed just now; None where there was none.
    """

    top: Path
    prefix: str
    ref: str
    commit: str
    settled: str | None = None

    @property
    def branch(self) -> str:
        """`main` of `refs/heads/main`."""
        return self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True)
class Commit:
    """What came of it.

    Attributes:
        id: the commit that the branch stands on, which holds the files.
        new: whether this call made it; else the branch held all of it already.
    """

    id: str
    new: bool


def start(root: Path) -> Base:
    """Complete what a killed run has left, and say what a commit would be built on.

    Call it before reading anything that the commit's content hangs on.

    Raises:
        RepositoryError: there is no branch to commit to, or git is in the middle of something.
        StorageError: a file cannot be written.
    """
    top = Path(ask(root, "rev-parse", "--show-toplevel", otherwise=f"`{root}` is in no git repository."))
    prefix = ask(root, "rev-parse", "--show-prefix")
    detached = "no branch is checked out (HEAD is detached), so there is none to commit to. Run `git switch main`."
    ref = ask(root, "symbolic-ref", "--quiet", "HEAD", otherwise=detached)
    commit = find_commit("HEAD", root)
    if commit is None:
        raise RepositoryError(f"`{ref}` has no commit yet. Make one first.")
    for name, what in _BUSY.items():
        if git(root, "rev-parse", "--verify", "--quiet", name).returncode == 0:
            raise RepositoryError(f"{what} is under way in `{top}`. Finish it or abort it first; nothing was changed.")
    base = Base(top, prefix, ref, commit)
    with _alone(base):
        settled = _settle(base)
    return replace(base, settled=settled)


def commit_files(
    root: Path,
    files: Mapping[str, bytes | None],
    message: str,
    *,
    base: Base | None = None,
    author: str | None = None,
) -> Commit:
    """Commit exactly these files to the branch that is checked out, then bring index and working tree along.

    Args:
        root: the folder that the paths are relative to.
        files: path -> content; None removes the file.
        message: of the commit.
        base: of `start`, called before the content was made up: what has been committed since is not overwritten.
        author: `Name <mail>`, where it is not who commits.

    Raises:
        RepositoryError: one of the files has changes that are neither committed nor wanted, someone else has moved
            the branch, or git refuses. Nothing was changed.
        StorageError: the commit is there, but a file cannot be written; running the command again completes it.
    """
    base = base or start(root)
    contents = {_checked(base, path): content for path, content in files.items()}
    before = of_tree(base.top, base.commit, contents)
    wanted = {path: _wanted(base, content, before[path]) for path, content in contents.items()}
    with _alone(base):
        _require_unmoved(base)
        _require_clean(base, before, wanted)
        if wanted == before:
            return Commit(base.commit, new=False)
        made = _build(base, wanted, message, author)
        _publish(base, made, message)
        _bring_along(base, before, wanted)
        _forget(base, made)
    return Commit(made, new=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step; `path`'s folder is made.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with outputs(f"write-{path.name}", path.parent) as out:
            out.path(path.name).write_bytes(content)
    except OSError as error:
        raise StorageError(
            f"`{path}` cannot be written: {error.strerror or error}. Mend it, then run this again."
        ) from error


@contextmanager
def _alone(base: Base) -> Iterator[None]:
    """No other command of ours is at this worktree's index and files meanwhile; a killed one holds nothing."""
    folder = Path(ask(base.top, "rev-parse", "--absolute-git-dir"))
    with locked(folder / "weighlock.lock"):
        yield


def _checked(base: Base, path: str) -> str:
    """The path from the top, once it is sure to stay inside."""
    pure = PurePosixPath(path)
    odd = {"..", ".git"} & {part.lower() for part in pure.parts}
    if pure.is_absolute() or not pure.parts or odd or not path.isprintable():
        raise RepositoryError(f"`{path}` is no path inside the repository.")
    full = f"{base.prefix}{pure}"
    folder = (base.top / full).parent
    if folder.resolve() != base.top.resolve() / PurePosixPath(full).parent or (base.top / full).is_symlink():
        raise RepositoryError(f"`{path}` leads through a symbolic link. Replace that by what it points at.")
    return full


def _wanted(base: Base, content: bytes | None, before: Entry | None) -> Entry | None:
    if content is None:
        return None
    blob = ask(base.top, "hash-object", "-w", "--stdin", stdin=content)
    return Entry(before.mode if before else FILE, blob)


def _require_unmoved(base: Base) -> None:
    now = find_commit(base.ref, base.top)
    if now != base.commit:
        raise RepositoryError(
            f"someone else was first: `{base.branch}` stood on {base.commit[:9]} and is on {(now or 'nothing')[:9]} "
            "now. Nothing of yours was changed. Look at what they did (`git log -3`), then run this again."
        )


def _require_clean(base: Base, before: Entries, wanted: Entries) -> None:
    held = {
        "staged": of_index(base.top, wanted),
        "changed": of_files(base.top, {p: wanted[p] or before[p] for p in wanted}),
    }
    for what, entries in held.items():
        if odd := [path for path in wanted if entries[path] not in (before[path], wanted[path])]:
            raise RepositoryError(
                f"`{odd[0]}` is {what} and not committed, and this would overwrite it. Commit it, put it aside (`git "
                f"stash`) or take it back (`git restore --staged --worktree {odd[0]}`), then run this again."
            )


def _build(base: Base, wanted: Entries, message: str, author: str | None) -> str:
    """The commit, which nothing points at yet."""
    committer(base.top)  # tells what to set, where git would tell a page
    with tempfile.TemporaryDirectory(prefix="weighlock-index-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        ask(base.top, "read-tree", base.commit, env=index)
        ask(base.top, "update-index", "-z", "--index-info", stdin=index_info(wanted), env=index)
        tree = ask(base.top, "write-tree", env=index)
    signed = ask(base.top, "config", "--type=bool", "--default=false", "commit.gpgSign") == "true"
    return ask(
        base.top, "commit-tree", *(["-S"] if signed else []), "-p", base.commit, "-F", "-", tree,
        stdin=message.encode(), env=author_of(author) if author else None,
    )  # fmt: skip


def _publish(base: Base, made: str, message: str) -> None:
    """Move the branch, if it still is where it was; what is under way is known by then."""
    ask(base.top, "update-ref", PENDING, made)
    orders = f"start\nverify {PENDING} {made}\nupdate {base.ref} {made} {base.commit}\nprepare\ncommit\n"
    subject = message.partition("\n")[0]
    done = git(
        base.top, "update-ref", "-m", f"commit: {subject}", "--stdin", stdin=orders.encode(), env={"LC_ALL": "C"}
    )
    if done.returncode == 0:
        return
    _forget(base, made)
    _require_unmoved(base)
    raise RepositoryError(f"git does not move `{base.branch}`: {last_words(done.stderr)}. Nothing was changed.")


def _bring_along(base: Base, before: Entries, wanted: Entries) -> None:
    """Index and working tree of these paths, where they still hold what was before."""
    index = of_index(base.top, wanted)
    behind = {path: entry for path, entry in wanted.items() if index[path] == before[path] != entry}
    if behind:
        ask(base.top, "update-index", "-z", "--index-info", stdin=index_info(behind))
    files = of_files(base.top, {path: wanted[path] or before[path] for path in wanted})
    for path, entry in wanted.items():
        if files[path] == before[path] != entry:
            _write(base, path, entry)
    # without this, git would think for a moment that the files might have changed
    git(base.top, "update-index", "--refresh", "-q")


def _write(base: Base, path: str, entry: Entry | None) -> None:
    file = base.top / path
    if entry is not None:
        write_bytes(file, git(base.top, "cat-file", "blob", entry.blob).stdout)
        return
    file.unlink(missing_ok=True)
    with suppress(OSError):  # as git does: a folder goes with its last file
        for folder in file.relative_to(base.top).parents:
            (base.top / folder).rmdir()


def _settle(base: Base) -> str | None:
    """Bring along what a killed run had committed; None where nothing was left, or it never got that far."""
    made = find_commit(PENDING, base.top)
    if made is None:
        return None
    done = git(base.top, "merge-base", "--is-ancestor", made, base.commit).returncode == 0
    if done:
        changed = ask(base.top, "diff-tree", "-r", "-z", "--name-only", "--no-commit-id", made).split("\0")
        paths = list(filter(None, changed))
        _bring_along(base, of_tree(base.top, f"{made}^", paths), of_tree(base.top, base.commit, paths))
    _forget(base, made)
    return made if done else None


def _forget(base: Base, made: str) -> None:
    git(base.top, "update-ref", "-d", PENDING, made)  # another run's stays
