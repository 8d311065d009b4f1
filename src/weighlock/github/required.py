"""Whether every job that must pass did: the one status that the branch rules ask for."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from weighlock.errors import EvidenceError

RESULTS = ("success", "failure", "cancelled", "skipped")
HOW = "Give the step `env: NEEDS: ${{ toJSON(needs) }}`."


@dataclass(frozen=True)
class Required:
    """What the needed jobs came to.

    Attributes:
        passed: names of jobs that passed.
        skipped: of jobs that were skipped and may be.
        missed: (name, what it came to) of jobs that stand in the way.
    """

    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    missed: tuple[tuple[str, str], ...]

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.missed


def judged(needs: str, may_skip: Collection[str] = ()) -> Required:
    """What GitHub's `toJSON(needs)` comes to: a job passes by `success`, or by `skipped` where it stands on the list.

    Raises:
        EvidenceError: the text is no such JSON, names no job, or a name on the list is none of its jobs.
    """
    results = _results(needs)
    if unknown := sorted(set(may_skip) - set(results)):
        raise EvidenceError(f"`--may-skip {unknown[0]}`: no needed job has that name; they are {', '.join(results)}.")
    skipped = tuple(name for name, result in results.items() if result == "skipped" and name in may_skip)
    passed = tuple(name for name, result in results.items() if result == "success")
    missed = tuple((name, result) for name, result in results.items() if name not in {*passed, *skipped})
    return Required(passed, skipped, missed)


def _results(needs: str) -> dict[str, str]:
    """Name -> result of each job."""
    try:
        content = json.loads(needs)
    except ValueError:
        raise EvidenceError(f"`NEEDS` is no JSON, so that nothing is known of the jobs. {HOW}") from None
    if not isinstance(content, dict) or not content:
        raise EvidenceError(f"`NEEDS` names no job; a check of nothing would always pass. {HOW}")
    found = {}
    for name, job in content.items():
        result = job.get("result") if isinstance(job, dict) else None
        if result not in RESULTS:
            raise EvidenceError(f"`NEEDS` does not say what `{name}` came to ({result!r}). {HOW}")
        found[str(name)] = str(result)
    return found
