"""What caches count, as Prometheus metrics with the label values bound once."""

from collections.abc import Callable
from typing import Final

from honeyguide.monitoring.metrics import Metrics

RESULTS: Final = ("hit", "stale", "miss", "unverified", "negative")


class NamedCacheMetrics:
    """The counters of one named cache (`cache.counted.CacheMetrics`)."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._evictions = metrics.cache_evictions
        self._entries = metrics.cache_entries.labels("l1", name)
        self._size = metrics.cache_size.labels("l1", name)
        self._unreadable, self._name = metrics.cache_unreadable, name
        tiers = ("l1", "l2")
        self.results = {(tier, each): metrics.cache_requests.labels(tier, name, each) for tier in tiers for each in RESULTS}
        self.made = metrics.cache_made.labels(name)
        self.waits = metrics.cache_single_flight_waits.labels(name)
        self.refused = metrics.cache_refused_fills.labels(name)
        self.failures = metrics.cache_failures.labels(name)
        self.errors_served = metrics.cache_errors_served.labels(name)
        self.refreshes = {
            "early": metrics.cache_early_refreshes.labels(name),
            "begun": metrics.cache_refreshes.labels(name, "begun"),
            "dropped": metrics.cache_refreshes.labels(name, "dropped"),
        }
        self.leases = {each: metrics.cache_leases.labels(name, each) for each in ("won", "lost", "late")}
        self.ages = {tier: metrics.cache_entry_age.labels(tier, name) for tier in tiers}

    def unreadable(self, why: str) -> None:
        """A value of the shared tier was not ours."""
        self._unreadable.labels(self._name, why).inc()

    def dropped(self, cause: str) -> None:
        """A value went; one that was replaced or cleared is not an eviction."""
        if cause in ("size", "expired"):
            self._evictions.labels("l1", cause).inc()

    def watch(self, count: Callable[[], int], size: Callable[[], int]) -> None:
        """Read how much is held when the metrics are scraped."""
        self._entries.set_function(count)
        self._size.set_function(size)


class SharedTierMetrics:
    """The counters of the shared tier (`cache.counted.TierMetrics`)."""

    def __init__(self, metrics: Metrics) -> None:
        self.pulls = {each: metrics.cache_pulls.labels(each) for each in ("whole", "gap", "failed")}
        self.failures = metrics.cache_shared_failures
        self.skipped = metrics.cache_shared_skipped
