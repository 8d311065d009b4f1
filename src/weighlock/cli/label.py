"""`weighlock label [OUTCOMES]`: what became of predictions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from weighlock.monitoring.collect import LogPlace
    from weighlock.monitoring.label import Labelled
    from weighlock.monitoring.label_lag import Lag
    from weighlock.monitoring.label_outcomes import Columns, Outcomes
    from weighlock.params import DataParams
    from weighlock.scoring import Signature


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument(
        "outcomes",
        nargs="?",
        metavar="OUTCOMES",
        help="CSV or Parquet: a path, a folder, a glob in quotes, or a URL (default: `monitoring.outcomes`)",
    )
    parser.add_argument("--sql", metavar="QUERY", help="ask a database instead; :start and :end are the log's days")
    parser.add_argument(
        "--url-env", metavar="NAME", default="DATABASE_URL", help="the variable that holds the database's address"
    )
    parser.add_argument(
        "--by",
        metavar="KEY",
        default="id",
        help="id | COLUMN | COLUMN=entity|request|FEATURE: what names a prediction (default: its id)",
    )
    parser.add_argument("--scored", metavar="OUT", help="what `weighlock score` wrote: says which id a key has")
    parser.add_argument("--truth", metavar="COLUMN", help="that holds the truth (default: the model's target)")
    parser.add_argument("--told", metavar="COLUMN", help="that says when the truth was told (default: now)")
    parser.add_argument(
        "--when", metavar="COLUMN", help="that says when it happened: predictions made later are others'"
    )
    parser.add_argument("--within", metavar="DURATION", help="with --when: how long before, such as 7d")
    parser.add_argument("--lag", metavar="DURATION", default="7d", help="say what older predictions lack (default: 7d)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="VERSION", help="the model that predicted (default: the tree's)")
    which.add_argument("--model", type=Path, metavar="DIR", help="its folder, with a signature.json")
    parser.add_argument("--log-dir", type=Path, metavar="DIR", help="the service's log (default: log)")
    parser.add_argument("--to", metavar="URL", help="where its days are (default: `monitoring.log_url`, else DIR)")
    parser.add_argument("--at", metavar="TIME", help="the present (default: the clock's)")


def run(args: argparse.Namespace) -> None:
    """Join, write, and say what came of it; without outcomes only say how much is labelled."""
    from weighlock.cli._times import present
    from weighlock.errors import ConfigError
    from weighlock.monitoring.collect import UNSET, find_log
    from weighlock.monitoring.label_lag import label_lag
    from weighlock.monitoring.log_record import key_from_environment
    from weighlock.outcome import announce

    if args.outcomes and args.sql:
        raise ConfigError("name either files or `--sql`, not both.")
    at = present(args.at)
    place = find_log(args.log_dir, args.to)
    if place is None:
        print(f"{UNSET} Nothing was labelled.")
        announce(outcome="NEUTRAL")
        return
    older = _duration(args.lag, "--lag")
    _as_configured(args)
    if args.within and not args.when:
        raise ConfigError("`--within` goes with `--when`: it counts back from when an outcome happened.")
    if args.outcomes or args.sql:
        done = _label(args, place, at)
        print("\n".join(_said(done)))
        announce(outcome="OK", new=str(done.new), corrected=str(done.corrected), unmatched=str(len(done.unmatched)))
    lag = label_lag(place, at, older, key_from_environment())
    print(lag_said(lag))
    announce(label_lag=f"{lag.share:.4f}")


def _as_configured(args: argparse.Namespace) -> None:
    """Without any outcomes named: those of `params.yaml: monitoring.outcomes`, if there are."""
    from weighlock.monitoring.log_policy import read_monitoring
    from weighlock.params import FILE

    if args.outcomes or args.sql or not FILE.exists():
        return
    configured = read_monitoring().outcomes
    if configured is not None:
        args.outcomes, args.sql, args.url_env, args.by = (
            configured.files, configured.sql, configured.url_env, configured.by,
        )  # fmt: skip
        args.truth, args.told, args.when, args.within = (
            configured.truth, configured.told, configured.when, configured.within,
        )  # fmt: skip
        print(f"outcomes of {configured.source} (`monitoring.outcomes`):")


def _label(args: argparse.Namespace, place: LogPlace, at: dt.datetime) -> Labelled:
    from weighlock.batch.inputs import find_inputs
    from weighlock.monitoring.label import label
    from weighlock.monitoring.label_match import join_by
    from weighlock.monitoring.label_outcomes import Columns
    from weighlock.monitoring.log_record import key_from_environment
    from weighlock.params import FILE, Csv, read_params

    signature = _signature(args)
    data = read_params(FILE).data if FILE.exists() else None
    join = join_by(args.by, signature, scored=bool(args.scored))
    columns = Columns(join.column, args.truth or signature.target, args.told, args.when)
    outcomes = _outcomes(args, columns, signature, data, place, at)
    return label(
        place,
        outcomes,
        join,
        at=at,
        key=key_from_environment(),
        numeric=signature.classes is None,
        scored=find_inputs(args.scored, data.csv if data else Csv()) if args.scored else (),
        within=_duration(args.within, "--within") if args.within else None,
    )


def _outcomes(
    args: argparse.Namespace,
    columns: Columns,
    signature: Signature,
    data: DataParams | None,
    place: LogPlace,
    at: dt.datetime,
) -> Outcomes:
    from weighlock.monitoring.label_outcomes import checked, read_files, read_query
    from weighlock.monitoring.log_store import PREDICTIONS, day_of
    from weighlock.params import Csv, Sql

    if args.sql:
        days = [day for day in map(day_of, place.store.names(PREDICTIONS)) if day]
        first = dt.date.fromisoformat(min(days)) if days else at.date()
        table, source = read_query(Sql(url_env=args.url_env, query=args.sql), columns, first, at.date())
    else:
        table, source = read_files(args.outcomes, columns, data.csv if data else Csv())
    return checked(table, source, signature, data.timezone if data else "UTC", columns)


def _signature(args: argparse.Namespace) -> Signature:
    from weighlock.layout import SERVED, SIGNATURE
    from weighlock.releases.find import find_release
    from weighlock.scoring import read_signature

    folder = find_release(args.release, Path())[0] if args.release else args.model or Path(SERVED)
    return read_signature(folder / SIGNATURE)


def _said(done: Labelled) -> list[str]:
    read = done.outcomes
    about = f"{read.total:,} outcomes are about {done.predictions:,} predictions"
    lines = [f"{about}: {done.new:,} new truths, {done.corrected:,} corrected, {done.known:,} known already."]
    first = f", first row {done.unmatched[0]:,}" if done.unmatched else ""
    remarks = {
        f"match no prediction of the log{first}: other rows, not logged (`monitoring.log.sample`), or too old": len(
            done.unmatched
        ),
        "have no truth yet": read.open,
        "have no key": read.keyless,
        "say again what another row says": read.repeated,
        "share their key with several predictions of one answer: name the one that is meant by `id`": done.ambiguous,
        "are about people who have been forgotten": done.forgotten,
    }
    lines += [f"  {count:,} {remark}." for remark, count in remarks.items() if count]
    if done.unmatched and not done.predictions:
        lines.append("  None of them is found: `--by` says what the outcomes' key is in the log (docs/labels.md).")
    if read.contradicted:
        lines.append(f"  {read.contradicted:,} keys have rows that contradict each other: the last one counts.")
    if done.superseded:
        lines.append(
            f"  {done.superseded:,} truths were corrected after they were first told, and stay corrected. Where these "
            "rows are newer, say when they were told: `--told COLUMN`."
        )
    return lines


def lag_said(lag: Lag) -> str:
    """How far labels lag behind, in words."""
    hours = lag.older_than.total_seconds() / 3600
    age = f"{hours / 24:g} days" if hours >= 24 else f"{hours:g} hours"
    if not lag.predictions:
        return f"No prediction is older than {age}."
    line = f"Of {lag.predictions:,} predictions older than {age}, {lag.unlabelled:,} ({lag.share:.1%}) have no label"
    return f"{line}." if lag.oldest is None else f"{line}; the oldest is of {lag.oldest:%Y-%m-%d %H:%M} UTC."


def _duration(text: str, option: str) -> dt.timedelta:
    from weighlock.errors import ConfigError
    from weighlock.params import to_timedelta

    try:
        return to_timedelta(text)
    except ValueError as error:
        raise ConfigError(f"`{option}`: {error}.") from None
