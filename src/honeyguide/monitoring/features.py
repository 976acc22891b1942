"""Counts what is read of features."""

from honeyguide.monitoring.metrics import Metrics


class FeatureMetrics:
    """Is told of every batched read."""

    def __init__(self, metrics: Metrics) -> None:
        self._reads, self._duration = metrics.feature_reads, metrics.feature_read_duration

    def values(self, entity: str, status: str, number: int) -> None:
        """So many values of users or items came out with this status."""
        self._reads.labels(entity, status).inc(number)

    def took(self, seconds: float) -> None:
        """A batched read took so long."""
        self._duration.observe(seconds)
