"""The cold routes: one handler each, given what was asked for as typed structs.

`Cold` reads parameters and body by the types that the route table names, keeps promises of HTTP that are the same
everywhere (ETag, Idempotency-Key), and leaves a handler with nothing but its own work.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from honeyguide.api.auth import Gatekeeper
from honeyguide.api.bodies import has_body, media_type, read_body
from honeyguide.api.codecs import Codec
from honeyguide.api.endpoint import JSON, Answer, AsgiScope, Receive, RequestHeaders, encode
from honeyguide.api.idempotency import Idempotency
from honeyguide.api.lists import Lists
from honeyguide.api.rows import check_rows_type, read_rows
from honeyguide.api.urls import QueryReader, segment_text
from honeyguide.api.wire.base import In
from honeyguide.bootstrap import Runtime
from honeyguide.errors import InvalidInput
from honeyguide.ingest.decode import RowDecoder

P = TypeVar("P", covariant=True)
B = TypeVar("B", covariant=True)


@dataclass(frozen=True, slots=True)
class Service:
    """What handlers work with."""

    runtime: Runtime
    lists: Lists
    gate: Gatekeeper
    document: bytes
    started_at: int


@dataclass(frozen=True, slots=True)
class Call(Generic[P, B]):
    """One request as a handler sees it: parameters (path and query) and body as the route's types."""

    service: Service
    params: P
    body: B
    headers: RequestHeaders
    method: str

    @property
    def runtime(self) -> Runtime:
        """The wired system."""
        return self.service.runtime


ColdHandler = Callable[[Any], Awaitable[Answer]]
NO_STORE: Final = (b"cache-control", b"no-store")


class NoParams(In):
    """A route without parameters."""


def reply(value: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    """A JSON answer."""
    return Answer(encode(value), status, [JSON, NO_STORE, *headers])


class Cold:
    """Reads a request for one handler."""

    def __init__(
        self,
        handler: ColdHandler,
        service: Service,
        *,
        params: type[In] = NoParams,
        body: Any = None,
        rows: RowDecoder[Any] | None = None,
        tagged: bool = False,
        idempotency: Idempotency | None = None,
        max_body: int,
    ) -> None:
        self._handler, self._service = handler, service
        self._params = QueryReader(params)
        self._body: Codec[Any] | None = Codec(body) if body is not None else None
        self._rows = rows
        self._idempotency = idempotency
        self._tagged, self._max_body = tagged, max_body

    async def __call__(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """The handler's answer."""
        path = {name: segment_text(text) for name, text in scope.get("path_params", {}).items()}
        params = self._params.read(scope["query_string"], path)
        raw = await self._raw_body(receive, headers)
        call = Call(self._service, params, self._parsed(raw, headers), headers, scope["method"])
        key = headers.get(b"idempotency-key") if self._idempotency is not None else None
        if key is not None and self._idempotency is not None:
            request = scope["query_string"] + b"\n" + raw
            return await self._idempotency.once(key, scope["method"], scope["path"], request, lambda: self._handler(call))
        answer = await self._handler(call)
        return self._with_tag(answer, headers) if self._tagged else answer

    async def _raw_body(self, receive: Receive, headers: RequestHeaders) -> bytes:
        if self._rows is not None:
            check_rows_type(headers)
        elif self._body is not None:
            media_type(headers)
        elif not has_body(headers):
            return b""
        raw = await read_body(receive, headers, self._max_body)
        if raw and self._body is None:
            raise InvalidInput("This request takes no body.", cure="Send it without one.")
        return raw

    def _parsed(self, raw: bytes, headers: RequestHeaders) -> Any:
        if self._rows is not None:
            return read_rows(self._rows, raw, headers)
        return None if self._body is None else self._body.read(raw)

    def _with_tag(self, answer: Answer, headers: RequestHeaders) -> Answer:
        """The answer with its ETag, or 304 if the caller has it already (RFC 9110 section 13.1.2)."""
        tag = b'"' + hashlib.blake2b(answer.body, digest_size=12).hexdigest().encode() + b'"'
        fields = [(b"etag", tag), (b"cache-control", b"private, no-cache")]
        known = [sent.strip().removeprefix(b"W/") for sent in headers.get(b"if-none-match", b"").split(b",")]
        if tag in known or b"*" in known:
            return Answer(b"", 304, fields)
        kept = [entry for entry in answer.headers if entry[0] != b"cache-control"]
        return msgspec.structs.replace(answer, headers=[*kept, *fields])
