"""`weighlock watch production`: has anything drifted, is a feed broken, would a retraining help?"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from weighlock.decisions.trigger import Standing
    from weighlock.monitoring.collect import LogPlace
    from weighlock.watching.look import Look
    from weighlock.watching.performance import Twin


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("environment", metavar="ENV", help="such as production: deploy/ENV.yaml says what runs there")
    parser.add_argument("--window", metavar="DURATION", help="whole days (default: `watch.window`)")
    parser.add_argument(
        "--at", metavar="TIME", help="the present (default: the clock's); the window ends before its day"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="the model that is watched (default: what is stable there)")
    which.add_argument("--model", type=Path, metavar="DIR", help="its folder, with signature.json and profile.parquet")
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="the service's log (default: log)")
    parser.add_argument("--to", metavar="URL", help="where its days are (default: `monitoring.log_url`, else DIR)")
    parser.add_argument(
        "--twin",
        metavar="DIR|train",
        help="the same recipe, trained up to the days that it is tried on: a model's folder, or train it now",
    )
    parser.add_argument("--last-retraining", metavar="TIME", help="when the last one began (default: the release's)")
    parser.add_argument("--request-open", action="store_true", help="a retraining's pull request waits for an answer")
    parser.add_argument(
        "--retrainings", type=Path, metavar="FILE", help="says both, as `weighlock github retrainings` writes it"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: reports/watch/ENV)")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="for node_exporter's textfile collector (.prom)")
    parser.add_argument("--no-labels", action="store_true", help="no outcomes are expected: none can be late")
    parser.add_argument("--no-evidently", action="store_true", help="leave its report out: it takes most of the time")


def run(args: argparse.Namespace) -> int:
    """Look, write the report, print the verdict; 0 OK or WARN, 3 RETRAIN, 4 UNKNOWN, 5 BROKEN."""
    from weighlock.cli._times import present
    from weighlock.decisions.watch import EXIT_CODES
    from weighlock.decisions.watch_report import lines
    from weighlock.monitoring.collect import UNSET, find_log
    from weighlock.outcome import announce
    from weighlock.watching.find import find_watched
    from weighlock.watching.look import Question, look
    from weighlock.watching.policy import read_watch, with_window
    from weighlock.watching.write import FOLDER, SUMMARY, context_of, write

    root = Path.cwd()
    place = find_log(args.log_dir, args.to, root)
    if place is None:
        print(UNSET)
        announce(outcome="UNSET")
        return 0
    found = find_watched(args.environment, args.release, args.model, root)
    policy = with_window(read_watch(root / "params.yaml"), args.window)
    at = present(args.at, found.timezone)
    standing = _standing(args, found.released, found.timezone, at)
    question = Question(at, found.timezone, found.metric, standing, _twin(args.twin, found.recipe, root))
    seen = look(place, found.watched, policy, question)
    drawn = None
    if not args.no_evidently and len(seen.rows) and len(seen.reference.days):
        from weighlock.watching.evidently_report import draw

        drawn = draw(seen.rows, seen.reference, found.watched, policy.sample, policy.seed)
    context = context_of(seen, args.environment, found.name, drawn, policy.sample)
    folder = args.out or Path(FOLDER) / args.environment
    write(seen, policy.rules, context, drawn, folder)
    if args.metrics is not None:
        _tell(args.metrics, args.environment, seen, at, None if args.no_labels else place)
    announce(outcome=seen.verdict.outcome, reason="; ".join(seen.verdict.reasons))
    print("\n".join(lines(seen.verdict, seen.evidence, context, str(folder / SUMMARY))))
    return EXIT_CODES[seen.verdict.outcome]


def _tell(file: Path, environment: str, seen: Look, at: dt.datetime, labels: LogPlace | None) -> None:
    """Write the file for Prometheus; without a log of labels, none are late."""
    from weighlock.files import write_text
    from weighlock.monitoring.exposition import exposition
    from weighlock.monitoring.label_newest import newest_known
    from weighlock.monitoring.log_record import key_from_environment
    from weighlock.watching.metrics import told

    lag = None if labels is None else newest_known(labels, at, key_from_environment())
    write_text(file, exposition(told(seen, environment, at, lag)))


def _standing(args: argparse.Namespace, released: dt.datetime | None, timezone: str, at: dt.datetime) -> Standing:
    from weighlock.cli._times import time_of
    from weighlock.decisions.trigger import Standing
    from weighlock.watching.standing import Retrainings, read_retrainings

    known = read_retrainings(args.retrainings) if args.retrainings else Retrainings()
    named = time_of(args.last_retraining, "--last-retraining", timezone) if args.last_retraining else None
    last = max((time for time in (named, known.last, None if named else released) if time), default=None)
    since = None if last is None else at - last
    return Standing(since_retraining=since, request_open=args.request_open or known.open)


def _twin(twin: str | None, recipe: Path, root: Path) -> Callable[[dt.datetime], Twin | None] | None:
    from weighlock.watching import twin as twins

    if twin is None:
        return None
    if twin == twins.TRAIN:
        return lambda before: _trained(root, recipe, before)
    return lambda before: twins.of_folder(Path(twin), before)


def _trained(root: Path, recipe: Path, before: dt.datetime) -> Twin | None:
    """The twin; without the source's rows there is none, which is said, and faults of the feed are still seen."""
    from weighlock.errors import SourceError
    from weighlock.watching.twin import trained

    try:
        return trained(root, recipe, before)
    except SourceError as error:
        print(f"note: whether a retraining would help was not looked at: {error}")
        return None
