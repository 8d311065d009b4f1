"""What a model card says, from a release's record and its evidence alone (after Mitchell et al., 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighlock.errors import EvidenceError
from weighlock.releases.card import sections
from weighlock.releases.card.blocks import Card, Heading
from weighlock.releases.evidence import folder_of

if TYPE_CHECKING:
    from weighlock.releases.card.blocks import Block
    from weighlock.releases.evidence import Evidence

SECTIONS = (
    ("Intended use", sections.use),
    ("What a request holds", sections.features),
    ("Data", sections.data),
    ("How good it is", sections.metrics),
    ("Where it is better and worse", sections.slices),
    ("Fairness", sections.fairness),
    ("What it hangs on", sections.importance),
    ("Limits", sections.limits),
    ("Verdict", sections.verdict),
    ("How to get it", sections.getting),
)


def card_of(evidence: Evidence) -> Card:
    """The card of a release.

    Raises:
        EvidenceError: a file of the evidence is missing, or is not what was written when it was recorded.
    """
    release = evidence.release
    try:
        blocks: list[Block] = [*sections.identity(evidence)]
        for title, section in SECTIONS:
            blocks += [Heading(title), *section(evidence)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EvidenceError(
            f"`{folder_of(release.version)}` is not what was written when `{release.version}` was recorded "
            f"({type(error).__name__}: {error}). Restore it from git."
        ) from error
    return Card(f"{release.name} {release.version}", tuple(blocks))
