"""What the service refuses, as problem documents (RFC 9457): the kind, what is wrong in words, and in which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

MEDIA_TYPE = b"application/problem+json"
MOST = 20  # faults that one document names; the rest are counted


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, and what it means for a client."""

    status: int
    title: str
    meaning: str


KINDS = {
    "malformed-json": Kind(400, "The body is not JSON", "Mend the body; sent again as it is, it is refused again."),
    "invalid-header": Kind(400, "A header is not usable", "`X-Request-Id` and `X-Entity-Id` are 1 to 200 characters."),
    "unauthorized": Kind(401, "No valid key", "Send `Authorization: Bearer KEY` with a key that is not revoked."),
    "forbidden": Kind(403, "The key does not allow this", "Ask for a key with the scope that this endpoint needs."),
    "not-found": Kind(404, "There is nothing here", "See `/openapi.json` for what there is."),
    "method-not-allowed": Kind(405, "Not by this method", "The header `Allow` names the methods."),
    "timeout": Kind(408, "The body did not arrive in time", "Send the whole body at once; then try again."),
    "too-large": Kind(413, "The body is too large", "Send fewer rows a request."),
    "media-type": Kind(415, "Only JSON is read", "Send `Content-Type: application/json`, not compressed."),
    "invalid-rows": Kind(422, "The content does not fit", "`errors` names each row and field."),
    "too-busy": Kind(429, "Too many requests at once", "Wait as long as `Retry-After` says; then try again."),
    "internal": Kind(500, "A defect of the service", "It is in the service's log; tell whoever runs it."),
    "log-failure": Kind(503, "The answer could not be logged", "Nothing was answered; try again later."),
    "too-slow": Kind(503, "The answer took too long", "Send fewer rows a request, or try again later."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row or a field of it; `row` counts from 0, None for the whole body."""

    row: int | None
    field: str | None
    problem: str


class Refused(Exception):  # noqa: N818  (a refusal is an answer)
    """A request that is answered with a problem document."""

    def __init__(
        self,
        kind: str,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status = KINDS[kind].status
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = tuple(headers)

    def document(self) -> bytes:
        """The body: `type`, `title`, `status`, `detail` and, where rows are at fault, `errors`."""
        content: dict[str, object] = {
            "type": f"/docs#{self.kind}",
            "title": KINDS[self.kind].title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.faults:
            content["errors"] = [{"row": f.row, "field": f.field, "problem": f.problem} for f in self.faults[:MOST]]
        return msgspec.json.encode(content)


def in_rows(faults: Sequence[Fault]) -> Refused:
    """The refusal of a body whose rows have these faults (at least one)."""
    first = faults[0]
    row = "" if first.row is None else f"row {first.row}: "
    where = f"{row}`{first.field}`" if first.field else f"row {first.row}" if row else "the body"
    more = f" And {len(faults) - 1} more; `errors` names the first {MOST}." if len(faults) > 1 else ""
    end = "" if first.problem.endswith("?") else "."
    return Refused("invalid-rows", f"{where[:1].upper()}{where[1:]} {first.problem}{end}{more}", faults)
