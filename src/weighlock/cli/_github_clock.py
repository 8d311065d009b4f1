"""`weighlock github watch|retrainings|retraining|idle`: what the clock's workflows ask GitHub, and tell it."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from weighlock.github.api import Client

WORKFLOWS = Path(".github/workflows")


def add(actions: Any) -> None:
    """Add their arguments to those of `weighlock github`."""
    watch = actions.add_parser("watch", help="tell of a look at production: one issue; on RETRAIN start retrain.yml")
    watch.add_argument("folder", type=Path, metavar="DIR", help="of `weighlock watch`, with watch.json and watch.md")
    watch.add_argument("--branch", default="main", help="that the retraining starts from (default: main)")

    retrainings = actions.add_parser("retrainings", help="write down whether a retraining is open, and the last one")
    retrainings.add_argument("--out", type=Path, required=True, metavar="FILE", help="for `weighlock watch`")

    retraining = actions.add_parser("retraining", help="open the pull request of a retraining, or update it")
    retraining.add_argument(
        "--record", type=Path, required=True, metavar="FILE.json", help="as `weighlock retrain` writes"
    )
    retraining.add_argument("--branch", help="that is there already; opened where it never had a pull request")
    retraining.add_argument("--base", default="main", help="the branch it goes into (default: main)")

    idle = actions.add_parser("idle", help="warn in an issue before GitHub stops the clock for want of commits")
    idle.add_argument("--at", metavar="TIME", help="the present (default: the clock's)")


def _watch(args: argparse.Namespace, client: Client) -> None:
    from weighlock.github.marker import ourselves
    from weighlock.github.requests import read_body
    from weighlock.github.watched import SUMMARY, read_look, tell
    from weighlock.outcome import announce

    look = read_look(args.folder)
    run = f"{client.page}/actions/runs/{os.environ['GITHUB_RUN_ID']}" if "GITHUB_RUN_ID" in os.environ else client.page
    told = tell(client, look, read_body(args.folder / SUMMARY), run, ourselves(), args.branch)
    announce(issue=told.issue.done, number=str(told.issue.number), retraining=str(told.retraining is True).lower())
    print(f"{look.name}: {look.outcome}")
    print(f"issue {told.issue.done}{': ' + told.issue.url if told.issue.url else ''}")
    if told.retraining is not None:
        print("a retraining is started" if told.retraining else "a retraining is under way already")


def _retrainings(args: argparse.Namespace, client: Client) -> None:
    from weighlock.files import outputs, to_json
    from weighlock.github.retrainings import read_retrainings
    from weighlock.retraining.branches import PREFIX

    found = read_retrainings(client, PREFIX)
    last = found.last.isoformat() if found.last else None
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with outputs("retrainings", args.out.parent) as out:
        out.path(args.out.name).write_text(to_json({"open": found.open, "last": last}), encoding="utf-8")
    print(f"{'a retraining is open' if found.open else 'no retraining is open'}; the last one: {last or 'none'}")


def _retraining(args: argparse.Namespace, client: Client) -> None:
    from weighlock.errors import ConfigError
    from weighlock.github.marker import ACTIONS, ourselves
    from weighlock.github.requests import read_request
    from weighlock.github.retraining import had_one, left_behind, open_request
    from weighlock.outcome import announce
    from weighlock.retraining.branches import PREFIX

    if args.record.is_file():
        new = read_request(args.record, None, None, None, draft=False, base=args.base)
    elif not args.branch or not args.branch.startswith(PREFIX):
        raise ConfigError(f"there is no `{args.record}`, and `--branch` names no branch `{PREFIX}…`.")
    elif had_one(client, args.branch):
        print(f"`{args.branch}` has or had a pull request already: nothing to open.")
        announce(done="none")
        return
    else:
        new = left_behind(args.branch, args.base, Path.cwd())
    posted = open_request(client, new, ourselves())
    announce(done=posted.done, number=str(posted.number), url=posted.url)
    print(f"pull request {posted.done}: {posted.url}")
    if ourselves() == ACTIONS:
        print(
            "::warning::opened with GITHUB_TOKEN, so GitHub starts no checks for it: close and reopen it, or push to "
            "its branch by hand. `weighlock doctor` says how to set up an App."
        )


def _idle(args: argparse.Namespace, client: Client) -> None:
    from weighlock.cli._times import present
    from weighlock.doctor.ask_local import read_workflows
    from weighlock.github.idle import idle, told
    from weighlock.github.issue import close_issue, keep_issue
    from weighlock.github.marker import ourselves
    from weighlock.outcome import announce
    from weighlock.releases.repository import ask

    now = present(args.at)
    rest = idle(dt.datetime.fromisoformat(ask(Path.cwd(), "log", "-1", "--format=%cI")), now)
    clocks = tuple(workflow.name for workflow in read_workflows(WORKFLOWS) if workflow.cron)
    if rest.near:
        title, body = told(rest, clocks)
        posted = keep_issue(client, "idle", title, body, ourselves())
    else:
        posted = close_issue(client, "idle", ourselves(), "There is a commit: the clock runs on.")
    announce(days=str(rest.days), issue=posted.done)
    print(f"the newest commit is {rest.days} days old; issue {posted.done}{': ' + posted.url if posted.url else ''}")


ACTIONS = {"watch": _watch, "retrainings": _retrainings, "retraining": _retraining, "idle": _idle}
