"""`weighlock proposal …`: weigh a pull request with main's code, in two jobs of which the first has no rights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

OUT = Path("reports/verdict")
ARTIFACT = Path(".dvc/tmp/weighlock/proposal.zip")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    fetch = actions.add_parser("fetch", help="bring a branch's commit and its run's artifact here, unopened")
    fetch.add_argument("--head", required=True, metavar="SHA", help="the branch's newest commit")
    fetch.add_argument("--run", dest="run_id", required=True, type=int, metavar="ID", help="of `reproduce`")

    weigh = actions.add_parser("weigh", help="weigh it with the code, policy and rows of the present commit")
    weigh.add_argument("--head", required=True, metavar="SHA")
    weigh.add_argument("--conclusion", default="success", help="of the run of `reproduce` (default: success)")
    weigh.add_argument("--artifact", type=Path, default=ARTIFACT, metavar="FILE.zip")
    weigh.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"default: {OUT}")

    post = actions.add_parser("post", help="post the verdict: one comment, and the status `weighlock/gate`")
    post.add_argument("--head", required=True, metavar="SHA")
    post.add_argument("--branch", default="main", help="that it goes into, whose rules protect it (default: main)")
    post.add_argument("--verdict", type=Path, default=OUT, metavar="DIR", help=f"default: {OUT}")


def run(args: argparse.Namespace) -> int:
    """Do it; 0 where that went well, whatever the verdict is."""
    return {"fetch": _fetch, "weigh": _weigh, "post": _post}[args.action](args)


def _fetch(args: argparse.Namespace) -> int:
    from weighlock.github.api import Client
    from weighlock.proposals.champion import fetch_data
    from weighlock.proposals.fetch import fetch_artifact, fetch_commit

    client = Client.from_environment()
    fetch_commit(client, args.head, Path.cwd())
    found = fetch_artifact(client, args.run_id, ARTIFACT)
    print(fetch_data(Path.cwd()))
    print(f"{args.head[:7]} is here, {'and the artifact of its run' if found else 'its run left no artifact'}.")
    return 0


def _weigh(args: argparse.Namespace) -> int:
    from weighlock.github.status import sha_of
    from weighlock.outcome import announce
    from weighlock.proposals.record import write_record
    from weighlock.proposals.weigh import Proposal, weigh_proposal

    artifact = args.artifact if args.artifact.is_file() else None
    proposal = Proposal(Path.cwd(), sha_of(args.head), artifact, args.conclusion == "success", _address())
    record, comment = weigh_proposal(proposal, args.out)
    write_record(record, comment, args.out)
    announce(outcome=record.outcome, state=record.state)
    print(f"{record.outcome}: {record.state} ({record.description})")
    return 0


def _post(args: argparse.Namespace) -> int:
    from weighlock.errors import WeighlockError
    from weighlock.github.api import Client
    from weighlock.github.marker import ourselves
    from weighlock.github.status import set_status, sha_of
    from weighlock.proposals.post import CONTEXT, post
    from weighlock.proposals.record import read_record

    client, head = Client.from_environment(), sha_of(args.head)
    try:
        record, comment = read_record(args.verdict, head)
    except WeighlockError as error:
        set_status(client, head, "error", CONTEXT, f"not weighed: {error}", _address())
        raise
    print("\n".join(post(client, record, comment, Path.cwd(), ourselves(), _address(), args.branch)))
    return 0


def _address() -> str:
    """Of this run, for people; empty where this is none."""
    server, repository, number = (
        os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{number}" if server and repository and number.isdigit() else ""
