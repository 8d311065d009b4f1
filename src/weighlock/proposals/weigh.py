"""Main's verdict on a pull request: what may be said of it, by whose code, and the record that says so.

Runs without a token. Of the branch it reads git objects and the artifact of its run, both as data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighlock.decisions.markdown import escaped
from weighlock.errors import EvidenceError, WeighlockError
from weighlock.layout import MODEL, SERVED, SIGNATURE, WEIGHED
from weighlock.proposals import words
from weighlock.proposals.archive import Artifact, open_artifact, parse_json
from weighlock.proposals.changes import ACCEPTED, LOCK, PARAMS, Changes, changes_of, read_yaml_at
from weighlock.proposals.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weighlock.proposals.scratch import Scratch

LONGEST = 140
MOST_ACCEPTANCES = 20
NO_MODEL = "NO MODEL CHANGED"


@dataclass(frozen=True)
class Proposal:
    """What is known of a pull request's run.

    Attributes:
        root: main's clone.
        head: the branch's newest commit.
        artifact: the archive that its run left; None where it left none.
        reproduced: whether that run ended well.
        run: the address of the run that weighs.
    """

    root: Path
    head: str
    artifact: Path | None
    reproduced: bool
    run: str = ""


def weigh_proposal(proposal: Proposal, out: Path) -> tuple[Record, str]:
    """The record and the comment; the gate's own files are in `out/gate`.

    What cannot be weighed is a record, too: its state is `error`, which no rule lets pass.
    """
    from weighlock.revisions import find_commit

    main = find_commit("HEAD", proposal.root) or "0" * 40
    try:
        changes = changes_of(proposal.root, main, proposal.head)
        return _of(changes, proposal, out, main)
    except WeighlockError as error:
        return _refused(proposal, main, error)


def _of(changes: Changes, proposal: Proposal, out: Path, main: str) -> tuple[Record, str]:
    told = words.Told(NO_MODEL, proposal.head, main, proposal.run)
    if changes.kind == "nothing":
        told = replace(told, lines=["No model changed: there is nothing to weigh."])
        record = Record(
            head=proposal.head,
            main=main,
            outcome=NO_MODEL,
            state="success",
            description="no model changed",
            fresh=False,
        )
        return record, words.comment_of(told)
    if changes.kind == "behind":
        told = replace(told, outcome="BEHIND", lines=words.behind_lines(changes.reasons))
        said = f"main has changed {changes.reasons[0]} since: bring the branch up to date"
        return _record(proposal, main, "BEHIND", "failure", said), words.comment_of(told)
    if changes.kind == "own":
        return _own(changes, proposal, main, told)
    return _weighed(changes, proposal, out, main, told)


def _own(changes: Changes, proposal: Proposal, main: str, told: words.Told) -> tuple[Record, str]:
    """The owners decide; what the branch says of itself can only speak against it."""
    artifact = None
    if changes.model and proposal.artifact:
        try:
            artifact = open_artifact(proposal.artifact)
        except EvidenceError as error:
            return _refused(proposal, main, error)
    own = artifact.own if artifact else None
    bad = changes.model and (own in {None, "FAIL"} or not proposal.reproduced)
    said = f"computed by this branch's own code{f' ({own})' if own else ''}: its owners decide"
    reasons = artifact.own_reasons if artifact else ()
    told = replace(told, outcome="OWN CODE", lines=words.own_lines(changes.reasons, own, reasons, model=changes.model))
    owners = [p for p in changes.paths if p in changes.reasons]
    owners += [PARAMS] if any(k in changes.reasons for k in changes.keys) else []
    record = _record(proposal, main, "OWN CODE", "failure" if bad else "success", said)
    return record.model_copy(update={"owners": owners[:10_000]}), words.comment_of(told)


def _weighed(changes: Changes, proposal: Proposal, out: Path, main: str, told: words.Told) -> tuple[Record, str]:
    from weighlock.proposals.champion import bring_champion
    from weighlock.proposals.scratch import scratch

    if proposal.artifact is None:
        raise EvidenceError("the branch's run handed over no model: `reproduce` did not get that far. See its log.")
    bring_champion(proposal.root)
    artifact = open_artifact(proposal.artifact)
    accepted = acceptances(changes, proposal.root)
    with scratch(proposal.root) as tree:
        found = _weigh_in(tree, artifact, changes, {**accepted}, out / "gate")
    outcome, taken = str(found["outcome"]), found.get("accepted")
    if outcome in {"REFUSED", "BROKEN"}:
        what = "the gate's self-test fails: " if outcome == "BROKEN" else ""
        raise EvidenceError(f"{what}{found['said']}")
    if outcome == "NOTHING NEW":
        told = replace(told, outcome=outcome, lines=[escaped(str(found["said"]))])
        return _record(proposal, main, outcome, "success", "the champion's own model and rows"), words.comment_of(told)
    passed = outcome == "PASS" or bool(taken)
    notes = [f"Accepted: {taken}"] if taken else []
    notes += ["There is no champion yet: floors and data checks alone decide."] if found["bootstrap"] else []
    report = (out / "gate/gate.md").read_text(encoding="utf-8")
    told = replace(
        told, outcome=outcome, accepted=bool(taken), report=report,
        lines=words.weighed_lines("" if taken else outcome, notes, reproduced=proposal.reproduced),
    )  # fmt: skip
    said = ", accepted" if taken else ", bootstrap" if found["bootstrap"] else ""
    reason = f"{outcome}{said}: {' '.join(found['reasons'])}"
    record = _record(proposal, main, outcome, "success" if passed else "failure", reason)
    owners = sorted(accepted) if taken else []
    return record.model_copy(update={"evidence": found["evidence"], "owners": owners}), words.comment_of(told)


def _weigh_in(
    tree: Scratch, artifact: Artifact, changes: Changes, accepted: Mapping[str, bytes], out: Path
) -> dict[str, Any]:
    """Main's rows first, from parameters that main's code reads; then the models, and the gate."""
    from weighlock.proposals.locks import lock_condition
    from weighlock.revisions import Revision, load_lock
    from weighlock.tracking.result import flatten

    head = Revision(changes.head, tree.place.root)
    tree.overlay({PARAMS: head.text(PARAMS), **accepted})
    main_lock = tree.rows()
    check_models(artifact, tree.folder)
    tree.overlay(artifact.files)
    models = {path: _md5(artifact.files[path]) for path in (f"{WEIGHED}/{MODEL}", f"{SERVED}/{MODEL}")}
    try:
        branch_lock = load_lock(head.text(LOCK), f"`{LOCK}` of the branch")
        params = flatten(read_yaml_at(tree.place.root, changes.head, PARAMS))
        lock = lock_condition(branch_lock, main_lock, params, models)
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"the branch's `{LOCK}` is not what DVC writes ({type(error).__name__}).") from None
    return tree.weigh(out, lock)


def check_models(artifact: Artifact, folder: Path) -> None:
    """See that both models are what an export of main's schema may be.

    Raises:
        EvidenceError: one is not; it says which, and why.
    """
    from weighlock.proposals.network import check_network
    from weighlock.schema import FILE, read_schema
    from weighlock.scoring.signature import parse_signature

    schema = read_schema(folder / FILE)
    for place in (WEIGHED, SERVED):
        model, name = artifact.files[f"{place}/{MODEL}"], f"{place}/{SIGNATURE}"
        signature = parse_signature(parse_json(artifact.files[name], name), name)
        check_network(model, signature, schema, f"{place}/{MODEL}")


def acceptances(changes: Changes, root: Path) -> dict[str, bytes]:
    """The acceptances that the branch brings, path -> content."""
    from fnmatch import fnmatchcase

    from weighlock.revisions import Revision

    head = Revision(changes.head, root)
    found = {}
    for path in [p for p in changes.paths if fnmatchcase(p, ACCEPTED) and p.count("/") == ACCEPTED.count("/")]:
        try:
            found[path] = head.text(path)
        except EvidenceError:
            continue  # taken away by the branch
    if len(found) > MOST_ACCEPTANCES or any(len(content) > 64 * 1024 for content in found.values()):
        raise EvidenceError(
            f"the branch brings {len(found)} acceptances, or a very long one. Leave out what is not its own."
        )
    return found


def _refused(proposal: Proposal, main: str, error: WeighlockError) -> tuple[Record, str]:
    said = " ".join(str(error).split())
    told = words.Told(
        "REFUSED", proposal.head, main, proposal.run, lines=["Nothing could be weighed:", "", escaped(said)]
    )
    return _record(proposal, main, "REFUSED", "error", said), words.comment_of(told)


def _record(proposal: Proposal, main: str, outcome: str, state: Any, description: str) -> Record:
    return Record(head=proposal.head, main=main, outcome=outcome, state=state, description=description[: LONGEST * 2])


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
