"""What every route is wrapped in: admission, request id, errors as problems, one answer, measured.

An `Endpoint` is a plain ASGI callable around a coroutine that returns an `Answer`; hot routes are reached straight from
the dispatcher, cold ones through FastAPI's router. Both are this class.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
import structlog

from honeyguide.api.auth import Gatekeeper, Scope
from honeyguide.api.problems import MEDIA_TYPE, Headers, headers_of, internal, problem_of
from honeyguide.clock import Clock
from honeyguide.errors import HoneyguideError
from honeyguide.monitoring.metrics import Metrics

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, Receive, Send], Awaitable[None]]
RequestHeaders = dict[bytes, bytes]

JSON: Final = (b"content-type", b"application/json")
encode: Final = msgspec.json.Encoder().encode

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

log = structlog.get_logger(__name__)

_ID_BYTES: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:+/=@-")


class Disconnected(Exception):
    """The caller went away before its request was read; nobody is there to answer."""


class Answer(msgspec.Struct):
    """A whole answer. The endpoint adds the request id and the length of the body.

    With `parts` the body is what they are, sent as they come; an error between them breaks the connection off, so that
    nobody takes a part for the whole."""

    body: bytes
    status: int = 200
    headers: Headers = []
    request_id: bytes = b""
    parts: AsyncIterator[bytes] | None = None


class Handler(Protocol):
    """Answers one request; what it raises becomes a problem."""

    async def __call__(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """The answer to a request that was admitted."""


Ready = Callable[[bytes], Answer | None]
"""Answers a query string at once, or says that something has to be waited for (None); then it has left nothing behind."""


@dataclass(slots=True)
class Meters:
    """How many requests there are, and how long each route takes."""

    metrics: Metrics
    in_progress: int = 0
    _observers: dict[tuple[str, str, int], Callable[[float], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metrics.http_requests_in_progress.set_function(lambda: self.in_progress)

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer; the label look-up is made once per route, method and class of status."""
        observer = self._observers.get((route, method, status // 100)) or self.expect(route, method, status)
        observer(seconds)

    def expect(self, route: str, method: str, status: int = 200) -> Callable[[float], None]:
        """Make the series of such answers, which then begins at 0 and not at its first answer."""
        shown = method if method in _METHODS else "(other)"  # a caller can make up any number of methods
        observer: Callable[[float], None] = self.metrics.http_request_duration.labels(
            route, shown, f"{status // 100}xx"
        ).observe
        if shown == method:
            self._observers[route, method, status // 100] = observer
        return observer


class Endpoint:
    """One route as an ASGI callable."""

    def __init__(
        self,
        handler: Handler,
        *,
        route: str,
        scope: Scope | None,
        gate: Gatekeeper,
        meters: Meters,
        clock: Clock,
        new_id: Callable[[], str],
        ready: Ready | None = None,
    ) -> None:
        """`ready` is the handler's short way, for requests without a body."""
        self._handler, self.ready = handler, ready
        self._route, self._scope = route, scope
        self._gate, self._meters, self._clock, self._new_id = gate, meters, clock, new_id

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        started = self._clock.monotonic()
        meters = self._meters
        meters.in_progress += 1
        headers = dict(scope["headers"])
        method: str = scope["method"]
        try:
            try:
                if self._scope is not None:
                    self._gate.admit(headers, self._scope, method)
                answer = await self._handler(scope, receive, headers)
            except HoneyguideError as error:
                answer = refusal(error, scope, self._id_for(headers))
            except Disconnected:
                return
            except Exception:  # counted, logged whole, and answered without its inside
                meters.metrics.http_errors.labels(self._route).inc()
                request_id = self._id_for(headers)
                log.exception("request failed", request_id=request_id, route=self._route, method=method)
                answer = refusal(internal(request_id), scope, request_id)
            fields = self._fields(answer, headers)
            await send({"type": "http.response.start", "status": answer.status, "headers": fields})
            if answer.parts is not None and method != "HEAD":
                await self._send_parts(answer.parts, send)
            await send({"type": "http.response.body", "body": answer.body})
            meters.observe(self._route, method, answer.status, self._clock.monotonic() - started)
        finally:
            meters.in_progress -= 1

    def at_once(self, scope: AsgiScope, headers: RequestHeaders) -> tuple[Answer, Headers] | None:
        """The answer to a request without a body, with its header fields, if nothing has to be waited for."""
        assert self.ready is not None
        started, method = self._clock.monotonic(), scope["method"]
        try:
            if self._scope is not None:
                self._gate.admit(headers, self._scope, method)
            answer = self.ready(scope["query_string"])
            if answer is None:
                return None
        except HoneyguideError as error:
            answer = refusal(error, scope, self._id_for(headers))
        except Exception:  # counted, logged whole, and answered without its inside
            self._meters.metrics.http_errors.labels(self._route).inc()
            request_id = self._id_for(headers)
            log.exception("request failed", request_id=request_id, route=self._route, method=method)
            answer = refusal(internal(request_id), scope, request_id)
        fields = self._fields(answer, headers)
        self._meters.observe(self._route, method, answer.status, self._clock.monotonic() - started)
        return answer, fields

    def _fields(self, answer: Answer, headers: RequestHeaders) -> list[tuple[bytes, bytes]]:
        """All header fields of an answer."""
        request_id = request_id_of(headers) or answer.request_id or self._new_id().encode()
        fields = [*answer.headers, (b"x-request-id", request_id)]
        if answer.parts is None:
            fields.append((b"content-length", b"%d" % len(answer.body)))
        return fields

    async def _send_parts(self, parts: AsyncIterator[bytes], send: Send) -> None:
        try:
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except Exception:  # counted; what was sent cannot be taken back, so the server breaks the connection off
            self._meters.metrics.http_errors.labels(self._route).inc()
            raise

    def _id_for(self, headers: RequestHeaders) -> str:
        return (request_id_of(headers) or self._new_id().encode()).decode()


def request_id_of(headers: RequestHeaders) -> bytes:
    """The caller's X-Request-Id if it is one: up to 128 characters that need no quoting anywhere; else nothing."""
    sent = headers.get(b"x-request-id")
    return sent if sent and len(sent) <= 128 and _ID_BYTES.issuperset(sent) else b""


def refusal(error: HoneyguideError, scope: AsgiScope, request_id: str) -> Answer:
    """A problem as an answer."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    problem = problem_of(error, instance=path.decode("ascii", "replace"), request_id=request_id)
    fields = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store"), *headers_of(error)]
    return Answer(encode(problem), error.status, fields, request_id.encode())
