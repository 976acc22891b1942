"""Counters and histograms that only the event loop's thread writes: an addition, without a lock.

What is counted on every request costs microseconds with the locks of the client library, as much as the request itself.
They are scraped like any other metric of the registry.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

_Labels = tuple[str, ...]


class LoopCount:
    """One series of a counter."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add."""
        self.value += amount


class LoopCounter:
    """A counter by labels; `name` as it is exported, with `_total`."""

    def __init__(self, name: str, help: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._help, self._labels = name, help, tuple(labels)
        self._series: dict[_Labels, LoopCount] = {}
        registry.register(self)

    def labels(self, *values: str) -> LoopCount:
        """The series of these label values, made if there is none."""
        return self._series.setdefault(values, LoopCount())

    def describe(self) -> Iterable[Metric]:
        """What the registry checks for names given twice."""
        return [CounterMetricFamily(self._name, self._help, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """All series, for a scrape."""
        family = CounterMetricFamily(self._name, self._help, labels=self._labels)
        for values, count in list(self._series.items()):
            family.add_metric(values, count.value)
        return [family]


def bound_label(bound: float) -> str:
    """A bucket's bound as a label value: `0.005`, `1.0`, `+Inf`."""
    return "+Inf" if bound == float("inf") else repr(float(bound))


class LoopBuckets:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value in the first bucket whose bound it does not pass."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Upper bound -> how many values are not above it, as Prometheus wants it."""
        total, buckets = 0, []
        for bound, count in zip((*self._bounds, float("inf")), self.counts, strict=True):
            total += count
            buckets.append((bound_label(bound), float(total)))
        return buckets


class LoopHistogram:
    """A histogram by labels, with the upper `bounds` of its buckets in rising order."""

    def __init__(
        self, name: str, help: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name, self._help, self._labels, self._bounds = name, help, tuple(labels), tuple(bounds)
        self._series: dict[_Labels, LoopBuckets] = {}
        registry.register(self)

    def labels(self, *values: str) -> LoopBuckets:
        """The series of these label values, made if there is none."""
        return self._series.setdefault(values, LoopBuckets(self._bounds))

    def describe(self) -> Iterable[Metric]:
        """What the registry checks for names given twice."""
        return [HistogramMetricFamily(self._name, self._help, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """All series, for a scrape."""
        family = HistogramMetricFamily(self._name, self._help, labels=self._labels)
        for values, series in list(self._series.items()):
            family.add_metric(values, series.cumulative(), series.sum)
        return [family]
