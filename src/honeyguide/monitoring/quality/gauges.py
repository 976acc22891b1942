"""Tells Prometheus the figures of the last hour, day and week, by surface."""

from collections.abc import Collection
from typing import Final

from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.measures import measured
from honeyguide.monitoring.quality.report import DAY, HOUR, Reports
from honeyguide.protocols.quality import Slice

WINDOWS: Final = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY}
ALL: Final = "all"
"""The label of all surfaces together."""


class QualityGauges:
    """Sets the gauges of `Metrics.quality`, and takes back those of which there is nothing to say any more."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._set: set[tuple[str, str, str]] = set()

    def show(self, reports: Reports, eligible: Collection[str], now: int) -> None:
        """Say how it is now."""
        told: set[tuple[str, str, str]] = set()
        for window, length in WINDOWS.items():
            for each, tally in reports.tallies(now - length, now, lambda each: each == Slice(each.surface)).items():
                for name, figure in measured(tally, eligible).items():
                    if name in self._metrics.quality and figure.value is not None:
                        self._metrics.quality[name].labels(each.surface or ALL, window).set(figure.value)
                        told.add((name, each.surface or ALL, window))
        for name, surface, window in self._set - told:
            self._metrics.quality[name].remove(surface, window)
        self._set = told
