"""Whoever asks for a list, and however often: what is kept of it stays within its bounds."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import SystemClock
from honeyguide.config.settings import Cache, Redis
from honeyguide.messages import Query
from honeyguide.types import MAX_N
from tests.redis_server import RedisServer, eventually, needs_redis, redis_server
from tests.shop import open_shop

STRANGERS = 50_000
TOGETHER = 50
L1_BYTES = 1_000_000
PEAK_BYTES = 64_000_000


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Honeyguide, RedisServer | None]]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis")) if request.param == "redis" else None
        shared = Redis(url=redis.url) if redis is not None else Redis()
        shop = open_shop(tmp_path / "shop", clock=SystemClock(), redis=shared, cache=Cache(l1_size=L1_BYTES))
        yield stack.enter_context(shop), redis


@pytest.mark.timeout(900)  # no figure: a machine may be busy
def test_fifty_thousand_strangers_with_any_n_leave_next_to_nothing(place: tuple[Honeyguide, RedisServer | None]) -> None:
    """They share a few lists, one for each bucket of lengths; an id leaves, for seconds, a token in Redis."""
    shop, redis = place
    runtime, chance = shop.runtime, random.Random(7)

    async def ask(number: int) -> None:
        slate = await runtime.recommend.recommend(Query(user_id=f"{chance.getrandbits(64):x}", n=number % MAX_N + 1))
        assert slate.items

    async def body() -> None:
        for start in range(0, STRANGERS, TOGETHER):
            await asyncio.gather(*(ask(number) for number in range(start, start + TOGETHER)))

    shop.run(body())
    assert runtime.caches.memory.count() <= 64
    assert runtime.caches.memory.size() <= L1_BYTES
    assert len(runtime.caches.generations.held) <= 64
    if redis is not None:
        assert len([key for key in redis.all_keys() if ":t:" not in key]) <= 64
        eventually(lambda: len(redis.all_keys()) <= 64)  # tokens of strangers end by themselves
        assert redis.peak() < PEAK_BYTES
