"""The metrics of several processes as those of one: counters and histograms are added, gauges stand side by side.

A scrape meets one process of several; if each told only its own counters, they would seem to jump back and forth, and
rates would be wrong. What a process has counted is kept when it dies, so that the sum never falls.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PROCESS: Final = "process"
"""Label of the gauges of one process among several."""
_ADDED: Final = ("counter", "histogram", "summary")

Sample = tuple[str, dict[str, str], float]


class Family(msgspec.Struct):
    """One metric with its samples (name, labels, value)."""

    name: str
    type: str
    help: str
    samples: list[Sample]


Snapshot = list[Family]


def snapshot(registry: CollectorRegistry, process: str = "") -> Snapshot:
    """What a registry holds now; gauges say which process they are of, if one is named."""
    label = {PROCESS: process} if process else {}
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [
                (sample.name, dict(sample.labels) if metric.type in _ADDED else {**sample.labels, **label}, sample.value)
                for sample in metric.samples
                if not sample.name.endswith("_created")  # the moment of a process's first count, not of the sum's
            ],
        )
        for metric in registry.collect()
    ]


def merged(parts: Iterable[Snapshot]) -> Snapshot:
    """All of it as one."""
    found: dict[str, Family] = {}
    sums: dict[tuple[str, str, frozenset[tuple[str, str]]], Sample] = {}
    for family in (family for part in parts for family in part):
        whole = found.setdefault(family.name, Family(family.name, family.type, family.help, []))
        if family.type not in _ADDED:
            whole.samples += family.samples
            continue
        for name, labels, value in family.samples:
            key = (family.name, name, frozenset(labels.items()))
            before = sums.get(key)
            sums[key] = (name, labels, value + (before[2] if before else 0.0))
    for (family_name, _, _), sample in sums.items():
        found[family_name].samples.append(sample)
    return list(found.values())


def counted(part: Snapshot) -> Snapshot:
    """What is left of a process that has ended: what it counted, not how it was."""
    return [family for family in part if family.type in _ADDED]


def render(whole: Snapshot) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry()
    registry.register(_Shown(whole))
    return generate_latest(registry)


class _Shown(Collector):
    def __init__(self, whole: Snapshot) -> None:
        self._whole = whole

    def collect(self) -> Iterator[Metric]:
        """The families as the client's own objects."""
        for family in self._whole:
            metric = Metric(family.name, family.help, family.type)
            for name, labels, value in family.samples:
                metric.add_sample(name, labels, value)
            yield metric

    def describe(self) -> list[Metric]:
        """Nothing: registering must not read."""
        return []
