"""What the commands that commit ask of git: who, on which branch, whether it is up to date, tag and push."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.errors import ConfigError, RepositoryError
from weighlock.revisions import find_commit, git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PERSON = re.compile(r"(.+?) <([^<>]+)>")


@dataclass(frozen=True)
class Upstream:
    """The branch that a branch follows.

    Attributes:
        remote, ref: `origin`, and there `refs/heads/main`.
        name: as people call it: `origin/main`.
    """

    remote: str
    ref: str
    name: str

    @property
    def branch(self) -> str:
        """What it is called there: `main`."""
        return self.ref.removeprefix("refs/heads/")


def ask(
    root: Path, *arguments: str, otherwise: str = "", stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> str:
    """What git answers, without the final newline.

    Raises:
        RepositoryError: it refuses; `otherwise` says what that means, or else git's own last words do.
    """
    done = git(root, *arguments, stdin=stdin, env=env)
    if done.returncode:
        raise RepositoryError(otherwise or f"`git {arguments[0]}` refuses: {last_words(done.stderr)}.")
    return done.stdout.decode(errors="surrogateescape").removesuffix("\n")


def last_words(stderr: bytes) -> str:
    """The line in which git says what went wrong."""
    lines = [line for line in stderr.decode(errors="replace").strip().splitlines() if not line.startswith("hint:")]
    told = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (told or lines or ["no reason given"])[0].strip().rstrip(".")


def committer(root: Path) -> str:
    """Who commits here: `Name <mail>`.

    Raises:
        ConfigError: git does not know.
    """
    # without useConfigOnly git makes a name up from the machine's
    found = git(root, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    match = _PERSON.match(found.stdout.decode(errors="replace"))
    if found.returncode or not match:
        raise ConfigError("git does not know who you are. Set `git config user.name` and `git config user.email`.")
    return match[0]


def author_of(person: str) -> dict[str, str]:
    """The environment that makes `Name <mail>` a commit's author.

    Raises:
        ConfigError: it is not of that form.
    """
    if not (match := _PERSON.fullmatch(person)):
        raise ConfigError(f"an author is `Name <mail>`, not {person!r}.")
    return {"GIT_AUTHOR_NAME": match[1], "GIT_AUTHOR_EMAIL": match[2]}


def upstream_of(branch: str, root: Path) -> Upstream | None:
    """What a branch follows; None where it follows nothing, or a branch of this very clone."""
    found = {
        key: git(root, "config", "--get", f"branch.{branch}.{key}").stdout.decode().strip()
        for key in ("remote", "merge")
    }
    if not all(found.values()) or found["remote"] == ".":
        return None
    return Upstream(found["remote"], found["merge"], f"{found['remote']}/{found['merge'].removeprefix('refs/heads/')}")


def require_current(branch: str, root: Path, *, fetch: bool = True) -> Upstream | None:
    """Refuse a branch that lacks commits which its upstream has; what it follows, or None where it follows nothing.

    Args:
        branch: such as `main`.
        root: the repository.
        fetch: ask the remote; else what was last fetched counts.

    Raises:
        RepositoryError: it does, or the remote does not answer.
    """
    upstream = upstream_of(branch, root)
    if upstream is None:
        return None
    if fetch:
        fetch_branch(
            upstream.remote, upstream.branch, root, "--no-tags",
            failed=f"whether `{upstream.name}` has moved cannot be known",
            mend="Mend the remote, or say `--offline` to go by what was fetched last.",
        )  # fmt: skip
    there = f"refs/remotes/{upstream.name}"
    if git(root, "rev-parse", "--verify", "--quiet", there).returncode:
        return upstream  # the remote has no such branch yet
    missing = ask(root, "log", "--format=%h %s (%an)", f"refs/heads/{branch}..{there}").splitlines()
    if missing:
        count = f"{len(missing)} commit{'s' if len(missing) > 1 else ''}"
        raise RepositoryError(
            f"`{branch}` is stale: it lacks {count} of `{upstream.name}`, the newest being {missing[0]}. Run `git pull "
            "--rebase`, look at what has changed, then run this again."
        )
    return upstream


def push(branch: str, commit: str, root: Path, tags: tuple[str, ...] = ()) -> Upstream:
    """Push a commit to what its branch follows, tags with it, all or nothing.

    Raises:
        RepositoryError: there is nothing to push to, the remote does not answer, or someone else was first; then the
            message tells how to undo this clone's commit and begin anew.
    """
    upstream = upstream_of(branch, root)
    if upstream is None:
        raise RepositoryError(f"`{branch}` follows no remote branch. Run `git push --set-upstream origin {branch}`.")
    specs = [f"{commit}:{upstream.ref}", *(f"refs/tags/{tag}:refs/tags/{tag}" for tag in tags)]
    done = git(root, "push", "--quiet", "--atomic", "--porcelain", upstream.remote, *specs)
    if done.returncode == 0:
        return upstream
    said = (done.stdout + done.stderr).decode(errors="replace")
    if "[rejected]" in said or "stale info" in said or "cannot lock ref" in said:
        short = commit[:9]
        raise RepositoryError(
            f"someone else was first: `{upstream.name}` has moved, and {short} was not pushed. Take it back (`git "
            f"reset --keep {short}~1`), run `git pull --ff-only`, look at what they did, then run this again."
        )
    raise RepositoryError(
        f"`git push {upstream.remote}` refuses: {last_words(done.stderr or done.stdout)}. The commit {commit[:9]} is "
        "in this clone; mend that, then push it."
    )


def tag(name: str, commit: str, message: str, root: Path) -> bool:
    """Put an annotated tag on a commit; whether it is new.

    Raises:
        RepositoryError: the tag is on another commit, or git refuses.
    """
    found = git(root, "rev-parse", "--verify", "--quiet", f"refs/tags/{name}^{{commit}}")
    if found.returncode == 0:
        there = found.stdout.decode().strip()
        if there == commit:
            return False
        raise RepositoryError(f"the tag `{name}` is on {there[:9]}, not on {commit[:9]}. Tags are not moved: look why.")
    ask(root, "tag", "--annotate", "--message", message, name, commit)
    return True


def fetch_branch(remote: str, branch: str, root: Path, *options: str, failed: str, mend: str) -> str | None:
    """Bring a remote's branch to `refs/remotes/REMOTE/BRANCH`.

    Args:
        remote, branch: `origin`, `main`.
        root: the repository.
        options: of `git fetch`.
        failed, mend: what is not known where the remote does not answer, and what to do, in words.

    Returns:
        Its commit; None where the remote has no such branch.

    Raises:
        RepositoryError: the remote does not answer.
    """
    there = f"refs/remotes/{remote}/{branch}"
    done = git(root, "fetch", "--quiet", *options, remote, f"+refs/heads/{branch}:{there}")
    if done.returncode == 0:
        return find_commit(there, root)
    if b"couldn't find remote ref" in done.stderr:
        return None
    raise RepositoryError(f"{failed}: {last_words(done.stderr)}. {mend}")
