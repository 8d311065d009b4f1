"""nginx's configuration as directives, which nginx-crossplane writes, and the names that ours have in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Directive:
    """A line of nginx's configuration; one with a `block` holds others."""

    name: str
    args: tuple[str, ...] = ()
    block: tuple[Directive, ...] | None = None

    def content(self) -> dict[str, Any]:
        """As nginx-crossplane takes it."""
        block = {} if self.block is None else {"block": [inner.content() for inner in self.block]}
        return {"directive": self.name, "args": list(self.args), **block}


def line(name: str, *args: str) -> Directive:
    """A directive that ends with a semicolon."""
    return Directive(name, args)


def block(name: str, *args: str, holds: Iterable[Directive]) -> Directive:
    """A directive with others in braces."""
    return Directive(name, args, tuple(holds))


def text(directives: Sequence[Directive]) -> str:
    """What nginx reads."""
    import crossplane  # type: ignore[import-untyped]

    return str(crossplane.build([directive.content() for directive in directives])) + "\n"


@dataclass(frozen=True)
class Names:
    """Names that two environments on one machine do not share."""

    environment: str

    def __call__(self, part: str) -> str:
        """A name of ours in this environment."""
        return f"weighlock_{self.environment.replace('-', '_')}_{part}"

    def variable(self, part: str) -> str:
        """A variable, with its sign."""
        return f"${self(part)}"


def header(name: str) -> str:
    """The variable that holds a request's header."""
    return f"$http_{name.lower().replace('-', '_')}"
