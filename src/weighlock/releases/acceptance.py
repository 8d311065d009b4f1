"""Acceptances: a reviewed file that lets an INCONCLUSIVE through, for exactly the evidence that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from weighlock.config import Strict, read_yaml
from weighlock.errors import ConfigError, EvidenceError
from weighlock.files import digest_of, read_json, write_text
from weighlock.releases.repository import committer

if TYPE_CHECKING:
    import datetime as dt

FOLDER = "releases/accepted"
LEAST_REASON = 10  # characters: "ok" is no reason
# What is said beside hangs on who looks; the rows that turned are examples, and a release's copy goes without them.
NOT_EVIDENCE = {"evidence", "accepted", "about", "flips"}


class Acceptance(Strict):
    """`releases/accepted/<evidence>.yaml`: who let an INCONCLUSIVE through, and why."""

    evidence: str
    challenger: dict[str, str | None]
    reason: str
    by: str
    at: str


def evidence_digest(content: dict[str, Any]) -> str:
    """`sha256:…` of everything in a `gate.json` but the digest itself, its acceptance and examples of rows."""
    proof = {key: value for key, value in content.items() if key not in NOT_EVIDENCE}
    canonical = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_of(canonical.encode())


def file_of(evidence: str, root: Path) -> Path:
    """Where the acceptance of this evidence stands."""
    return root / FOLDER / f"{evidence.removeprefix('sha256:')}.yaml"


def acceptance_of(evidence: str, root: Path) -> Acceptance | None:
    """The acceptance of exactly this evidence, or None.

    Raises:
        ConfigError: its file is none, or is of other evidence than its name says.
    """
    path = file_of(evidence, root)
    if not path.exists():
        return None
    found = read_yaml(path, Acceptance)
    if found.evidence != evidence:
        raise ConfigError(f"`{path}` accepts {found.evidence}, not the evidence that it is named after. Remove it.")
    return found


def accept(verdict: Path, reason: str, root: Path, now: dt.datetime) -> tuple[Path, bool]:
    """Write the acceptance of an INCONCLUSIVE; where it stands, and whether it is new.

    Args:
        verdict: a `gate.json`.
        reason: why, in words for a reviewer.
        root: the repository's.
        now: the present moment, in UTC.

    Raises:
        EvidenceError: the file is not what the gate wrote, or its outcome is not INCONCLUSIVE.
        ConfigError: the reason is none, or git does not know who accepts.
    """
    content = read_json(verdict, "weighlock gate")
    if not isinstance(content, dict) or content.get("evidence") != evidence_digest(content):
        raise EvidenceError(f"`{verdict}` is not as `weighlock gate` wrote it: its digest differs. Run the gate again.")
    outcome = content["outcome"]
    if outcome == "FAIL":
        raise EvidenceError(
            f"`{verdict}` says FAIL: harm is shown, and no one can accept that. Mend the challenger, or the policy "
            "in a pull request of its own."
        )
    if outcome != "INCONCLUSIVE":
        raise EvidenceError(f"`{verdict}` says {outcome}: there is nothing to accept.")
    reason = " ".join(reason.split())
    if len(reason) < LEAST_REASON:
        raise ConfigError(f"`--reason` should say why in words ({LEAST_REASON} characters or more), but is {reason!r}.")
    path = file_of(content["evidence"], root)
    if acceptance_of(content["evidence"], root):
        return path, False
    entry = Acceptance(
        evidence=content["evidence"],
        challenger=content["challenger"]["digests"],
        reason=reason,
        by=committer(root),
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, yaml.safe_dump(entry.model_dump(), sort_keys=False, allow_unicode=True, width=120))
    return path, True
