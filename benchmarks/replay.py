"""The replayed year: policies chosen on April to August, reported on September to December, and the frontier.

A candidate is a trigger, a length of holdout and a margin of the gate. Of those that were worse than `always` by no
more than .002 from April to August, the one with the fewest promotions is taken; of equals the better one, then the
one that retrains least, then the margin of `params.yaml`. What is reported is what it then came to. What is made is
kept in `.replay`, so that a second run takes seconds.
`python -m benchmarks.replay [--holdouts 28d] [--search first]`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS, Figure, report
from weighlock.replaying.life import POLICIES, Policy, live
from weighlock.replaying.measure import Account, Contrast, account, contrast
from weighlock.replaying.plots import draw_frontier
from weighlock.replaying.run import Asked, prepare, year_of
from weighlock.replaying.year import Year
from weighlock.watching.policy import WatchParams

ROOT = Path(__file__).parent.parent
IMAGE = ROOT / "docs/images/replay-frontier.png"
FIRST, CHOSEN_BY, LAST = dt.date(2013, 4, 1), dt.date(2013, 8, 31), dt.date(2013, 12, 31)
REPORTED = dt.date(2013, 9, 1)
ALLOWED = 0.002
MARGINS = (0.005, 0.01, 0.017, 0.03)
LIMIT = 20 * 60.0
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Candidate:
    """A policy with its numbers."""

    policy: Policy
    trigger: str
    holdout: str
    margin: float | None
    watch: WatchParams | None = None

    @property
    def name(self) -> str:
        """In words."""
        gate = "" if self.margin is None else f", margin {self.margin:g}, holdout {self.holdout}"
        return f"{self.policy.name}: {self.trigger}{gate}"


@dataclass(frozen=True)
class Tried:
    """What a candidate came to: by how much it is worse than `always` where it is chosen and where it is reported."""

    candidate: Candidate
    account: Account
    promotions: int
    choosing: Contrast
    reporting: Contrast


def triggers(year: Year) -> Iterator[tuple[str, str, WatchParams | None]]:
    """Name, `retrains` and the watch's policy."""
    yield "each month", "always", None
    for age in ("45d", "75d", "180d"):
        yield f"the watch, older than {age}", "triggered", year.watch.model_copy(update={"max_age": age})


def candidates(year: Year, holdouts: list[str]) -> Iterator[Candidate]:
    """Every trigger with and without the gate."""
    for name, retrains, watch in triggers(year):
        if retrains == "triggered":
            yield Candidate(POLICIES["triggered"], name, year.holdout, None, watch)
        for holdout in holdouts:
            for margin in MARGINS:
                policy: Any = Policy("gated", retrains, gated=True)  # type: ignore[arg-type]
                yield Candidate(policy, name, holdout, margin, watch)


