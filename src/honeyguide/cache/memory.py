"""The memory tier: values bounded by bytes; which one goes when there is no room is moka's decision (TinyLFU)."""

from collections.abc import Callable, Hashable
from typing import Any

from moka_py import Moka

from honeyguide.cache.entry import Entry


class MemoryTier:
    """A store of entries that hold encoded bytes, at most `max_bytes` of them.

    Only moka's eviction is used. Deadlines are judged by the cache on its own clock; the TTL given here merely frees
    memory that nobody would be served from any more.
    """

    def __init__(self, max_bytes: int, *, dropped: Callable[[str], None] = lambda cause: None) -> None:
        """`dropped` is told the cause (`size`, `expired`, ...) of each value that goes."""
        self._values: Any = Moka(
            max_bytes,
            weigher=lambda key, entry: entry.size,
            policy="tiny_lfu",
            eviction_listener=lambda key, entry, cause: dropped(cause),
        )
        self.get: Callable[[Hashable], Entry | None] = self._values.get

    def set(self, key: Hashable, entry: Entry, ttl: float) -> None:
        """Offer an entry; admission may refuse it when the tier is full of values that are asked for more often."""
        self._values.set(key, entry, ttl=ttl)

    def clear(self) -> None:
        """Drop everything."""
        self._values.clear()

    def count(self) -> int:
        """How many entries are held."""
        self._values.run_pending_tasks()
        return int(self._values.count())

    def size(self) -> int:
        """How many bytes are held, as the bound counts them."""
        self._values.run_pending_tasks()
        return int(self._values.weighted_size())
