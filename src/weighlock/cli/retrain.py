"""`weighlock retrain`: the window moved to the newest complete data, trained, weighed, as a pull request."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.retraining.branches import Waiting
    from weighlock.retraining.evidence import Watched

EXIT_CODES = {"PASS": 0, "FAIL": 3, "INCONCLUSIVE": 4}
BROKEN = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("--to", metavar="DAY", help="the window's new last day (default: the newest complete one)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be trained, and change nothing")
    parser.add_argument("--push", action="store_true", help="push the branch, and with it what DVC holds")
    why = parser.add_mutually_exclusive_group()
    why.add_argument(
        "--verdict", type=Path, metavar="FILE", help="the watch's, such as reports/watch/production/watch.json"
    )
    why.add_argument("--look", metavar="ENV/DAY", help="the same, of those that `weighlock looks fetch` brought")


def run(args: argparse.Namespace) -> int:
    """Retrain, write the pull request; 0 PASS or nothing to do, 3 FAIL, 4 INCONCLUSIVE, 5 where data are broken."""
    from weighlock.outcome import announce
    from weighlock.params import read_params
    from weighlock.retraining import retrain as steps
    from weighlock.retraining.branches import waiting
    from weighlock.retraining.evidence import read_watched
    from weighlock.retraining.newest import find_newest
    from weighlock.schema import read_schema
    from weighlock.watching.looks import verdict_of

    root = Path.cwd()
    verdict = verdict_of(args.look) if args.look else args.verdict
    watched = read_watched(verdict) if verdict else None
    if watched and watched.outcome == "BROKEN":
        return _broken(watched)
    newest = find_newest(read_params(), read_schema(), dt.datetime.now(dt.UTC), _day(args.to))
    if newest.nothing_new:
        announce(outcome="NOTHING NEW")
        why = f": {newest.waiting}" if newest.waiting else ""
        print(f"nothing new: the window ends on {newest.before}, and no later day is complete{why}.")
        return 0
    branch, open_ = steps.branch_of(newest.day), waiting(root)
    print(f"{newest.rows:,} new rows, from {newest.before + dt.timedelta(days=1)} to {newest.day}: `{branch}`")
    if (code := _held(branch, open_, push=args.push, root=root)) is not None or args.dry_run:
        return code or 0
    done = steps.retrain(newest, watched, root)
    if done is None:
        announce(outcome="NOTHING NEW")
        print("nothing new: the model and its holdout are the champion's.")
        return 0
    steps.write(done, root / steps.OUT)
    if args.push:
        _push(branch, open_, root)
    announce(outcome=done.outcome, branch=branch, draft=str(done.request.draft).lower())
    print(f"{done.request.title}{' (draft)' if done.request.draft else ''}\n{steps.OUT / steps.BODY}")
    return EXIT_CODES[done.outcome]


def _held(branch: str, open_: Waiting, *, push: bool, root: Path) -> int | None:
    """0 where a retraining waits for an answer already; None where the way is free."""
    from weighlock.outcome import announce

    if branch in open_.there:
        print(f"`{branch}` is on `{open_.remote}` already: its pull request waits for an answer.")
    elif open_.there:
        print(f"a retraining is open on `{open_.remote}`: {', '.join(f'`{b}`' for b in open_.there)}. Answer it first.")
    elif branch in open_.here:
        if push:
            _push(branch, open_, root)
            print(f"`{branch}` was made already, and is pushed now.")
        else:
            print(f"`{branch}` is made already. `--push` pushes it; `git branch -D {branch}` lets it be made anew.")
    else:
        return None
    waits = branch if branch in open_.there or (branch in open_.here and push) else next(iter(open_.there), "")
    announce(outcome="OPEN", branch=waits)
    return 0


def _push(branch: str, open_: Waiting, root: Path) -> None:
    from weighlock.errors import RepositoryError
    from weighlock.retraining.retrain import push

    if open_.remote is None:
        raise RepositoryError(f"there is no remote `origin` to push `{branch}` to. Add one, then run this again.")
    push(branch, root, open_.remote)


def _broken(watched: Watched) -> int:
    from weighlock.outcome import announce

    announce(outcome="BROKEN")
    print(f"not retrained: the watch of {watched.environment} says BROKEN. Mend the feed first:")
    print("\n".join(f"  - {reason}" for reason in watched.reasons))
    return BROKEN


def _day(text: str | None) -> dt.date | None:
    from weighlock.errors import ConfigError

    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigError(f"`--to {text}` is no day such as 2013-09-30.") from None
