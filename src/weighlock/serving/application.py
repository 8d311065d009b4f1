"""The service as a bare ASGI application: routes, access, limits. What is scored and logged is the engine's."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from weighlock.monitoring.prediction_log import LogFailure
from weighlock.serving.bodies import JSON, Arriving, Gone, Headers, Receive
from weighlock.serving.keys import SCOPES, bearer_of
from weighlock.serving.measures import LAG, Measures
from weighlock.serving.problems import MEDIA_TYPE, Refused

if TYPE_CHECKING:
    from weighlock.serving.engine import Engine
    from weighlock.serving.feedback import FeedbackReader
    from weighlock.serving.keys import KeyStore
    from weighlock.serving.params import ServeParams
    from weighlock.serving.reader import Reader

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Handler = Callable[[Headers, bytes], Awaitable["Response"]]

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
HTML = b"text/html; charset=utf-8"
LONGEST_HEADER = 200
TICK = 0.25  # seconds between two looks at what has waited too long
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
logger = logging.getLogger("weighlock.serving")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    body: bytes
    content_type: bytes = JSON
    status: int = 200
    headers: Sequence[tuple[bytes, bytes]] = ()


@dataclass(frozen=True)
class Pages:
    """What is answered as it stands."""

    model: bytes
    openapi: bytes
    docs: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at a path: its name in metrics, its method, and the scopes of which a key needs one."""

    endpoint: str
    method: str
    handler: Handler
    scopes: tuple[str, ...] = ()


class Application:
    """Answers requests of one worker."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        feedback: FeedbackReader,
        measures: Measures,
        params: ServeParams,
        keys: KeyStore | None,
        pages: Pages,
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._feedback = feedback
        self._measures = measures
        self._params = params
        self._keys = keys
        self._pages = pages
        self._largest = params.max_kilobytes * 1024
        self._arriving = Arriving(params.timeout_seconds, self._largest)
        self._nowhere = Route("other", "", self._missing)
        self._routes = {
            "/v1/predict": Route("predict", "POST", self._predict, ("predict",)),
            "/v1/feedback": Route("feedback", "POST", self._take_feedback, ("feedback",)),
            "/v1/model": Route("model", "GET", _page(pages.model), SCOPES),
            "/healthz": Route("healthz", "GET", _page(b'{"status":"ok"}')),
            "/readyz": Route("readyz", "GET", _page(b'{"status":"ready"}')),
            "/metrics": Route("metrics", "GET", self._metrics),
        }
        if params.docs:
            self._routes["/docs"] = Route("docs", "GET", _page(pages.docs, HTML, SAFE))
            self._routes["/openapi.json"] = Route("openapi", "GET", _page(pages.openapi))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3); whatever it is, it gets an answer that `/openapi.json` names."""
        begun = perf_counter()
        headers = dict(scope["headers"])
        route = self._routes.get(scope["path"], self._nowhere)
        try:
            response = await self._respond(route, scope["method"], headers, receive)
        except Refused as refused:
            response = _refusal(refused)
        except Gone:
            return
        except Exception:
            logger.exception("a defect, at `%s %s`", scope["method"], scope["path"])
            response = _refusal(Refused("internal", "The service has a defect; its log says more."))
        await _send(response, headers.get(b"x-request-id"), send)
        self._measures.answered(route.endpoint, response.status, perf_counter() - begun)

    async def _respond(self, route: Route, method: str, headers: Headers, receive: Receive) -> Response:
        if method != route.method and route.method and not (method == "HEAD" and route.method == "GET"):
            allow = b"GET, HEAD" if route.method == "GET" else b"POST"
            raise Refused("method-not-allowed", f"This takes {route.method}.", headers=[(b"allow", allow)])
        if route.scopes and not self._params.open:
            self._admit(headers, route.scopes)
        body = await self._arriving.body(headers, receive) if route.method == "POST" else b""
        return await route.handler(headers, body)

    def _admit(self, headers: Headers, scopes: Iterable[str]) -> None:
        key = bearer_of(headers.get(b"authorization", b"").decode("latin-1"))
        keys = self._keys
        if keys and any(keys.allows(key, scope) for scope in scopes):
            return
        if keys and any(keys.allows(key, scope) for scope in SCOPES):
            raise Refused("forbidden", f"This needs a key with the scope {' or '.join(scopes)}.")
        said = "Send `Authorization: Bearer KEY`." if key is None else "This key is not known here, or was revoked."
        raise Refused("unauthorized", said, headers=[(b"www-authenticate", b"Bearer")])

    async def _missing(self, headers: Headers, body: bytes) -> Response:  # noqa: ARG002
        raise Refused("not-found", "There is nothing at this path; `/openapi.json` says what there is.")

    async def _predict(self, headers: Headers, body: bytes) -> Response:
        entity = _named(headers, b"x-entity-id")
        request = _named(headers, b"x-request-id")
        return Response(await self._engine.answer(self._reader.read(body), entity, request))

    async def _take_feedback(self, headers: Headers, body: bytes) -> Response:  # noqa: ARG002
        records = self._feedback.read(body)
        try:
            self._engine.record(records)
        except LogFailure:
            raise Refused("log-failure", "The truths could not be kept; none of them was.") from None
        self._measures.metrics.add(self._measures.feedback, float(len(records)))
        return Response(msgspec.json.encode({"accepted": len(records)}))

    async def _metrics(self, headers: Headers, body: bytes) -> Response:  # noqa: ARG002
        self._measures.metrics.set(self._measures.in_progress, float(self._engine.busy))
        return Response(self._measures.metrics.render(), TEXT)

    async def tick(self) -> None:
        """Give up what has waited too long, and measure how late this comes; runs until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            self._measures.metrics.observe(self._measures.lag, LAG, max(0.0, loop.time() - due))
            self._measures.metrics.set(self._measures.in_progress, float(self._engine.busy))
            self._arriving.expire(loop.time())


# The docs page runs its own script and talks to its own service, and nothing else.
SAFE = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            b"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


def _page(body: bytes, content_type: bytes = JSON, headers: Sequence[tuple[bytes, bytes]] = ()) -> Handler:
    page = Response(body, content_type, headers=headers)

    async def answer(_headers: Headers, _body: bytes) -> Response:
        return page

    return answer


def _refusal(refused: Refused) -> Response:
    return Response(refused.document(), MEDIA_TYPE, refused.status, refused.headers)


def _named(headers: Headers, name: bytes) -> str | None:
    """A header by which a client names something of its own."""
    value = headers.get(name)
    if value is None:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if not 0 < len(text) <= LONGEST_HEADER or not text.isprintable():
        raise Refused(
            "invalid-header", f"`{name.decode().title()}` should be 1 to {LONGEST_HEADER} characters of text."
        )
    return text


async def _send(response: Response, request_id: bytes | None, send: Send) -> None:
    headers = [
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        *response.headers,
    ]
    if request_id is not None and len(request_id) <= LONGEST_HEADER and not _CONTROL.search(request_id):
        headers.append((b"x-request-id", request_id))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
