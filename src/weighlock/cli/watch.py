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
        help="the same recipe, trained up to the window: a model's folder, or train it now",
    )
    parser.add_argument("--last-retraining", metavar="TIME", help="when the last one began (default: the release's)")
    parser.add_argument("--request-open", action="store_true", help="a retraining's pull request waits for an answer")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: reports/watch/ENV)")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="for node_exporter's textfile collector (.prom)")
    parser.add_argument("--no-labels", action="store_true", help="no outcomes are expected: none can be late")
    parser.add_argument("--no-evidently", action="store_true", help="leave its report out: it takes most of the time")


def run(args: argparse.Namespace) -> int:
    """Look, write the report, print the verdict; 0 OK or WARN, 3 RETRAIN, 4 UNKNOWN, 5 BROKEN."""
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
    at = _time(args.at, found.timezone) if args.at else dt.datetime.now(dt.UTC)
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
    from weighlock.decisions.trigger import Standing

    last = _time(args.last_retraining, timezone) if args.last_retraining else released
    return Standing(since_retraining=None if last is None else at - last, request_open=args.request_open)


def _twin(twin: str | None, recipe: Path, root: Path) -> Callable[[dt.datetime], Twin] | None:
    from weighlock.watching import twin as twins

    if twin is None:
        return None
    if twin == twins.TRAIN:
        return lambda before: twins.trained(root, recipe, before)
    return lambda before: twins.of_folder(Path(twin), before)


def _time(text: str, timezone: str) -> dt.datetime:
    from zoneinfo import ZoneInfo

    from weighlock.errors import ConfigError

    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"`{text}` is no time such as 2013-09-30 or 2013-09-30T12:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))
