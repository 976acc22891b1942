"""The cache as its operator sees it: how it does, why a list comes from where it does, clearing and warming it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from honeyguide.api.cold import NO_STORE, Call, NoParams, reply
from honeyguide.api.endpoint import Answer
from honeyguide.api.handlers.people import NDJSON
from honeyguide.api.urls import refused
from honeyguide.api.wire.cache import CacheOut, ClearedOut, ClearIn, MadeOut, SharedOut, TierOut, WarmIn, WhyParams
from honeyguide.bootstrap import Runtime
from honeyguide.messages import Query
from honeyguide.monitoring.scraped import Scraped
from honeyguide.types import id_fault

_MOST: Final = 100_000
_STEP: Final = 50
_LINE: Final = msgspec.json.Encoder().encode_lines


async def stats(call: Call[NoParams, None]) -> Answer:
    """How the cache does: what it holds, what it was asked, what it made; of all processes on the port together."""
    runtime = call.runtime
    scraped = Scraped((await runtime.scrape()).decode())
    tiers = [_memory(runtime, scraped)]
    if runtime.caches.tier is not None:
        tiers.append(_shared_tier(scraped, await runtime.caches.tier.size()))
    return reply(
        CacheOut(
            processes=scraped.processes(),
            host=socket.gethostname(),
            pid=os.getpid(),
            tiers=tiers,
            made=_made(scraped),
            shared=_shared(runtime, scraped),
        )
    )


async def why(call: Call[WhyParams, None]) -> Answer:
    """Where a list would be served from now, and why: the list of a user, or that of a request that was served."""
    asked, runtime = call.params, call.runtime
    if asked.request_id is not None:
        await runtime.slates.round()
        return reply(await runtime.whys.of_request(asked.request_id))
    return reply(await runtime.whys.of_list(Query(user_id=asked.user_id or "", surface=asked.surface, n=asked.n)))


async def clear(call: Call[object, ClearIn]) -> Answer:
    """Make lists unservable, without looking for them: here at once, elsewhere within half a second."""
    user_id = call.body.user_id
    if user_id is not None and (fault := id_fault(user_id)):
        raise refused("user_id", f"{fault}.")
    reach, ids = await call.runtime.clear_cache(user_id)
    return reply(ClearedOut(cleared="everything" if user_id is None else "user", user_ids=ids, reach=reach))


async def warm(call: Call[object, WarmIn]) -> Answer:
    """Make lists now, beside the requests. Each line says how many are `done` of how many, and how many there are then."""
    body, runtime = call.body, call.runtime
    if body.user_ids is not None:
        if body.users is not None:
            raise refused("users", "Send users or user_ids, not both.")
        queries = [Query(user_id=user_id, surface=body.surface) for user_id in body.user_ids]
    else:
        users = runtime.settings.cache.warm_users if body.users is None else body.users
        if not 0 <= users <= _MOST:
            raise refused("users", f"{users} is not possible. Send 0 to {_MOST}.")
        queries = await asyncio.to_thread(runtime.warming.usual, users)
    if len(queries) > _MOST:
        raise refused("user_ids", f"There are {len(queries)} ids. Send at most {_MOST}.")
    named = queries if body.user_ids is not None else ()
    for query in (Query(user_id="", personalised=False, surface=body.surface), *named):
        runtime.recommend.check(query)
    return Answer(b"", 200, [NDJSON, NO_STORE], parts=_warmed(runtime, queries))


async def _warmed(runtime: Runtime, queries: Sequence[Query]) -> AsyncIterator[bytes]:
    made = 0
    for start in range(0, len(queries), _STEP):
        yield _LINE([{"done": start, "of": len(queries), "made": made}])
        made += await runtime.warming.on_request(queries[start : start + _STEP])
    yield _LINE([{"done": len(queries), "of": len(queries), "made": made}])


def _memory(runtime: Runtime, scraped: Scraped) -> TierOut:
    held = {name: int(scraped.total(f"cache_{name}", tier="l1")) for name in ("entries", "size_bytes")}
    evictions = {cause: int(number) for cause, number in scraped.by("reason", "cache_evictions_total", tier="l1").items()}
    bound = runtime.settings.cache.l1_size * scraped.processes()
    return _tier("l1", scraped, held["entries"], held["size_bytes"], bound, evictions)


def _shared_tier(scraped: Scraped, size: tuple[int, int] | None) -> TierOut:
    used, most = size or (None, 0)
    return _tier("l2", scraped, None, used, most, {})


def _tier(
    tier: str, scraped: Scraped, entries: int | None, used: int | None, bound: int, evictions: dict[str, int]
) -> TierOut:
    found = {name: int(number) for name, number in scraped.by("result", "cache_requests_total", tier=tier).items()}
    hits, stale, misses = found.get("hit", 0) + found.get("negative", 0), found.get("stale", 0), found.get("miss", 0)
    ended = hits + stale + misses
    return TierOut(
        tier="l1" if tier == "l1" else "l2",
        entries=entries,
        bytes=used,
        bound=bound,
        hits=hits,
        stale=stale,
        misses=misses,
        unverified=found.get("unverified", 0),
        hit_rate=hits / ended if ended else None,
        stale_rate=stale / ended if ended else None,
        evictions=evictions,
        unreadable=int(scraped.total("cache_unreadable_total")) if tier == "l2" else 0,
    )


def _made(scraped: Scraped) -> MadeOut:
    return MadeOut(
        computed=int(scraped.total("cache_made_total")),
        coalesced=int(scraped.total("cache_single_flight_waits_total")),
        refreshed=int(scraped.total("cache_refreshes_total", result="begun")),
        refreshes_dropped=int(scraped.total("cache_refreshes_total", result="dropped")),
        refused=int(scraped.total("cache_refused_fills_total")),
        failed=int(scraped.total("cache_failures_total")),
        old_served=int(scraped.total("cache_errors_served_total")),
        warmed=_whole(scraped.by("occasion", "cache_warmed_total")),
        invalidated=_whole(scraped.by("cause", "cache_invalidations_total")),
    )


def _shared(runtime: Runtime, scraped: Scraped) -> SharedOut | None:
    tier, breakers = runtime.caches.tier, scraped.by("kind", "circuit_breaker_open", dependency="redis")
    if tier is None:
        return None
    return SharedOut(
        answers="redis" not in runtime.readiness.missing() and tier.silent is not None,
        breakers_open=sorted(kind for kind, number in breakers.items() if number),
        silent_seconds=None if tier.silent is None else round(tier.silent, 3),
        invalidation_lag_seconds=scraped.total("invalidation_lag_seconds"),
        untold=int(scraped.total("invalidations_untold_total")),
        pulls=_whole(scraped.by("result", "cache_pulls_total")),
        leases=_whole(scraped.by("result", "cache_leases_total")),
    )


def _whole(numbers: dict[str, float]) -> dict[str, int]:
    return {name: int(number) for name, number in numbers.items()}
