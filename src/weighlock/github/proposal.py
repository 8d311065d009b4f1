"""The pull request that brings a release's record and its promotion to the main branch, with what a reviewer asks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighlock.decisions.markdown import code, escaped, joined, table
from weighlock.files import to_json, write_text
from weighlock.releases.pending import PREFIX

if TYPE_CHECKING:
    from weighlock.releases.record import Release

WHOLE = 400  # characters: a digest that is cut says nothing
END = (
    "It holds the record, its evidence, and the promotion to the first environment. Merging it "
    "is the approval: `weighlock sync`, Argo CD or Flux bring it there."
)


@dataclass(frozen=True)
class Proposal:
    """A pull request; `weighlock github pull-request --record` opens what `write` writes."""

    title: str
    branch: str
    body: str

    def write(self, record: Path) -> None:
        """The record, and its body beside it."""
        body = record.with_suffix(".md")
        record.parent.mkdir(parents=True, exist_ok=True)
        write_text(body, self.body)
        write_text(record, to_json({"title": self.title, "branch": self.branch, "body": body.name}))


def propose(release: Release, page: str) -> Proposal:
    """Of a release, and the address of its page at GitHub."""
    judged = release.verdict
    against = f"against {judged.champion}" if judged.champion else "the first of all: bootstrap"
    facts = [
        ("model", code(release.served.digest, WHOLE)),
        ("trained up to", escaped(release.served.trained_until or "(no time)")),
        ("made of", code(release.commit, WHOLE)),
        ("image", code(release.image, WHOLE) if release.image else "none: it runs from its model file"),
        ("bento", code(release.bento) if release.bento else "none"),
        ("card, model, bill of materials", f"[the release's page]({page})"),
    ]
    lines = [
        f"{release.name} {release.version}: the gate says **{judged.outcome}** ({against}).",
        *([f"Accepted by {escaped(judged.accepted)}"] if judged.accepted else []),
        "",
        *table(("", ""), [[name, value] for name, value in facts]),
        *table(("metric on the holdout", "value"), [[code(n), f"{v:.4f}"] for n, v in release.metrics.items()], {1}),
        END,
    ]
    return Proposal(f"Release {release.name} {release.version}", f"{PREFIX}{release.version}", joined(lines))
