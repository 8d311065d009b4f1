"""`weighlock github …`: tell GitHub what other commands found. Each is safe to run again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.cli import _github_clock

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from weighlock.github.api import Client
    from weighlock.github.comment import Posted


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from weighlock.cli import _github_ship

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _github_ship.arguments(actions)

    comment = actions.add_parser("comment", help="keep one comment on a pull request or an issue")
    where = comment.add_mutually_exclusive_group(required=True)
    where.add_argument("--head", metavar="SHA", help="on the open pull requests whose newest commit this is")
    where.add_argument("--number", type=int, help="on this pull request or issue")
    comment.add_argument("--marker", required=True, help="what it is known by, such as `gate`")
    comment.add_argument("--body", required=True, type=Path, metavar="FILE.md")

    status = actions.add_parser("status", help="set a commit's status")
    status.add_argument("--sha", required=True)
    status.add_argument("--context", required=True, help="such as `weighlock/gate`")
    status.add_argument("--state", required=True, choices=("success", "failure", "error", "pending"))
    status.add_argument("--description", required=True, help="on one line")
    status.add_argument("--url", help="of the run, which it links to")

    pull = actions.add_parser("pull-request", help="open or update the pull request of a branch")
    pull.add_argument(
        "--record",
        type=Path,
        metavar="FILE.json",
        help="its title, branch, draft and body, as `weighlock retrain` writes",
    )
    pull.add_argument("--branch", help="that is pushed already")
    pull.add_argument("--title")
    pull.add_argument("--body", type=Path, metavar="FILE.md")
    pull.add_argument("--draft", action="store_true")
    pull.add_argument("--base", default="main", help="the branch it goes into (default: main)")
    pull.add_argument("--label", action="append", default=[], help="again for more")

    issue = actions.add_parser("issue", help="keep one issue open, or close it")
    issue.add_argument("--marker", required=True, help="what it is known by, such as `watch-production`")
    issue.add_argument("--title")
    issue.add_argument("--body", type=Path, metavar="FILE.md")
    issue.add_argument("--label", action="append", default=[], help="again for more; set when it is opened")
    issue.add_argument("--close", action="store_true", help="close it, with --body as the last word")

    start = actions.add_parser("dispatch", help="start a workflow")
    start.add_argument("workflow", metavar="FILE.yml", help="below .github/workflows")
    start.add_argument("--ref", default="main", help="default: main")
    start.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="again for more")
    start.add_argument("--unless-running", action="store_true", help="not where a run of it has not ended")
    _github_clock.add(actions)

    required = actions.add_parser("required", help="sum up the jobs that must pass, from `toJSON(needs)` in `NEEDS`")
    required.add_argument("--may-skip", action="append", default=[], metavar="JOB", help="again for more")


def run(args: argparse.Namespace) -> int:
    """Do it, and say what was done."""
    if args.action == "required":  # asks nothing of GitHub, and runs before anything is installed
        return _required(args)
    from weighlock.cli import _github_ship
    from weighlock.github.api import Client

    if args.action == "identity":  # asks GitHub nothing
        _github_ship.identity()
        return 0
    actions: dict[str, Callable[[argparse.Namespace, Client], None]] = {
        "comment": _comment,
        "status": _status,
        "pull-request": _pull_request,
        "issue": _issue,
        "dispatch": _dispatch,
        **_github_ship.COMMANDS,
        **_github_clock.ACTIONS,
    }
    actions[args.action](args, Client.from_environment())
    return 0


def _comment(args: argparse.Namespace, client: Client) -> None:
    from weighlock.github.comment import keep_comment
    from weighlock.github.marker import ourselves
    from weighlock.github.pull_request import find_by_head
    from weighlock.github.status import sha_of

    body = _text(args.body)
    numbers = [args.number] if args.head is None else [p.number for p in find_by_head(client, sha_of(args.head))]
    if not numbers:
        print(f"no open pull request ends at {args.head}: it was pushed to, closed or merged since.")
    for number in numbers:
        _tell("comment", keep_comment(client, number, args.marker, body, ourselves()))


def _status(args: argparse.Namespace, client: Client) -> None:
    from weighlock.github.status import set_status

    set_status(client, args.sha, args.state, args.context, args.description, args.url)
    print(f"{args.context} of {args.sha[:7]}: {args.state}")


def _pull_request(args: argparse.Namespace, client: Client) -> None:
    from dataclasses import replace

    from weighlock.github.pull_request import keep_pull, labels_of
    from weighlock.github.requests import read_request

    new = read_request(args.record, args.branch, args.title, args.body, draft=args.draft, base=args.base)
    _tell("pull request", keep_pull(client, replace(new, labels=labels_of(args.label))))


def _issue(args: argparse.Namespace, client: Client) -> None:
    from weighlock.errors import ConfigError
    from weighlock.github.issue import close_issue, keep_issue
    from weighlock.github.marker import ourselves
    from weighlock.github.pull_request import labels_of

    body = _text(args.body) if args.body else ""
    if args.close:
        _tell("issue", close_issue(client, args.marker, ourselves(), body))
    elif args.title and body:
        _tell("issue", keep_issue(client, args.marker, args.title, body, ourselves(), labels_of(args.label)))
    else:
        raise ConfigError("`weighlock github issue` needs `--title` and `--body`, or `--close`.")


def _dispatch(args: argparse.Namespace, client: Client) -> None:
    from weighlock.errors import ConfigError
    from weighlock.github.dispatch import dispatch, under_way

    if wrong := [pair for pair in args.input if "=" not in pair]:
        raise ConfigError(f"`--input {wrong[0]}` is not NAME=VALUE.")
    inputs = dict(pair.split("=", 1) for pair in args.input)
    if args.unless_running and (run := under_way(client, args.workflow)) is not None:
        print(f"{args.workflow} is under way already: {client.page}/actions/runs/{run}")
        return
    dispatch(client, args.workflow, args.ref, inputs)
    print(f"{args.workflow} started on {args.ref}{' with ' + json.dumps(inputs) if inputs else ''}")


def _required(args: argparse.Namespace) -> int:
    from weighlock.github.required import judged

    found = judged(os.environ.get("NEEDS", ""), args.may_skip)
    for name in found.passed:
        print(f"{name}: success")
    for name in found.skipped:
        print(f"{name}: skipped, which it may be")
    for name, result in found.missed:
        why = "; it is not on the list of jobs that may be (`--may-skip`)" if result == "skipped" else ""
        print(f"::error::{name}: {result}{why}")
    print("All that must pass did." if found.ok else "Not everything that must pass did; see the jobs named above.")
    return 0 if found.ok else 3


def _text(path: Path) -> str:
    from weighlock.github.requests import read_body

    return read_body(path)


def _tell(what: str, posted: Posted) -> None:
    from weighlock.outcome import announce

    announce(done=posted.done, number=str(posted.number), url=posted.url)
    print(f"{what} {posted.done}{': ' + posted.url if posted.url else ''}")
