"""`weighlock judge ENVIRONMENT`: does a candidate go on, wait, or go back?"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from weighlock.deployment.desk import Done

EXIT_CODES = {"ADVANCE": 0, "ROLLBACK": 3, "HOLD": 4}
OUT = Path("reports/judge")
URLS = "WEIGHLOCK_JUDGE_URLS"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    from weighlock.cli._moving import how_arguments

    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as production")
    parser.add_argument(
        "--url", action="append", default=[], metavar="VARIANT=URL",
        help="a service of the stable or candidate variant; once for each replica",
    )  # fmt: skip
    parser.add_argument(
        "--log-dir", action="append", type=Path, default=[], metavar="DIR", help="a service's prediction log"
    )
    parser.add_argument("--log-url", action="append", default=[], metavar="URL", help="where compacted days are")
    parser.add_argument("--at", metavar="TIME", help="the present (default: the clock's)")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"where to write (default: {OUT}/ENVIRONMENT)")
    parser.add_argument(
        "--scheduled", action="store_true",
        help="for a timer: 0 whatever the outcome, also where there is no candidate or nothing says how variants do",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the record instead of the report")
    parser.add_argument("--apply", action="store_true", help="make the commit that the outcome asks for")
    parser.epilog = (
        "Where nothing is named and the environment has a `machine`: its services and its log, on this host. "
        f"--scheduled takes services from {URLS} (stable=… candidate=…) and the log from `monitoring.log_url` instead."
    )
    how_arguments(parser, reason="of that commit (default: what was found)")


def run(args: argparse.Namespace) -> int:
    """Judge, write the report, print it; 0 ADVANCE, 3 ROLLBACK, 4 HOLD, 2 where evidence is missing."""
    from weighlock.cli._moving import how_of
    from weighlock.cli._times import present
    from weighlock.decisions.judge_report import terminal, to_json
    from weighlock.deployment.judge import REPORT, judge_step, write
    from weighlock.deployment.judge_apply import apply, digest
    from weighlock.deployment.judge_sources import sources_of
    from weighlock.deployment.judge_step import wanted
    from weighlock.deployment.policy import read_deploy
    from weighlock.files import to_json as written
    from weighlock.monitoring.log_record import key_from_environment
    from weighlock.outcome import announce
    from weighlock.schema import read_schema

    root = args.root
    if args.scheduled and (idle := _idle(args, root)):
        print(idle)
        announce(outcome="NEUTRAL")
        return 0
    step = wanted(args.environment, root)
    sources = sources_of(step, args.url, args.log_dir, args.log_url, key_from_environment())
    out = args.out or OUT / args.environment
    at = present(args.at)
    judged = judge_step(step, read_deploy().judge, read_schema(), sources, out, at)
    write(judged, out)
    outcome = judged.judgement.outcome
    announce(outcome=outcome, evidence=digest(judged))
    parts = (judged.judgement, judged.step, judged.rules, judged.evidence)
    print(written(to_json(*parts)) if args.json else "\n".join(terminal(*parts, str(out / REPORT))), flush=True)
    if args.apply:
        how = how_of(args)
        apply(judged, step, root, replace(how, tell=_aside(how.tell)) if args.json else how)
    return 0 if args.scheduled else EXIT_CODES[outcome]


def _idle(args: argparse.Namespace, root: Path) -> str:
    """Take what a timer's environment names; why there is nothing to judge, or empty."""
    from weighlock.deployment.environment import read_environment
    from weighlock.monitoring.log_policy import read_monitoring

    if read_environment(args.environment, root).candidate is None:
        return f"{args.environment} has no candidate: there is nothing to judge."
    if not (args.url or args.log_dir or args.log_url):
        log = read_monitoring().log_url
        args.url, args.log_url = os.environ.get(URLS, "").split(), [log] if log else []
    if not (args.url or args.log_dir or args.log_url):
        return (
            f"NEUTRAL: nothing says how {args.environment}'s variants are doing, so its candidate was not judged. Set "
            f"the variable {URLS} (stable=https://… candidate=https://…) and `params.yaml: monitoring.log_url`, or "
            "judge on the machine itself: docs/judge.md."
        )
    return ""


def _aside(tell: Callable[[Done], None]) -> Callable[[Done], None]:
    """Tell on the standard error: the standard output is JSON."""

    def told(done: Done) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            tell(done)

    return told
