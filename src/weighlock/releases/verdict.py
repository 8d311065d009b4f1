"""Whether a verdict lets the challenger of this very moment through: by whom it was weighed, against what, how."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighlock.errors import EvidenceError
from weighlock.files import read_json
from weighlock.releases.acceptance import FOLDER, acceptance_of, evidence_digest, file_of
from weighlock.releases.record import Judged, Release
from weighlock.revisions import git

GATE = "weighlock gate"
AGAIN = f"Run `{GATE}` again."


@dataclass(frozen=True)
class Present:
    """What the repository holds now, of which a verdict has to be.

    Attributes:
        weighed, served: the digests of the tree's models.
        holdout: the digest of the rows that they are judged by.
        policy: `params.yaml: gate`, as `gate.json` holds it.
        champion: the release that is stable in production; None before the first one.
    """

    weighed: str
    served: str
    holdout: str
    policy: dict[str, Any]
    champion: Release | None


def read_verdict(path: Path) -> dict[str, Any]:
    """The content of a `gate.json`, as the gate wrote it.

    Raises:
        EvidenceError: it is missing, torn or edited.
    """
    content = read_json(path, GATE)
    if not isinstance(content, dict) or content.get("evidence") != evidence_digest(content):
        raise EvidenceError(f"`{path}` is not as `{GATE}` wrote it: its digest differs. {AGAIN}")
    return content


def let_through(content: dict[str, Any], path: Path, present: Present, root: Path) -> Judged:
    """What lets the challenger through.

    Args:
        content: of the `gate.json` at `path`.
        present: what it has to be of.
        root: the repository, with its acceptances.

    Raises:
        EvidenceError: nothing does, or the verdict is of another challenger, policy, holdout or champion.
    """
    try:
        _require_present(content, path, present)
        champion = _champion(content, path, present)
        outcome, evidence, bootstrap = content["outcome"], content["evidence"], content["bootstrap"]
    except (KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"`{path}` is not what `{GATE}` writes: it lacks {error}. {AGAIN}") from error
    accepted = None
    if outcome == "FAIL":
        raise EvidenceError(
            f"`{path}` says FAIL: harm is shown, and nothing lets that through. Its reasons stand in `{path.parent}/"
            "gate.md`; mend the challenger."
        )
    if outcome != "PASS":
        accepted = _accepted(evidence, content["challenger"]["digests"], path, root)
    return Judged(
        outcome=outcome, bootstrap=bootstrap, evidence=evidence, champion=champion, accepted=accepted,
    )  # fmt: skip


def _require_present(content: dict[str, Any], path: Path, present: Present) -> None:
    digests = content["challenger"]["digests"]
    for which, now in (("weighed", present.weighed), ("served", present.served)):
        if digests.get(which) != now:
            raise EvidenceError(
                f"`{path}` is of another challenger: it weighed {digests.get(which) or 'no such model'}, but the "
                f"tree's {which} model is {now}. {AGAIN}"
            )
    if content["policy"] != present.policy:
        keys = sorted(
            k for k in {**present.policy, **content["policy"]} if content["policy"].get(k) != present.policy.get(k)
        )
        raise EvidenceError(
            f"`{path}` was made under another policy: {', '.join(f'`gate.{key}`' for key in keys)} of `params.yaml` "
            f"says something else now. {AGAIN}"
        )
    if content["holdout"]["digest"] != present.holdout:
        raise EvidenceError(f"`{path}` is stale: the holdout has other rows now. {AGAIN}")


def _champion(content: dict[str, Any], path: Path, present: Present) -> str | None:
    """What it was weighed against, as people call it."""
    stable, weighed_against = present.champion, content["champion"]
    if stable is None:
        return str(content["about"]["names"]["champion"]) if weighed_against else None
    if weighed_against is None:
        raise EvidenceError(
            f"`{path}` is a bootstrap's, but `{stable.version}` is stable in production. Weigh against that: `{GATE}`."
        )
    found = {digest for digest in weighed_against["digests"].values() if digest}
    if not found & {stable.weighed.digest, stable.served.digest}:
        raise EvidenceError(
            f"`{path}` is stale: it is against {content['about']['names']['champion']}, but `{stable.version}` is "
            f"stable in production now. {AGAIN}"
        )
    return stable.version


def _accepted(evidence: str, digests: dict[str, str], path: Path, root: Path) -> str:
    acceptance = acceptance_of(evidence, root)
    if acceptance is None:
        raise EvidenceError(
            f"`{path}` is INCONCLUSIVE, and nobody has accepted this evidence. More rows may decide it; or `weighlock "
            "accept --reason …`, which a reviewer reads."
        )
    if acceptance.challenger != digests:
        raise EvidenceError(f"`{file_of(evidence, root)}` accepts another challenger than `{path}` weighed.")
    name = f"{FOLDER}/{file_of(evidence, root).name}"
    if git(root, "cat-file", "-e", f"HEAD:./{name}").returncode:
        raise EvidenceError(
            f"`{name}` is not committed, so nobody can have reviewed it. Commit it, then run this again."
        )
    return f"{acceptance.reason} ({acceptance.by})"
