"""What the tests of the shared cache on Redis share."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from honeyguide.clock import SystemClock
from honeyguide.stores.redis import Limits, RedisCache
from tests.redis_server import INSTALLED, RedisServer, redis_cluster, redis_server

GENEROUS = Limits(connect=10.0, exchange=10.0, connections=4)
"""For tests that are not about time: a busy machine is no fault."""


class Counted:
    """Counts into `seen`."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def answered(self, operation: str, seconds: float) -> None:
        self.seen[operation] += 1

    def failed(self, kind: str) -> None:
        self.seen[f"failed {kind}"] += 1

    def breaker(self, kind: str, open: bool) -> None:
        self.seen[f"breaker {'opened' if open else 'closed'}"] += 1


def client(url: str, counted: Counted | None = None, limits: Limits = GENEROUS, *, cluster: bool = False) -> RedisCache:
    """A client with the machine's clock and chance."""
    chance = random.Random()
    return RedisCache(
        url,
        SystemClock(),
        chance.random,
        chance.getrandbits,
        counted or Counted(),
        limits,
        prefix="hg",
        cluster=cluster,
        token_seconds=3600,
    )


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all tests of this process; each begins with it empty."""
    if not INSTALLED:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with redis_server(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[RedisServer]]:
    """Three primaries for all tests of this process."""
    if not INSTALLED:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    with redis_cluster(Path(tmp_path_factory.mktemp("cluster"))) as servers:
        yield servers


@pytest.fixture
def server(one_server: RedisServer) -> RedisServer:
    one_server.said("FLUSHALL")
    one_server.said("SCRIPT", "FLUSH")
    one_server.said("CONFIG", "SET", "maxmemory", "0")
    return one_server


@pytest.fixture
def open_client(server: RedisServer) -> Callable[[], RedisCache]:
    return lambda: client(server.url)
