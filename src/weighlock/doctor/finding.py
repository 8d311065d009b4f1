"""A finding: what was looked at, how it stands, why it matters, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["found", "missing", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        area: such as `GitHub`; a heading.
        name: what was looked at.
        state: how it stands; what is there and wrong is missing.
        needed: without it something that everyone uses fails; else it only works less well.
        detail: what was found.
        why: what goes wrong without it.
        fix: the command that mends it; empty where it is there.
    """

    area: str
    name: str
    state: State
    needed: bool
    detail: str = ""
    why: str = ""
    fix: str = ""

    @property
    def stops(self) -> bool:
        """Whether the doctor's exit code says so."""
        return self.needed and self.state == "missing"
