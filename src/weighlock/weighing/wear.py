"""How worn the holdout is: how many distinct models have been weighed on it, in all history that is to be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighlock.layout import MODEL, PART_FILES, WEIGHED
from weighlock.revisions import LOCK, find_commit, git

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDOUT = PART_FILES["holdout"]
WEIGHED_MODEL = f"{WEIGHED}/{MODEL}"
# The stage that reads both, and what it read, as DVC writes them. Parsed as YAML, thousands of commits take minutes.
_EVALUATE = re.compile(rb"^  evaluate:\n(?:    .*\n?|\n)*", re.MULTILINE)
_READ = re.compile(rb"^    - path: (\S+)\n(?:      .+\n)*?      md5: '?([^\s']+)", re.MULTILINE)


@dataclass(frozen=True)
class Wear:
    """How often a holdout was used.

    Attributes:
        models: distinct models that were weighed on it, the working tree's included.
        commits: commits with another `dvc.lock` that were looked through.
        shallow: whether the clone's history is cut off, so that there may be more of both.
        caveat: in words, why there may be more; empty where there is no reason to think so.
    """

    models: int
    commits: int
    shallow: bool
    caveat: str = ""


def models_weighed(root: Path) -> Wear:
    """The models that any `dvc.lock` of any ref, or of the working tree, has beside the working tree's holdout.

    Both are known by their MD5, as dependencies of the stage `evaluate`. Commits that a squash or a rebase left behind
    no ref are not to be seen.
    """
    try:
        own = weighed_on((root / LOCK).read_bytes())
    except FileNotFoundError:
        own = None
    if own is None:
        return Wear(0, 0, shallow=False, caveat=f"`{LOCK}` does not say which holdout this is, so none is counted")
    holdout, models = own[0], {own[1]}
    commits, blobs = _history(root)
    models |= {pair[1] for pair in map(weighed_on, _contents(root, blobs)) if pair and pair[0] == holdout}
    if not commits:
        caveat = "there is no git history to look through, so only the working tree's model is counted"
        return Wear(len(models), 0, shallow=False, caveat=caveat)
    shallow = git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    caveat = "the clone is shallow, so there may be more: run `git fetch --unshallow`" if shallow else ""
    return Wear(len(models), len(commits), shallow=shallow, caveat=caveat)


def weighed_on(lock: bytes) -> tuple[str, str] | None:
    """The MD5 of holdout and weighed model that a `dvc.lock` says were evaluated together; None where none were."""
    stage = _EVALUATE.search(lock.replace(b"\r\n", b"\n"))
    reads = {path.decode(): md5.decode() for path, md5 in _READ.findall(stage[0])} if stage else {}
    try:
        return reads[HOLDOUT], reads[WEIGHED_MODEL]
    except KeyError:
        return None


def _history(root: Path) -> tuple[set[str], set[str]]:
    """The commits that change `dvc.lock`, by any ref, and the ids of its contents."""
    if find_commit("HEAD", root) is None:
        return set(), set()
    log = git(
        root, "log", "--all", "HEAD",  # in CI a detached HEAD is no ref
        "--full-history", "-m",  # also what a merge threw away
        "--raw", "--no-abbrev", "--no-renames", "--format=%H", "--", LOCK,
    )  # fmt: skip
    lines = log.stdout.decode(errors="replace").splitlines()
    commits = {line for line in lines if line and not line.startswith(":")}
    # :100644 100644 <old> <new> M<tab>dvc.lock
    blobs = {line.split()[3] for line in lines if line.startswith(":")}
    return commits, {blob for blob in blobs if blob.strip("0")}


def _contents(root: Path, blobs: set[str]) -> Iterator[bytes]:
    if not blobs:
        return
    batch = git(root, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in sorted(blobs)).encode()).stdout
    at = 0
    while at < len(batch):
        end = batch.index(b"\n", at)
        fields = batch[at:end].split()  # <id> blob <bytes>, or <id> missing
        at = end + 1
        if len(fields) == 3:
            yield batch[at : at + int(fields[2])]
            at += int(fields[2]) + 1
