"""The hot routes that answer with a list: decode, serve, write bytes. Nothing here waits when the list is in memory."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from msgspec import Raw

from honeyguide.api.auth import Gatekeeper
from honeyguide.api.bodies import has_body, media_type, read_body
from honeyguide.api.codecs import Codec
from honeyguide.api.endpoint import JSON, Answer, AsgiScope, Receive, RequestHeaders, encode
from honeyguide.api.fields import takes
from honeyguide.api.problems import Headers
from honeyguide.api.urls import QueryReader, refused
from honeyguide.api.wire.lists import (
    ListParams,
    RecommendIn,
    RecommendParams,
    SimpleIn,
    SimpleItem,
    SimpleParams,
    SimpleRanked,
    SimpleWire,
    SlateWire,
)
from honeyguide.clock import Clock
from honeyguide.errors import InvalidInput
from honeyguide.messages import Filters, Price, Query
from honeyguide.recommend import Recommend, Served
from honeyguide.recommend.given import ranking
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.ranked import items_of

_PRIVATE: Final = (b"cache-control", b"private")
_TIER: Final = b"x-honeyguide-cache"
_HEADERS: Final[dict[str, Headers]] = {
    served_from: [JSON, _PRIVATE, (_TIER, tier)]
    for served_from, tier in {
        "l1": b"l1",
        "l2": b"l2",
        "computed": b"computed",
        "stale": b"stale",
        "stale-error": b"stale-error",
        "fallback": b"fallback",
    }.items()
}
_TOKEN: Final = str.maketrans(dict.fromkeys(' "(),/:;<=>?@[\\]{}', "-"))


class Lists:
    """Serves queries and writes the answers."""

    def __init__(self, recommend: Recommend, gate: Gatekeeper, clock: Clock, *, max_body: int, home_model: str) -> None:
        self._recommend, self._gate, self._clock = recommend, gate, clock
        self._max_body, self._home_model = max_body, home_model
        self._serve_cached: Callable[[Query], Served | None] = partial(recommend.serve_cached, again=True)
        self._serve: Callable[[Query, Lineup | None], Awaitable[Served]] = recommend.serve
        self._simple_body, self._full_body = Codec[SimpleIn](SimpleIn), Codec[RecommendIn](RecommendIn)
        self._simple_params, self._full_params = QueryReader(SimpleParams), QueryReader(RecommendParams)

    async def simple(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """`/recommendations`: parameters in, ids out; or a body in, ids with scores and reasons out."""
        if has_body(headers):
            return await self._simple_of_body(scope, receive, headers)
        asked: SimpleParams = self._simple_params.read(scope["query_string"])
        query = Query(user_id=asked.user_id, n=asked.n)
        if asked.model_name is not None:
            self._choose_model(query, asked.model_name, headers, scope["method"])
        served, took = await self._served(query)
        return _answer(_simple(served), served, took)

    def simple_at_once(self, query_string: bytes) -> Answer | None:
        """The same, if the list is in memory."""
        asked: SimpleParams = self._simple_params.read(query_string)
        served = self._serve_cached(Query(user_id=asked.user_id, n=asked.n)) if asked.model_name is None else None
        return None if served is None else _answer(_simple(served), served)

    async def _simple_of_body(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        asked = self._simple_body.read(await self._body(scope, receive, headers))
        query = Query(user_id=asked.user_id, n=asked.n)
        if isinstance(asked.filters, str):
            query.filter = asked.filters
        else:
            query.filters = asked.filters
        if asked.model_name is not None:
            self._choose_model(query, asked.model_name, headers, scope["method"])
        served, took = await self._served(query)
        items = items_of(served.items)
        answer = SimpleRanked(
            served.user_id,
            [item.item_id for item in items],
            served.cached,
            served.request_id,
            [SimpleItem(item.item_id, item.score, item.reason.text) for item in items],
            served.model,
        )
        return _answer(encode(answer), served, took)

    async def full(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
        """`/v1/recommendations`: the whole query, the whole slate."""
        if has_body(headers):
            query = self._full_body.read(await self._body(scope, receive, headers))
        else:
            query = query_of(self._full_params.read(scope["query_string"]))
        return await self.answer(query, headers, scope["method"])

    def full_at_once(self, query_string: bytes) -> Answer | None:
        """The same, if it is a first page out of memory."""
        query = query_of(self._full_params.read(query_string))
        served = self._serve_cached(query) if query.cursor is None else None
        return None if served is None else _answer(encode(wire(served)), served)

    async def answer(self, query: RecommendIn, headers: RequestHeaders, method: str) -> Answer:
        """The slate for a query that was read."""
        return await self.given(query, self.prepare(query, headers, method))

    async def given(self, query: Query, lineup: Lineup | None = None) -> Answer:
        """The slate for a query that the caller may ask."""
        served, took = await self._served(query, lineup)
        return _answer(encode(wire(served)), served, took)

    async def rank(self, query: Query) -> Answer:
        """Given items in order, and what became of the others."""
        served, took = await self._served(query)
        return _answer(encode(ranking(query, served.slate())), served, took)

    def prepare(self, query: RecommendIn, headers: RequestHeaders, method: str) -> Lineup | None:
        """Check that the caller may override what it overrides, and go to the page of its cursor.

        Returns the versions that made the list of that page where others serve by now."""
        if query.model == "":
            raise refused("model", f"There is no name in it. {takes('model')}")
        if (
            any(each is not None for each in (query.model, query.recipe, query.events, query.seed, query.arms))
            or query.dry_run
        ):
            self._gate.admit(headers, "admin", method)
        if query.cursor is None:
            return None
        cursor, query.cursor = query.cursor, None
        return self._recommend.page(query, cursor)

    async def _served(self, query: Query, lineup: Lineup | None = None) -> tuple[Served, float | None]:
        """The list, and the seconds it took if it was not in memory."""
        started = self._clock.monotonic()
        served = await self._serve(query, lineup)
        return served, None if served.served_from in ("l1", "stale") else self._clock.monotonic() - started

    async def _body(self, scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> bytes:
        media_type(headers)
        if scope["query_string"]:
            raise InvalidInput("The request has both a body and parameters.", cure="Put all of it into the body.")
        return await read_body(receive, headers, self._max_body)

    def _choose_model(self, query: Query, name: str, headers: RequestHeaders, method: str) -> None:
        if not name:
            raise refused("model_name", f"There is no name in it. {takes('model_name')}")
        if name != self._home_model:
            self._gate.admit(headers, "admin", method)
            query.model = name


def query_of(asked: RecommendParams) -> RecommendIn:
    """The query of parameters."""
    return RecommendIn(
        user_id=asked.user_id,
        n=asked.n,
        surface=asked.surface,
        filters=filters_of(asked),
        filter=asked.filter,
        item_id=asked.item_id,
        candidates=asked.candidates,
        exclude=asked.exclude,
        model=asked.model,
        personalised=asked.personalised,
        dry_run=asked.dry_run,
        explain=asked.explain,
        explore=asked.explore,
        cursor=asked.cursor,
        session_id=asked.session_id,
        device_id=asked.device_id,
    )


def filters_of(asked: RecommendParams | ListParams) -> Filters | None:
    """The filters of parameters; None without any."""
    if not asked.category and not asked.exclude_category and asked.price_min is None and asked.price_max is None:
        return None
    ranged = asked.price_min is not None or asked.price_max is not None
    return Filters(asked.category, asked.exclude_category, Price(asked.price_min, asked.price_max) if ranged else None)


def _simple(served: Served) -> bytes:
    return encode(SimpleWire(served.user_id, Raw(b"[%b]" % served.ids), served.cached, served.request_id))


def wire(served: Served) -> SlateWire:
    """The slate for the wire: its items are already JSON."""
    return SlateWire(
        request_id=served.request_id,
        user_id=served.user_id,
        surface=served.surface,
        items=Raw(b"[%b]" % served.items),
        served_from=served.served_from,
        cached=served.cached,
        stale=served.stale,
        as_of=served.as_of,
        model=served.model,
        rung=served.rung,
        degraded=served.degraded,
        next_cursor=served.next_cursor,
        empty_because=served.empty_because,
        trace=served.trace,
        unknown=served.unknown,
    )


def _answer(body: bytes, served: Served, took: float | None = None) -> Answer:
    fields = _HEADERS[served.served_from]
    if took is not None:
        fields = [*fields, (b"server-timing", _timing(served.stages, took))]
    return Answer(body, 200, fields, served.request_id.encode())


def _timing(stages: dict[str, float] | None, took: float) -> bytes:
    """`total;dur=3.1, retrieve;dur=1.2`, in milliseconds (W3C Server Timing)."""
    entries = [("total", took), *(stages or {}).items()]
    return ", ".join(f"{name.translate(_TOKEN)};dur={seconds * 1000:.3f}" for name, seconds in entries).encode()