def main(arguments: list[str]) -> int:
    """Try all candidates; print the tables and the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdouts", nargs="+", default=["14d", "28d"])
    parser.add_argument("--search", choices=("every", "first"), default="every")
    parser.add_argument("--cache", type=Path, default=Path(".replay"))
    args = parser.parse_args(arguments)
    asked = Asked(FIRST, LAST, search=args.search == "every", cache=args.cache)
    year = year_of(asked, ROOT, lambda line: print(line, file=sys.stderr, flush=True))
    for holdout in dict.fromkeys([year.holdout, *args.holdouts]):
        prepare(replace(year, holdout=holdout), asked.jobs)
    bases = {name: account(live(POLICIES[name], year.calendar, year), year) for name in ("never", "always")}
    tried = [_try(candidate, year, bases["always"]) for candidate in candidates(year, args.holdouts)]
    gated = [t for t in tried if t.candidate.policy.gated]
    chosen = choose(gated, year.gate.primary.margin.value)
    show(tried, chosen, bases, year)
    late = [-t.reporting.gain.value for t in alike(chosen, gated)]
    print(f"\nalike from April to August: {len(late)}; from September on {min(late):+.4f} to {max(late):+.4f}\n")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "replay-candidates.json").write_text(json.dumps([_plain(t) for t in tried], indent=2) + "\n")
    points = [(name, a.life.count("promotion"), a.overall[year.metric]) for name, a in bases.items()]
    points += [(t.candidate.name, t.promotions, t.account.overall[year.metric]) for t in tried if t is not chosen]
    draw_frontier([*points, ("gated", chosen.promotions, chosen.account.overall[year.metric])], year.metric, IMAGE)
    return report("replay", list(figures(chosen, bases, year, training_seconds(year, asked.jobs))))


def choose(tried: list[Tried], margin: float) -> Tried:
    """Fewest promotions among those that lose little; where none does, the one that loses least.

    `margin` is that of `params.yaml`, which is taken where margins make no difference.
    """
    allowed = [t for t in tried if -t.choosing.gain.value <= ALLOWED]
    if not allowed:
        return max(tried, key=lambda t: t.choosing.gain.value)
    return min(
        allowed,
        key=lambda t: (*_until_chosen(t), t.candidate.margin != margin, t.candidate.margin),
    )


def alike(chosen: Tried, tried: list[Tried]) -> list[Tried]:
    """Those that had come to the same by the time of choosing, but for retrainings."""
    return [t for t in tried if _until_chosen(t)[:2] == _until_chosen(chosen)[:2]]


def _until_chosen(tried: Tried) -> tuple[int, float, int]:
    """Promotions, loss against `always`, and retrainings."""
    promotions, retrainings = (_count(tried.account, kind, CHOSEN_BY) for kind in ("promotion", "retraining"))
    return promotions, -round(tried.choosing.gain.value, 6), retrainings


def figures(chosen: Tried, bases: dict[str, Account], year: Year, seconds: float) -> Iterator[Figure]:
    """What was asked for."""
    lost = -chosen.reporting.gain.value
    low, high = -chosen.reporting.gain.upper(CONFIDENCE), -chosen.reporting.gain.lower(CONFIDENCE)
    said = f"{lost:+.4f} ({low:+.4f} to {high:+.4f})"
    yield Figure("gated, worse than always, Sept–Dec", f"≤ {ALLOWED}", said, lost, lost <= ALLOWED)
    gain = contrast(chosen.account, bases["never"], year, REPORTED, LAST).gain
    said = f"{gain.value:+.4f} ({gain.lower(CONFIDENCE):+.4f} to {gain.upper(CONFIDENCE):+.4f})"
    yield Figure("gated, better than never, Sept–Dec", "> 0", said, gain.value, gain.value > 0)
    always = bases["always"].life.count("promotion")
    share = chosen.promotions / always
    said = f"{chosen.promotions} of {always}"
    yield Figure("promotions of gated", "half of always'", said, share, share <= 0.5)
    yield Figure("seconds of training, all policies", f"≤ {LIMIT:g}", f"{seconds:.0f}", seconds, seconds <= LIMIT)


def training_seconds(year: Year, jobs: int) -> float:
    """What the trainings took when they were made, so many at a time: nearly all that a first replay takes."""
    calendar = year.calendar
    days = [calendar.first, *calendar.retraining_days]
    return sum(year.training(calendar.newest(day)).seconds for day in days) / jobs


def show(tried: list[Tried], chosen: Tried, bases: dict[str, Account], year: Year) -> None:
    """Print the table of candidates."""
    heads = "promotions | worse than always, Apr–Aug | worse than always, Sept–Dec, 90 % interval | all"
    print(f"| policy | {heads} |\n| --- | --- | --- | --- | --- |")
    for name, base in bases.items():
        print(f"| {name} | {base.life.count('promotion')} | | | {base.overall[year.metric]:.4f} |")
    for t in tried:
        late = t.reporting.gain
        interval = f"{-late.value:+.4f} ({-late.upper(CONFIDENCE):+.4f} to {-late.lower(CONFIDENCE):+.4f})"
        name = f"**{t.candidate.name}**" if t is chosen else t.candidate.name
        overall = t.account.overall[year.metric]
        print(f"| {name} | {t.promotions} | {-t.choosing.gain.value:+.4f} | {interval} | {overall:.4f} |")


def _try(candidate: Candidate, year: Year, always: Account) -> Tried:
    own = replace(year, holdout=candidate.holdout, watch=candidate.watch or year.watch)
    if candidate.margin is not None:
        primary = year.gate.primary.model_dump() | {"margin": candidate.margin}
        gate = type(year.gate).model_validate(year.gate.model_dump() | {"primary": primary})
        own = replace(own, gate=gate)
    life = live(candidate.policy, own.calendar, own)
    found = account(life, own)
    choosing = contrast(found, always, year, FIRST, CHOSEN_BY)
    reporting = contrast(found, always, year, REPORTED, LAST)
    print(f"{candidate.name}: {life.count('promotion')} promotions", file=sys.stderr, flush=True)
    return Tried(candidate, found, life.count("promotion"), choosing, reporting)


def _count(found: Account, kind: str, last: dt.date) -> int:
    return sum(event.kind == kind and event.day <= last for event in found.life.events)


def _plain(tried: Tried) -> dict[str, Any]:
    late = tried.reporting.gain
    return {
        "name": tried.candidate.name,
        "promotions": tried.promotions,
        "overall": tried.account.overall,
        "choosing": -tried.choosing.gain.value,
        "reporting": -late.value,
        "low": -late.upper(CONFIDENCE),
        "high": -late.lower(CONFIDENCE),
        "events": [f"{event.day} {event.kind}: {event.said}" for event in tried.account.life.events],
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
