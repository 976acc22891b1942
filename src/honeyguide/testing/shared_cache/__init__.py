"""What every shared cache must do, and one in memory.

Subclass `SharedCacheSuite`, override `open_client`, and pytest runs all of it on yours:

    class TestMine(SharedCacheSuite):
        @pytest.fixture
        def open_client(self):
            return lambda: MyCache(url)
"""

from honeyguide.testing.shared_cache.memory import MemoryServer, MemoryShared
from honeyguide.testing.shared_cache.suite import SharedCacheSuite

__all__ = ["MemoryServer", "MemoryShared", "SharedCacheSuite"]
