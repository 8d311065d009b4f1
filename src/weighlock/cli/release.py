"""`weighlock release`: record a challenger that passed as the next version."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.releases.commits import Base
    from weighlock.releases.compose import Made, Models
    from weighlock.releases.pending import Pending
    from weighlock.releases.record import Release

VERDICT = Path("reports/gate/gate.json")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--image", metavar="IMAGE", help="the image of this model: `registry/name@sha256:…`")
    parser.add_argument("--bento", metavar="TAG", help="the bento of this model: `name:version`, or its file")
    parser.add_argument(
        "--verdict", type=Path, metavar="FILE", default=VERDICT, help=f"what the gate wrote (default: {VERDICT})"
    )
    parser.add_argument("--tag", action="store_true", help="put an annotated tag on the commit: `name@v8.0.0`")
    parser.add_argument("--push", action="store_true", help="push the commit, and the tag with it, all or nothing")
    parser.add_argument("--offline", action="store_true", help="do not ask the remote whether this branch is stale")
    parser.add_argument("--dry-run", action="store_true", help="print the record and change nothing")
    parser.add_argument(
        "--branch",
        action="store_true",
        help="in a branch of its own, `release/v8`; one that is proposed is gone on with",
    )
    parser.add_argument(
        "--pending",
        action="store_true",
        help="say whether there is anything to release, by digests alone; change nothing",
    )


def run(args: argparse.Namespace) -> None:
    """Record, commit, tag and push, as far as that is not done yet."""
    from weighlock.releases.pending import find_pending, switch_to

    if args.pending or args.branch:
        found = find_pending(Path.cwd(), fetch=not args.offline)
        _tell(found)
        if args.pending or found.state == "released":
            return
        if not args.dry_run:
            switch_to(found, Path.cwd())
    _release(args)


def _tell(found: Pending) -> None:
    """What has become of the tree's models, for people and for a workflow."""
    from weighlock.outcome import announce

    what = {
        "released": f"nothing to release: the tree's models are `{found.version}`.",
        "proposed": f"`{found.branch}` proposes them as `{found.version}` already.",
        "new": f"the tree's models will be `{found.version}`.",
    }
    print(what[found.state])
    announce(state=found.state, version=found.version, branch=found.branch, run=found.run)


def _release(args: argparse.Namespace) -> None:
    from weighlock.outcome import announce
    from weighlock.releases.commits import commit_files, start
    from weighlock.releases.compose import files_of, read_models, released_as, require_committed
    from weighlock.releases.record import format_release, path_of
    from weighlock.releases.repository import require_current

    root = Path.cwd()
    base = start(root)
    require_committed(root)
    require_current(base.branch, root, fetch=not args.offline)
    models = read_models(root)
    release = released_as(models, root)
    if release is not None:
        commit, said = _recorded_by(release, root), "is there already"
    else:
        release, evidence = _make(args, models, base, root)
        if args.dry_run:
            print(format_release(release).rstrip())
            return
        message = _message(release)
        commit = commit_files(root, files_of(release, evidence), message, base=base).id
        said = "recorded"
    print(f"{path_of(release.version)}: {said}, {commit[:9]}")
    if not args.dry_run:
        _project(args, release, commit, base, root)
        announce(version=release.version, commit=commit)


def _make(args: argparse.Namespace, models: Models, base: Base, root: Path) -> tuple[Release, dict[str, bytes]]:
    """The record and its evidence, once the verdict lets this very challenger through."""
    from weighlock.errors import EvidenceError
    from weighlock.layout import PREDICTIONS
    from weighlock.params import FILE as PARAMS
    from weighlock.releases.compose import compose
    from weighlock.releases.evidence import gather
    from weighlock.releases.record import read_release
    from weighlock.releases.repository import committer
    from weighlock.releases.verdict import Present, let_through, read_verdict
    from weighlock.weighing.champion import stable_release
    from weighlock.weighing.conditions import lock
    from weighlock.weighing.policy import read_policy
    from weighlock.weighing.predictions import read_predictions, rows_digest
    from weighlock.weighing.reached import reached

    verdict = read_verdict(args.verdict)
    predictions = read_predictions(root / PREDICTIONS)
    stable = stable_release(root)
    present = Present(
        weighed=models.weighed.digest,
        served=models.served.digest,
        holdout=rows_digest(predictions),
        policy=read_policy(predictions.task, root / PARAMS).model_dump(mode="json"),
        champion=read_release(stable, root) if stable else None,
    )
    judged = let_through(verdict, args.verdict, present, root)
    made = _made(args, models)
    if not (condition := lock(root)).holds:
        raise EvidenceError(condition.reason)
    evidence = gather(root, args.verdict, reached(root))
    at = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
    return compose(root, models, judged, evidence, made, base.commit, committer(root), at), evidence


def _made(args: argparse.Namespace, models: Models) -> Made:
    """The bento and the image that are named, as far as this machine can look into them."""
    from weighlock.packaging.bento import require_bento
    from weighlock.packaging.bento_file import require_bento_file
    from weighlock.releases.compose import Made
    from weighlock.releases.record import check_image

    tag, model = args.bento or None, (models.served.digest, models.served.signature)
    if tag and Path(tag).is_file():
        tag = require_bento_file(Path(tag), *model)
    elif tag:
        require_bento(tag, *model)
    return Made(tag, check_image(args.image) if args.image else None)


def _message(release: Release) -> str:
    """The commit's: what a reader of the history looks for."""
    from weighlock.releases.pending import RUN

    judged = release.verdict
    against = f"against {judged.champion}" if judged.champion else "bootstrap"
    run = f"\n{RUN}: {number}" if (number := os.environ.get("GITHUB_RUN_ID", "")).isdigit() else ""
    accepted = f"\nAccepted: {judged.accepted}" if judged.accepted else ""
    return (
        f"release: {release.name} {release.version}\n\n"
        f"Verdict: {judged.outcome} ({against}), evidence {judged.evidence}{accepted}\n"
        f"Model: {release.served.digest}\nOf: {release.commit}{run}\n"
    )


def _recorded_by(release: Release, root: Path) -> str:
    """The commit that added a release's record."""
    from weighlock.releases.record import path_of
    from weighlock.releases.repository import ask

    return ask(root, "log", "--diff-filter=A", "--format=%H", "-1", "--", path_of(release.version))


def _project(args: argparse.Namespace, release: Release, commit: str, base: Base, root: Path) -> None:
    """Tag and push what is recorded, where that is asked for."""
    from weighlock.releases.repository import push, tag
    from weighlock.releases.tags import format_tag

    name = format_tag(release.name, release.version)
    if args.tag:
        tag(name, commit, f"{release.name} {release.version}\n\nModel: {release.served.digest}", root)
        print(f"{name}: on {commit[:9]}")
    if args.push:
        upstream = push(base.branch, commit, root, tags=(name,) if args.tag else ())
        print(f"pushed to {upstream.name}")
    elif args.tag:
        print(f"Next: `git push --atomic origin {base.branch} {name}`")
    else:
        print(f"Next: `git push origin {base.branch}`")
