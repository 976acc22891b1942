"""Two nodes around a real Redis server: whose clock is off, who dies with a lease, who is too slow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from honeyguide.cache import Computed
from honeyguide.stores.redis import RedisCache
from tests.cache.bench import TRUST, Node, Nodes, constant
from tests.redis_server import RedisServer, needs_redis, redis_server
from tests.stores.redis.conftest import client

pytestmark = needs_redis

HOUR = 3600.0


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def server(one_server: RedisServer) -> RedisServer:
    one_server.said("FLUSHALL")
    return one_server


@asynccontextmanager
async def two(server: RedisServer, *, ahead: float = 0.0) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that have pulled once, each with a connection of its own."""
    nodes = Nodes()
    stores: list[RedisCache] = [client(server.url), client(server.url)]
    one, other = Node(nodes, stores[0], 0.0, {}), Node(nodes, stores[1], ahead, {})
    await one.tier.pull()
    await other.tier.pull()
    try:
        yield one, other
    finally:
        for store in stores:
            await store.close()


async def later(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(3000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_clocks_an_hour_apart_change_nothing(server: RedisServer, ahead: float) -> None:
    """Neither the age of a value nor what is newer is told by anybody's clock."""

    async def body() -> None:
        async with two(server, ahead=ahead) as (one, other):
            for maker, taker in ((one, other), (other, one)):
                key = f"of {id(maker)}"
                assert (await maker.fetch(key, "u")).served_from == "computed"
                found = await taker.fetch(key, "u")
                assert (found.served_from, found.stale) == ("l2", False)
                await maker.event("u")
                await taker.tier.pull()
                assert taker.get(key, "u") is None
                assert (await taker.fetch(key, "u")).served_from == "computed"
                assert (await maker.fetch(key, "u")).served_from == "l2"
            one.nodes.clock.advance(TRUST / 2)
            assert one.get(key, "u") is not None, "still good where it was made"
            assert other.get(key, "u") is not None

    asyncio.run(body())


def test_what_a_holder_that_died_was_to_make_is_made_by_another(server: RedisServer) -> None:
    """It is waited for a moment, not for ever; and when the lease has ended, somebody else may have it."""

    async def body() -> None:
        async with two(server) as (dead, other):
            begun, never = asyncio.Event(), asyncio.Event()

            async def hang() -> Computed:
                begun.set()
                await never.wait()
                return Computed(b"from the dead")

            hanging = asyncio.create_task(dead.cache.fetch(dead.want("k", "u"), hang))
            await begun.wait()
            found = await other.fetch("k", "u")
            assert (found.payload, found.served_from) == (b"value 1", "computed")
            assert other.counted.seen["lease lost"] == 1
            assert other.counted.seen["lease late"] == 1
            assert other.slept, "it has waited for the holder first"

            name = other.tier.names("test", "k", other.epoch)[0]

            async def ended() -> bool:
                return (await other.store.claim([(other.tier.subject("u"), name)], b"another", 60.0)) == [True]

            await later(ended)
            hanging.cancel()
            never.set()
            await dead.cache.drain()

    asyncio.run(body())


def test_a_slow_value_from_before_an_event_is_refused_by_the_server(server: RedisServer) -> None:
    """Its maker has not heard of the event: only the guard on the server knows better."""

    async def body() -> None:
        async with two(server) as (slow, other):
            begun, go = asyncio.Event(), asyncio.Event()

            async def old() -> Computed:
                begun.set()
                await go.wait()
                return Computed(b"old")

            making = asyncio.create_task(slow.cache.fetch(slow.want("k", "u"), old))
            await begun.wait()
            await other.event("u")
            go.set()
            assert (await making).payload == b"old", "who asked before the event may have what was made before it"
            await slow.tier.drain()
            assert slow.counted.seen["refused"] == 1
            assert slow.get("k", "u") is None, "it has learnt of the event by being refused"
            found = await other.cache.fetch(other.want("k", "u"), constant(b"new"))
            await other.tier.drain()
            assert (found.payload, found.served_from) == (b"new", "computed")
            found = await slow.fetch("k", "u")
            assert (found.payload, found.served_from) == (b"new", "l2")

    asyncio.run(body())
