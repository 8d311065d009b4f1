"""What a branch's `dvc.lock` and metrics claim, held against what came out of its code, parameters and data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from weighlock.errors import EvidenceError, WeighlockError
from weighlock.layout import METRICS, MODEL, PART_FILES, SERVED, SIGNATURE, WEIGHED
from weighlock.results import TOLERANCE, compare, find_result
from weighlock.revisions import LOCK, Revision, load_lock, outs
from weighlock.tracking.result import numbers

if TYPE_CHECKING:
    from pathlib import Path

Outcome = Literal["unchanged", "identical", "equivalent", "different"]
SHOWN = 10
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def claim(root: Path, head: str, claimed: str) -> tuple[Outcome, tuple[str, ...]]:
    """How a branch's `dvc.lock` and metrics compare with what came out in the working tree.

    Args:
        root: the repository, in which the pipeline has run.
        head: the branch's commit.
        claimed: the text of its `dvc.lock`.
    """
    outcome, reasons = _of_lock(root, head, claimed)
    if outcome != "different" and (odd := _metrics_apart(root, head)):
        return "different", odd
    return outcome, reasons


def _of_lock(root: Path, head: str, claimed: str) -> tuple[Outcome, tuple[str, ...]]:
    found = load_lock((root / LOCK).read_bytes(), f"`{LOCK}`")
    try:
        said = load_lock(claimed.encode(), f"the branch's `{LOCK}`")
        if not all(isinstance(md5, str) and _MD5.fullmatch(md5) for md5 in outs(said).values()):
            raise TypeError("a digest that is none")  # noqa: TRY301  (caught below with what else DVC never writes)
        stale = [name for name in found if _given(said.get(name, {}), found) != _given(found[name], found)]
    except (EvidenceError, KeyError, TypeError, AttributeError):
        return "different", (f"The branch's `{LOCK}` is not what DVC writes.",)
    if said == found:
        return "identical", (f"`{LOCK}` is what `dvc repro` gives, byte for byte.",)
    if stale:
        named = ", ".join(f"`{name}`" for name in stale)
        return "different", (f"`{LOCK}` was not made from this code, these parameters and data: {named}.",)
    try:
        compared = compare(find_result(head, root), find_result(str(root), root))
        apart = _models_apart(root, head, outs(said), outs(found))
    except EvidenceError:  # its models were pushed nowhere: its metrics are what there is to compare
        said_so = "Its metrics are what comes out; its models, which were not pushed, have other bytes."
        return "equivalent", (said_so,)
    return ("different", apart) if apart else (compared.outcome, compared.reasons)


def _given(stage: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What a stage is made from, but for what other stages make."""
    made = {out["path"] for other in found.values() for out in other.get("outs") or []}
    deps = {dep["path"]: dep.get("md5") for dep in stage.get("deps") or [] if dep["path"] not in made}
    return {"cmd": stage.get("cmd"), "deps": deps, "params": stage.get("params")}


def _models_apart(root: Path, head: str, said: dict[str, str], found: dict[str, str]) -> tuple[str, ...]:
    """Where the models that the lock names do not score as those that came out: predictions beside them may be others'.

    Raises:
        EvidenceError: a model is not to be had, or is not what its signature describes.
    """
    import numpy as np

    from weighlock.scoring import RESULT_THREADS, Scorer
    from weighlock.scoring.signature import parse_signature
    from weighlock.tables import read_table

    revision, odd = Revision(head, root), []
    for folder in (WEIGHED, SERVED):
        path, name = f"{folder}/{MODEL}", f"{folder}/{SIGNATURE}"
        if said.get(path) == found.get(path):
            continue
        try:
            signature = parse_signature(json.loads(revision.data(name)), name)
            rows = read_table(root / PART_FILES["holdout"], "dvc repro")
            theirs = Scorer(revision.data(path), signature, threads=RESULT_THREADS).score(rows).astype(float)
        except (ValueError, RecursionError) as error:
            raise EvidenceError(f"`{name}` of the branch is not JSON.") from error
        ours = Scorer.load(root / folder, threads=RESULT_THREADS).score(rows).astype(float)
        scale = float(np.sqrt(np.mean(ours**2))) or 1.0 if signature.task == "regression" else 1.0
        if theirs.shape != ours.shape or np.abs(theirs - ours).max() / scale > TOLERANCE:
            odd.append(f"`{path}` that the branch names scores otherwise than the one that comes out.")
    return tuple(odd)


def _metrics_apart(root: Path, head: str) -> tuple[str, ...]:
    """Where the metrics that the branch committed are not those that came out."""
    found = numbers(json.loads((root / METRICS).read_bytes()))
    try:
        said = numbers(json.loads(Revision(head, root).text(METRICS)))
    except (WeighlockError, ValueError, AttributeError, RecursionError):  # no JSON, or no keys and values
        return (f"`{METRICS}` of the branch is missing, or no metrics.",)
    apart = [k for k in found if k not in said or abs(found[k] - said[k]) > TOLERANCE * max(1.0, abs(found[k]))]
    told = [f"`{METRICS}`: {k}: {said.get(k)} is claimed, {found[k]} comes out" for k in apart[:SHOWN]]
    if not apart and said.keys() != found.keys():
        return (f"`{METRICS}` of the branch claims other metrics than come out.",)
    return tuple(told)
