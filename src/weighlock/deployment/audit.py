"""Is git's history as it should be? Records left alone, promotions allowed, rendered files true to their state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from weighlock.deployment.audit_moves import move_findings
from weighlock.deployment.audit_records import record_findings
from weighlock.deployment.findings import Finding
from weighlock.deployment.history import History, history_of
from weighlock.deployment.ledger import Entry, Ledger, read_ledger
from weighlock.deployment.policy import DeployParams, read_deploy
from weighlock.deployment.render import folder_of
from weighlock.errors import WeighlockError
from weighlock.params import FILE


@dataclass(frozen=True)
class Audit:
    """What was looked at, and what was found.

    Attributes:
        history: every commit and every change of an environment.
        findings: what is wrong, oldest first.
        known: what is wrong and looked into, by `params.yaml: deploy.known`.
    """

    history: History
    findings: tuple[Finding, ...]
    known: tuple[Finding, ...]


def audit(root: Path, commit: str = "HEAD", trusted: str | None = None, policy: DeployParams | None = None) -> Audit:
    """Verify the history of a commit, offline.

    Args:
        root: the repository's.
        commit: the newest to look at.
        trusted: a commit that was verified before, or seen elsewhere: it has to be in this history.
        policy: `params.yaml: deploy`; None: the working tree's.

    Raises:
        EvidenceError: the clone is shallow, or there is no such commit.
    """
    return audit_of(read_ledger(root, commit), policy or read_deploy(root / FILE), trusted)


def audit_of(ledger: Ledger, policy: DeployParams, trusted: str | None = None) -> Audit:
    """The audit of a history that has been read."""
    history = history_of(ledger)
    found = [*record_findings(history.ledger), *move_findings(history, policy), *_rendered(history)]
    found += _rewritten(history, trusted) if trusted else []
    reasons = {known.commit: known.reason for known in policy.known}
    found = [replace(finding, known=reasons.get(finding.entry.id)) for finding in found]
    found.sort(key=lambda finding: history.ledger.place[finding.entry.id])
    return Audit(
        history,
        findings=tuple(finding for finding in found if finding.known is None),
        known=tuple(finding for finding in found if finding.known is not None),
    )


def _rewritten(history: History, trusted: str) -> Iterator[Finding]:
    if not any(commit.startswith(trusted) for commit in history.ledger.by_id):
        yield Finding(
            "rewritten", history.ledger.head, "", f"the trusted commit {trusted[:9]} is not in this history.",
            "The branch was forced to another history: compare with another clone.",
        )  # fmt: skip


def _rendered(history: History) -> Iterator[Finding]:
    """Rendered files of the newest commit that are not what its environments render to."""
    ledger, tree = history.ledger, history.ledger.head.tree
    for name in history.environments:
        folder = f"{folder_of(name)}/"
        held = {path: blob for path, blob in tree.items() if path.startswith(folder)}
        try:
            wanted = history.rendered(name, history.state(name))
        except WeighlockError:
            continue  # said of the environment or the release
        ledger.load(held.values())
        for path in sorted({*held, *wanted}):
            if path not in held:
                what = "is missing"
            elif path not in wanted:
                what = "belongs to no state of the environment"
            elif ledger.text(held[path]) != wanted[path].encode():
                what = "is not what the environment's state renders to: it is stale, or was edited by hand"
            else:
                continue
            yield Finding(
                "rendered", _touched(history, path), path, f"`{path}` {what}.",
                f"Run `weighlock render {name}` and commit it.",
            )  # fmt: skip


def _touched(history: History, path: str) -> Entry:
    """The newest commit that changed a file; the newest of all where none did."""
    entries = history.ledger.entries
    return next((entry for entry in reversed(entries) if path in entry.changes), entries[-1])
