"""`weighlock github release` and `weighlock github deliver`: what ships models and moves environments."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from weighlock.github.api import Client

REQUEST = Path("dist/pull-request.json")
SLUG = "APP_SLUG"
ACTIONS = "github-actions"
NO_APP = (
    "There is no GitHub App here (WEIGHLOCK_APP_ID, WEIGHLOCK_APP_KEY), so GITHUB_TOKEN writes: no check starts on its "
    "pull requests until someone closes and reopens them, nor on its commits, and a protected branch takes none of "
    "them. docs/workflows.md says how to set one up."
)


def arguments(actions: argparse._SubParsersAction[Any]) -> None:
    """Add these commands."""
    release = actions.add_parser(
        "release", help="have a release's tag, notes, model and card on GitHub's releases page"
    )
    release.add_argument("version", metavar="VERSION", help="of a record whose tag is pushed, such as v8")
    release.add_argument("--more", type=Path, metavar="DIR", help="whose files are assets, too: signatures, lists")
    release.add_argument(
        "--request", type=Path, metavar="FILE.json", default=REQUEST,
        help=f"where to write the pull request that brings the record to the main branch (default: {REQUEST})",
    )  # fmt: skip
    actions.add_parser("identity", help=f"commit in this clone as the App that {SLUG} names, or as GitHub Actions")
    move = actions.add_parser("deliver", help="bring the move that was just committed to everyone")
    move.add_argument("environment", metavar="ENVIRONMENT", help="such as production")
    move.add_argument(
        "--by", choices=("commit", "pull_request"),
        help="how (default: as `params.yaml: deploy.rollout` says); a branch that takes no commit gets a pull request",
    )  # fmt: skip


def release(args: argparse.Namespace, client: Client) -> None:
    """Publish, and write the pull request."""
    from weighlock.github.assets import publish
    from weighlock.github.proposal import propose
    from weighlock.outcome import announce
    from weighlock.releases.card import markdown, page
    from weighlock.releases.card.content import card_of
    from weighlock.releases.evidence import read_evidence
    from weighlock.releases.find import find_release
    from weighlock.releases.record import read_release

    root = Path.cwd()
    record = read_release(args.version, root)
    folder, _ = find_release(args.version, root)
    card = card_of(read_evidence(record, root))
    notes = markdown.render(card)
    files = {path.rpartition("/")[2]: (folder / path.rpartition("/")[2]).read_bytes() for path in record.served.files}
    files |= {"card.md": notes.encode(), "card.html": page.render(card).encode()}
    published = publish(client, record, notes, files | _more(args.more, args.request))
    uploaded = f"{len(published.uploaded)} assets uploaded" if published.uploaded else "nothing to upload"
    print(
        f"{'made' if published.made else 'there already'}: {published.url} ({uploaded}, {len(published.there)} there)"
    )
    propose(record, published.url).write(args.request)
    announce(url=published.url, request=str(args.request))


def _more(folder: Path | None, request: Path) -> dict[str, bytes]:
    """The files of a folder by their names, without the pull request, which may be written there."""
    if folder is None or not folder.is_dir():
        return {}
    ours = {request, request.with_suffix(".md")}
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file() and folder / p.name not in ours}


def identity() -> None:
    """Tell this clone's git who commits, and say what lacks without an App."""
    from weighlock.releases.repository import ask

    slug = os.environ.get(SLUG) or ACTIONS
    for key, value in (("name", f"{slug}[bot]"), ("email", f"{slug}[bot]@users.noreply.github.com")):
        ask(Path.cwd(), "config", f"user.{key}", value)
    print(f"commits are {slug}[bot]'s" if slug != ACTIONS else f"::notice::{NO_APP}")


def deliver(args: argparse.Namespace, client: Client) -> None:
    """Push it, or open its pull request, and say which."""
    from weighlock.deployment.policy import read_deploy
    from weighlock.github import deliver as delivery
    from weighlock.outcome import announce

    root = Path.cwd()
    found = delivery.find_move(args.environment, root)
    if found is None:
        print(f"{args.environment}: nothing to deliver: this clone has no commit that the remote lacks.")
        return
    moved, upstream = found
    rollout = read_deploy().rollout
    way = args.by or (rollout.rollback if moved.kind == "rollback" else rollout.advance)
    asked_by = os.environ.get("GITHUB_TRIGGERING_ACTOR", "") if args.by else ""
    done = delivery.deliver(client, moved, upstream, way, root, again=args.by is not None, asked_by=asked_by)
    announce(way=done.way, where=done.where)
    print(f"{moved.subject}\n{done.way.replace('_', ' ')}: {done.where}")
    if done.note:
        print(f"::warning::{json.dumps(done.note, ensure_ascii=False)[1:-1]}")


COMMANDS: dict[str, Callable[[argparse.Namespace, Client], None]] = {"release": release, "deliver": deliver}
