"""Versions of the repository as champions: a git revision, or a release, whose record names one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.layout import MODEL, SERVED, SIGNATURE, WEIGHED
from weighlock.releases.record import read_release
from weighlock.revisions import Revision, find_commit
from weighlock.scoring import RESULT_THREADS, Scorer, Signature
from weighlock.scoring.signature import parse_signature
from weighlock.weighing.contender import Contender, Digests, require_another, require_holdout, score_holdout
from weighlock.weighing.holdout import FILE
from weighlock.weighing.unseen import choose, first_row

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {"weighed": WEIGHED, "served": SERVED}


def of_revision(name: str, commit: str, challenger: Contender, root: Path) -> Contender:
    """The models that the commit's `dvc.lock` names, as DVC's cache or remote has them.

    Raises:
        EvidenceError: a file is nowhere, does not verify, or both models have seen the challenger's holdout.
        NothingToWeigh: the challenger is this version.
    """
    return _compared(name, Revision(commit, root), challenger, Digests())


def of_release(name: str, challenger: Contender, root: Path) -> Contender:
    """The models of the commit that a release's record names, once their digests are those of the record.

    Raises:
        EvidenceError: the record is torn, its commit is not here, or a digest does not verify; and as `of_revision`.
        NothingToWeigh: the challenger is this release.
    """
    release = read_release(name, root)
    stated = Digests(release.weighed.digest, release.served.digest)
    if (found := find_commit(release.commit, root)) is None:
        raise EvidenceError(
            f"`{name}` is of the commit {release.commit}, which this clone does not have. Run `git fetch --unshallow "
            "--tags`."
        )
    return replace(_compared(name, Revision(found, root), challenger, stated), kind="release")


def _compared(name: str, revision: Revision, challenger: Contender, stated: Digests) -> Contender:
    revision.require(*(f"{folder}/{file}" for folder in MODELS.values() for file in (MODEL, SIGNATURE)))
    signatures = {which: _signature(revision, folder) for which, folder in MODELS.items()}
    weighed, served = signatures["weighed"], signatures["served"]
    digests = Digests(weighed.digest, served.digest)
    _verify(name, stated, digests)
    holdout = require_holdout(challenger, name)
    same = weighed.digest in challenger.models and revision.digests.get(FILE) == holdout.md5
    # a retraining of the same recipe, whose holdout is what is new: what is weighed now is what was served then
    retrained = served.digest == challenger.digests.weighed != challenger.digests.served
    others = {weighed.digest} if retrained else {weighed.digest, served.digest}
    require_another(name, others, challenger, nothing_new=same)
    choice = choose(name, None if retrained else served, weighed, revision, holdout, first_row(challenger.predictions))
    model = revision.data(f"{MODELS[choice.which]}/{MODEL}")
    scorer = Scorer(model, signatures[choice.which], threads=RESULT_THREADS)
    return Contender(
        name, "revision", score_holdout(scorer, challenger, name), choice.why, which=choice.which, scorer=scorer,
        digests=digests, unseen=True, revision=revision.name, source=revision,
    )  # fmt: skip


def _verify(name: str, stated: Digests, found: Digests) -> None:
    for which in MODELS:
        said, held = getattr(stated, which), getattr(found, which)
        if said is not None and said != held:
            raise EvidenceError(
                f"the digest of the {which} model of `{name}` does not verify: its record says {said}, its commit "
                f"holds {held}. Do not use it."
            )


def _signature(revision: Revision, folder: str) -> Signature:
    source = f"{folder}/{SIGNATURE} of {revision.name}"
    try:
        content = json.loads(revision.data(f"{folder}/{SIGNATURE}"))
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"`{source}` is not JSON: {error}") from error
    # signatures older than this key do not say; then only the rows can show that the holdout was left out
    return parse_signature({"trained_until": None, **content} if isinstance(content, dict) else content, source)
