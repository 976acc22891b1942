"""The shared cache's contract, on a real server, on a real cluster, and on the one in memory."""

import time
from collections.abc import Callable, Sequence

import pytest

from honeyguide.clock import ManualClock
from honeyguide.protocols import SharedCache
from honeyguide.stores.redis import RedisCache
from honeyguide.testing.shared_cache import MemoryServer, MemoryShared, SharedCacheSuite
from tests.redis_server import RedisServer
from tests.stores.redis.conftest import client


class TestMemory(SharedCacheSuite):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def open_client(self, clock: ManualClock) -> Callable[[], SharedCache]:
        server = MemoryServer(clock)
        return lambda: MemoryShared(server)

    @pytest.fixture
    def pass_time(self, clock: ManualClock) -> Callable[[float], None]:
        return clock.advance


class TestRedis(SharedCacheSuite):
    @pytest.fixture
    def open_client(self, server: RedisServer) -> Callable[[], SharedCache]:
        return lambda: client(server.url)

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        return time.sleep  # the server's own clock is what counts


class TestCluster(SharedCacheSuite):
    @pytest.fixture
    def open_client(self, cluster: Sequence[RedisServer]) -> Callable[[], RedisCache]:
        for server in cluster:
            server.said("FLUSHALL")
        return lambda: client(cluster[0].url, cluster=True)

    @pytest.fixture
    def pass_time(self) -> Callable[[float], None]:
        return time.sleep
