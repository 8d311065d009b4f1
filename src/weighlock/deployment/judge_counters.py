"""What services have counted, and what happened between two looks at their counters.

A service's counters only ever grow, until it restarts: then they begin at 0 again, and what it had counted since the
last look is lost. Each look is kept in a file of JSON lines, so that the stretches between looks can be told apart.
"""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from weighlock.errors import EvidenceError
from weighlock.files import write_text
from weighlock.locks import locked

SECONDS = 10
UNASKED = {"401", "403"}  # who has no key has not asked the model
MOST_LOOKS = 10_000  # of a step; beyond it every other one of them is dropped, whatever it says


@dataclass(frozen=True)
class Totals:
    """What one service has counted since it started.

    Attributes:
        answers: by status, of requests for predictions.
        edges: upper borders of the buckets of seconds.
        buckets: how many requests fell into each; the last has no border.
    """

    answers: Mapping[str, int]
    edges: tuple[float, ...]
    buckets: tuple[int, ...]

    @property
    def requests(self) -> int:
        """All that asked the model."""
        return sum(count for status, count in self.answers.items() if status not in UNASKED)

    def failed(self, statuses: Sequence[str]) -> int:
        """Those with a status such as 429 or 5xx."""
        chosen = [s for s in self.answers if s in statuses or f"{s[0]}xx" in statuses]
        return sum(self.answers[status] for status in chosen)


@dataclass(frozen=True)
class Look:
    """Both variants' counters at one moment.

    Attributes:
        at: when, in UTC.
        step: which step of which rollout it was.
        stable: the stable release.
        variants: variant -> address -> totals.
    """

    at: str
    step: str
    stable: str
    variants: Mapping[str, Mapping[str, Totals]]


@dataclass(frozen=True)
class Stretch:
    """What a variant's services did between two looks.

    Attributes:
        totals: the increase.
        restarts: services that began anew, so that only what they counted since is known.
    """

    totals: Totals
    restarts: int


def scrape(url: str, digest: str, what: str) -> Totals:
    """Ask a service for its counters.

    Args:
        url: of the service, such as http://127.0.0.1:3101.
        digest: of the model that it should serve.
        what: the variant and release, for messages.

    Raises:
        EvidenceError: it does not answer, is no service of ours, or serves another model.
    """
    address = f"{url.rstrip('/')}/metrics"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:  # noqa: S310  (the user's own address)
            text = response.read().decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise EvidenceError(
            f"`{address}` does not answer ({reason}), so nobody knows how {what} is doing. Start it, or mend --url."
        ) from error
    return parse_metrics(text, digest, f"`{address}`", what)


def parse_metrics(text: str, digest: str, source: str, what: str) -> Totals:
    """The totals of a service's `/metrics`.

    Raises:
        EvidenceError: it is not what our service writes, or of another model.
    """
    from prometheus_client.parser import text_string_to_metric_families

    answers: dict[str, int] = {}
    bounds: dict[float, int] = {}
    found: str | None = None
    try:
        for family in text_string_to_metric_families(text):
            for name, labels, value, *_ in family.samples:
                if name == "weighlock_model_info":
                    found = labels["digest"]
                elif labels.get("endpoint") != "predict":
                    continue
                elif name == "weighlock_requests_total":
                    answers[labels["status"]] = int(value)
                elif name == "weighlock_request_seconds_bucket":
                    bounds[float(labels["le"])] = int(value)
    except (ValueError, KeyError) as error:
        raise EvidenceError(f"{source} answers with something that is no metrics of Weighlock ({error}).") from error
    if found is None or math.inf not in bounds:
        raise EvidenceError(f"{source} has no `weighlock_model_info`, or no histogram: it is no Weighlock service.")
    if found != digest:
        raise EvidenceError(
            f"{source} serves `{found}`, but {what} is `{digest}`: it is not the variant that git wants there. "
            "`weighlock sync` brings it about, or --url names the wrong service."
        )
    edges = sorted(bounds)
    cumulative = [0, *(bounds[edge] for edge in edges)]
    buckets = tuple(after - before for before, after in pairwise(cumulative))
    return Totals(answers, tuple(edges[:-1]), buckets)


def increase(before: Mapping[str, Totals], after: Mapping[str, Totals]) -> Stretch:
    """What was counted between two looks, over all services of a variant; one that is new counts from 0."""
    parts = [(_since(before.get(url), totals), _restarted(before.get(url), totals)) for url, totals in after.items()]
    edges = next((part.edges for part, _ in parts), ())
    same = [part for part, _ in parts if part.edges == edges]
    statuses = {status for part in same for status in part.answers}
    answers = {status: sum(part.answers.get(status, 0) for part in same) for status in sorted(statuses)}
    buckets = tuple(sum(counts) for counts in zip(*(part.buckets for part in same), strict=True))
    return Stretch(Totals(answers, edges, buckets), sum(again for _, again in parts))


def remember(path: Path, look: Look) -> list[Look]:
    """Add a look to the file; all of them, oldest first: those of this step and of the one before.

    Raises:
        StorageError: the disk is full or read-only.
        EvidenceError: a whole line of the file is no look.
    """
    with _alone(path):
        looks = [*_kept(read_looks(path), look), look]
        write_text(path, "".join(f"{json.dumps(asdict(one), separators=(',', ':'))}\n" for one in looks))
    return looks


def read_looks(path: Path) -> list[Look]:
    """The looks of a file; none where there is no file.

    Raises:
        EvidenceError: a line is no look.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    try:
        return [_look(json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(
            f"`{path}` holds a line that is no look at counters ({error}). Weighlock writes whole ones: move the file "
            "away, and what the step has counted begins anew."
        ) from error


def _look(content: dict[str, Any]) -> Look:
    variants = {
        variant: {
            url: Totals(dict(t["answers"]), tuple(t["edges"]), tuple(t["buckets"])) for url, t in services.items()
        }
        for variant, services in content["variants"].items()
    }
    return Look(content["at"], content["step"], content["stable"], variants)


def _kept(looks: list[Look], new: Look) -> list[Look]:
    steps = list(dict.fromkeys(look.step for look in looks if look.step != new.step))
    kept = [look for look in looks if look.step in {new.step, *steps[-1:]}]
    if len(kept) <= MOST_LOOKS:
        return kept
    # between which looks stretches are told apart hangs on their number alone, so nothing is chosen by what they say
    return [look for place, look in enumerate(kept) if place % 2 == 0 or place == len(kept) - 1]


def _since(before: Totals | None, after: Totals) -> Totals:
    if before is None or _restarted(before, after):
        return after
    answers = {status: count - before.answers.get(status, 0) for status, count in after.answers.items()}
    buckets = tuple(new - old for old, new in zip(before.buckets, after.buckets, strict=True))
    return Totals(answers, after.edges, buckets)


def _restarted(before: Totals | None, after: Totals) -> bool:
    """Whether a counter went back (or its buckets changed, as with another version of the service)."""
    if before is None:
        return False
    if before.edges != after.edges:
        return True
    fewer = any(after.answers.get(status, 0) < count for status, count in before.answers.items())
    return fewer or any(new < old for old, new in zip(before.buckets, after.buckets, strict=True))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One look at a time, also where a timer and a person look at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f".{path.name}.lock")):
        yield
