"""Counters without a lock are scraped like those of the client library."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from honeyguide.monitoring.loop import LoopCounter, LoopHistogram

BOUNDS = (0.1, 0.5, 1.0, 2.5)


def samples(text: bytes) -> list[str]:
    return sorted(line for line in text.decode().splitlines() if "_created" not in line)


def test_a_counter_is_scraped_like_the_library_s() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = LoopCounter("shop_lists_total", "Lists.", ("surface",), ours)
    other = Counter("shop_lists_total", "Lists.", ("surface",), registry=theirs)
    for surface in ("home", "cart", "home"):
        mine.labels(surface).inc()
        other.labels(surface).inc()
    mine.labels('a "quoted" \\ name').inc(2.5)
    other.labels('a "quoted" \\ name').inc(2.5)
    assert samples(generate_latest(ours)) == samples(generate_latest(theirs))


def test_a_histogram_is_scraped_like_the_library_s() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = LoopHistogram("shop_seconds", "Time.", ("route",), BOUNDS, ours)
    other = Histogram("shop_seconds", "Time.", ("route",), buckets=BOUNDS, registry=theirs)
    for value in (0.0, 0.1, 0.100001, 0.5, 0.7, 1.0, 2.5, 2.6, 1000.0):
        mine.labels("/x").observe(value)
        other.labels("/x").observe(value)
    assert samples(generate_latest(ours)) == samples(generate_latest(theirs))


def test_a_name_is_given_once() -> None:
    registry = CollectorRegistry()
    LoopCounter("shop_lists_total", "Lists.", (), registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Counter("shop_lists_total", "Lists.", registry=registry)
    LoopHistogram("shop_seconds", "Time.", (), BOUNDS, registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Histogram("shop_seconds", "Time.", registry=registry)
