"""The hot routes that take events: one by parameters, one as an object, many as an array or as lines."""

import hashlib
from typing import Final

from honeyguide.api.bodies import has_body, media_type, read_body
from honeyguide.api.codecs import Codec
from honeyguide.api.endpoint import JSON, Answer, AsgiScope, Receive, RequestHeaders, encode
from honeyguide.api.idempotency import Idempotency
from honeyguide.api.rows import check_rows_type, read_rows, taken
from honeyguide.api.urls import QueryReader, routing_path, segment_text
from honeyguide.api.wire.events import TrackIn, TrackParams
from honeyguide.errors import InvalidInput
from honeyguide.ingest import Ingest
from honeyguide.ingest.decode import EVENTS
from honeyguide.messages import EventIn, Rejected

TRACK: Final = "/track/"
_FIELDS: Final = [JSON, (b"cache-control", b"no-store")]
_KEY: Final = b"idempotency-key"


class Intake:
    """Reads events and hands them to INGEST; answers when they are committed."""

    def __init__(self, ingest: Ingest, idempotency: Idempotency, *, max_body: int) -> None:
        self._ingest, self._idempotency, self._max_body = ingest, idempotency, max_body
        self._track_params, self._track_body = QueryReader(TrackParams), Codec[TrackIn](TrackIn)
        self._event = Codec[EventIn](EventIn)

    async def track(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """`POST /track/{type}`: one event by parameters, or as a body without its type."""
        kind = segment_text(routing_path(scope["raw_path"])[len(TRACK) :])
        body = b""
        if has_body(headers):
            media_type(headers)
            if scope["query_string"]:
                raise InvalidInput("The request has both a body and parameters.", cure="Put all of it into the body.")
            body = await read_body(receive, headers, self._max_body)
            event = self._track_body.read(body).event(kind)
        else:
            asked: TrackParams = self._track_params.read(scope["query_string"], {"type": kind})
            event = EventIn(**{name: getattr(asked, name) for name in asked.__struct_fields__})
            event.ts = _moment(asked.ts)
        return await self._once(scope, headers, body, [event], single=True)

    async def one(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """`POST /v1/events`: one event as an object."""
        media_type(headers)
        body = await read_body(receive, headers, self._max_body)
        return await self._once(scope, headers, body, [self._event.read(body)], single=True)

    async def batch(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """`POST /v1/events:batch`: an array or lines; what cannot be taken is listed, the rest is kept."""
        check_rows_type(headers)
        body = await read_body(receive, headers, self._max_body)
        return await self._once(scope, headers, body, read_rows(EVENTS, body, headers), single=False)

    async def _once(
        self,
        scope: AsgiScope,
        headers: RequestHeaders,
        body: bytes,
        events: list[EventIn] | list[EventIn | Rejected],
        *,
        single: bool,
    ) -> Answer:
        """Take the events, once for each Idempotency-Key."""
        key = headers.get(_KEY)
        if key is None:
            return await self._take(events, single=single)
        path = routing_path(scope["raw_path"])
        request = scope["query_string"] + b"\n" + body
        _name_events(key, path, request, events)
        return await self._idempotency.once(key, scope["method"], path, request, lambda: self._take(events, single=single))

    async def _take(self, events: list[EventIn] | list[EventIn | Rejected], *, single: bool) -> Answer:
        report = await self._ingest.events(events)
        return Answer(encode(taken(report, "event") if single else report), 202, _FIELDS)


def _name_events(key: bytes, path: str, request: bytes, events: list[EventIn] | list[EventIn | Rejected]) -> None:
    """Give events without an id one that follows from key and request: a retry after a crash then counts nothing twice,
    even if the answer to the first try was never stored."""
    stem = hashlib.blake2b(b"\n".join((path.encode(), key, request)), digest_size=16).hexdigest()
    for index, event in enumerate(events):
        if isinstance(event, EventIn) and event.event_id is None:
            event.event_id = f"key-{stem}-{index}"


def _moment(text: str | None) -> int | str | None:
    """A time given as a parameter: digits are milliseconds, anything else is left to INGEST to read."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else text
