"""What a cache counts, as Prometheus metrics with the label values bound once."""

from collections.abc import Callable
from typing import Literal

from honeyguide.monitoring.metrics import Metrics


class ListCacheMetrics:
    """The counters of one named cache in memory."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._evictions = metrics.cache_evictions
        self._entries = metrics.cache_entries.labels("l1", name)
        self._size = metrics.cache_size.labels("l1", name)
        self._results = {result: metrics.cache_requests.labels("l1", name, result) for result in ("hit", "stale", "miss")}
        self._waits = metrics.cache_single_flight_waits.labels(name)
        self._refused = metrics.cache_refused_fills.labels(name)

    def looked_up(self, result: Literal["hit", "stale", "miss"]) -> None:
        """A look-up ended."""
        self._results[result].inc()

    def waited(self) -> None:
        """A request joined another's computation."""
        self._waits.inc()

    def refused(self) -> None:
        """A value was not stored because a token changed while it was made."""
        self._refused.inc()

    def dropped(self, cause: str) -> None:
        """A value went; one that was replaced or cleared is not an eviction."""
        if cause in ("size", "expired"):
            self._evictions.labels("l1", cause).inc()

    def watch(self, count: Callable[[], int], size: Callable[[], int]) -> None:
        """Read how much is held when the metrics are scraped."""
        self._entries.set_function(count)
        self._size.set_function(size)
