"""What the gate has said: of releases, from their evidence in git; of others, from files that are at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from weighlock.config import parse_yaml
from weighlock.deployment.history import History
from weighlock.errors import EvidenceError, WeighlockError
from weighlock.files import digest_of
from weighlock.releases import acceptance, evidence, record
from weighlock.releases.acceptance import Acceptance, evidence_digest
from weighlock.releases.card import page as card_page
from weighlock.releases.card.content import card_of
from weighlock.releases.evidence import Evidence
from weighlock.releases.record import Release
from weighlock.site.read import Gate, Reached, read

GATE, REACHED = evidence.GATE, evidence.REACHED
LARGEST = 20_000_000  # bytes of a verdict
UNREAD = "its evidence does not read"


@dataclass(frozen=True)
class Recorded:
    """A release, and what is behind it.

    Attributes:
        release: its record.
        gate, reached: None where that evidence is missing, or not what was recorded.
        card: the model card as a page; None where its evidence is not whole.
        problems: what is missing, in words.
    """

    release: Release
    gate: Gate | None
    reached: Reached | None
    card: str | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Weighed:
    """A verdict of the gate.

    Attributes:
        gate: what it says; None where only its acceptance is known.
        version: the release that came of it; None: none.
        accepted: who let it through, although it was INCONCLUSIVE, and why.
        source: where it is known from.
    """

    gate: Gate | None
    version: str | None
    accepted: Acceptance | None
    source: str


def recorded(history: History) -> tuple[list[Recorded], list[str]]:
    """Every release of the newest commit, oldest first, and what does not read."""
    ledger, tree = history.ledger, history.ledger.head.tree
    paths = {path: version for path in tree if (version := _version(path))}
    ledger.load(blob for path, blob in tree.items() if path.startswith(f"{record.FOLDER}/"))
    found, problems = [], []
    for path in sorted(paths, key=lambda path: int(paths[path][1:])):
        try:
            release = ledger.read_release(tree[path], path)
        except EvidenceError as error:
            problems.append(str(error))
        else:
            files = {name: ledger.text(tree[name]) for name in release.evidence if name in tree}
            found.append(_recorded(release, files))
    return found, problems


def _version(path: str) -> str | None:
    name = path.removeprefix(f"{record.FOLDER}/").removesuffix(".yaml")
    return name if path == f"{record.FOLDER}/{name}.yaml" and record.is_version(name) else None


def _recorded(release: Release, files: dict[str, bytes]) -> Recorded:
    whole = {path: content for path, content in files.items() if digest_of(content) == release.evidence[path]}
    problems = [
        f"`{path}` is {'not as its record says' if path in files else 'missing'}"
        for path in release.evidence
        if path not in whole
    ]
    named = {Path(path).name: content for path, content in whole.items()}
    gate = reached = card = None
    try:
        gate = read(named[GATE], Gate, GATE) if GATE in named else None
        reached = read(named[REACHED], Reached, REACHED) if REACHED in named else None
        card = card_page.render(card_of(Evidence(release, named)))
    except EvidenceError as error:
        problems.append(str(error))
    return Recorded(release, gate, reached, card, tuple(problems))


def weighed(history: History, releases: Iterable[Recorded], folders: Iterable[Path]) -> tuple[list[Weighed], list[str]]:
    """All verdicts that are known, newest rows first, and what does not read.

    Args:
        history: of the commit that counts.
        releases: its releases.
        folders: where more `gate.json` may be, at any depth.
    """
    accepted, problems = _acceptances(history)
    found: dict[str, Weighed] = {}
    for one in releases:
        digest = one.release.verdict.evidence
        source = record.path_of(one.release.version)
        found[digest] = Weighed(one.gate, one.release.version, accepted.pop(digest, None), source)
    for path in _files(folders):
        try:
            gate = _whole(path)
        except EvidenceError as error:
            problems.append(str(error))
            continue
        known = found.get(gate.evidence)
        if known is None:
            found[gate.evidence] = Weighed(gate, None, accepted.pop(gate.evidence, None), path.name)
        elif known.gate is None:
            found[gate.evidence] = replace(known, gate=gate)
    lone = [Weighed(None, None, one, f"{acceptance.FOLDER}/") for one in accepted.values()]
    return [*sorted([*found.values(), *lone], key=_newest, reverse=True)], problems


def _newest(one: Weighed) -> tuple[str, int]:
    end = (one.gate.holdout.end if one.gate else None) or (one.accepted.at if one.accepted else "")
    return end, int(one.version[1:]) if one.version else 0


def _acceptances(history: History) -> tuple[dict[str, Acceptance], list[str]]:
    """Those of the newest commit, by their evidence."""
    found, problems = {}, []
    for path, blob in history.ledger.head.tree.items():
        if path.startswith(f"{acceptance.FOLDER}/") and path.endswith(".yaml"):
            try:
                one = parse_yaml(history.ledger.text(blob), Acceptance, path)
                found[one.evidence] = one
            except (WeighlockError, UnicodeDecodeError) as error:
                problems.append(f"`{path}` does not read: {error}")
    return found, problems


def _files(folders: Iterable[Path]) -> list[Path]:
    found = [Path(at) / GATE for folder in folders for at, _, files in os.walk(folder) if GATE in files]
    return sorted({path for path in found if path.is_file() and not path.is_symlink()})


def _whole(path: Path) -> Gate:
    source = f"{path.parent.name}/{path.name}"  # on a page, nobody needs to know where on a machine it is
    try:
        if path.stat().st_size > LARGEST:
            raise EvidenceError(f"`{source}` is larger than a verdict can be.")
        content = path.read_bytes()
        if json.loads(content).get("evidence") != evidence_digest(json.loads(content)):
            raise EvidenceError(f"`{source}` is not as `weighlock gate` wrote it: its digest differs.")
    except (ValueError, AttributeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"`{source}` is no verdict: {error}.") from error
    except OSError as error:
        raise EvidenceError(f"`{source}` cannot be read: {error.strerror}.") from error
    return read(content, Gate, source)
