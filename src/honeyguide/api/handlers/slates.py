"""Lists beside the hot route: many at once, similar items, and slates that were served before."""

import msgspec

from honeyguide.api.cold import Call, reply
from honeyguide.api.endpoint import JSON, Answer, encode
from honeyguide.api.lists import wire
from honeyguide.api.urls import refused
from honeyguide.api.wire.base import iso
from honeyguide.api.wire.lists import BatchIn, BatchWire, RecommendIn, RequestParams, SimilarParams, SlateRecord
from honeyguide.errors import FieldError, InvalidInput, NotFound
from honeyguide.types import ServedSlate

MAX_QUERIES = 100


async def recommend_many(call: Call[object, BatchIn]) -> Answer:
    """The lists of up to 100 queries, in their order."""
    queries = call.body.queries
    if not 1 <= len(queries) <= MAX_QUERIES:
        raise refused("queries", f"There are {len(queries)} queries. Send 1 to {MAX_QUERIES}.")
    recommend, lineup = call.runtime.recommend, call.runtime.serving.lineup
    lineups = []  # a switch of versions meanwhile is for the next batch
    for place, query in enumerate(queries):
        try:
            lineups.append(call.service.lists.prepare(query, call.headers, call.method) or lineup)
            recommend.check(query)
        except InvalidInput as error:
            raise _at(place, error) from None
    slates = [msgspec.Raw(encode(wire(served))) for served in await recommend.serve_many(queries, lineups)]
    return Answer(encode(BatchWire(slates)), 200, [JSON, (b"cache-control", b"private")])


async def similar(call: Call[SimilarParams, None]) -> Answer:
    """Items like the one in the path; for an item that is not known, what is popular."""
    return await _around_an_item(call, "similar")


async def together(call: Call[SimilarParams, None]) -> Answer:
    """Items that are bought together with the one in the path, and with what the user, if named, has in the cart."""
    return await _around_an_item(call, "cart")


async def _around_an_item(call: Call[SimilarParams, None], surface: str) -> Answer:
    asked = call.params
    query = RecommendIn(
        user_id=asked.user_id,
        n=asked.n,
        surface=surface,
        item_id=asked.item_id,
        explain=asked.explain,
        cursor=asked.cursor,
    )
    return await call.service.lists.answer(query, call.headers, call.method)


async def get_slate(call: Call[RequestParams, None]) -> Answer:
    """The slate that was served under a request id."""
    return reply(_record(await _slate(call)))


async def explain(call: Call[RequestParams, None]) -> Answer:
    """The slate made again from the log, with the funnel that led to it."""
    await _slate(call)
    return reply(await call.runtime.recommend.explain(call.params.request_id))


async def _slate(call: Call[RequestParams, None]) -> ServedSlate:
    """The slate as logged; what was served in the last moments is written first."""
    request_id = call.params.request_id
    found = await call.runtime.store.slates.get(request_id)
    if found is None:
        await call.runtime.slates.round()
        found = await call.runtime.store.slates.get(request_id)
    if found is None:
        raise NotFound(
            f"There is no slate with the request id {request_id!r}.",
            cure="Dry runs are not kept, nor slates older than 30 days.",
        )
    return found


def _record(slate: ServedSlate) -> SlateRecord:
    return SlateRecord(
        request_id=slate.request_id,
        served_at=iso(slate.ts),
        user_id=slate.user_id,
        surface=slate.surface,
        items=slate.items,
        n=slate.n,
        served_from=slate.served_from,
        rung=slate.rung,
        model=slate.model,
        as_of=slate.as_of,
        computed_at=iso(slate.computed_at),
        seed=slate.seed,
        config=slate.config,
        arm=slate.arm,
        served_arm=slate.served_arm,
        assigned=slate.assigned,
        propensities=slate.propensities,
        explored=slate.explored.how if slate.explored is not None else "none",
        degraded=slate.degraded,
        late=slate.late,
        context=slate.context,
    )


def _at(place: int, error: InvalidInput) -> InvalidInput:
    """The error of one query, told of the whole batch."""
    faults = error.errors or (FieldError("", str(error)),)
    moved = [FieldError(f"/queries/{place}{fault.pointer}", fault.detail) for fault in faults]
    return InvalidInput(f"Query {place} cannot be answered.", errors=moved, code=error.code)
