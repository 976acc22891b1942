"""Tells Prometheus the figures of the last hour, day and week, by surface."""

from collections.abc import Collection
from typing import Final

from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.measures import measured
from honeyguide.monitoring.quality.report import DAY, HOUR, Reports
from honeyguide.protocols.quality import Slice
from honeyguide.types import ModelVersion

WINDOWS: Final = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY}
ALL: Final = "all"
"""The label of all surfaces together."""


class QualityGauges:
    """Sets the gauges of `Metrics.quality`, and takes back those of which there is nothing to say any more."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._set: set[tuple[str, str, str]] = set()

    def show(self, reports: Reports, eligible: Collection[str], now: int, serving: ModelVersion | None = None) -> None:
        """Say how it is now."""
        told: set[tuple[str, str, str]] = set()
        for window, length in WINDOWS.items():
            for each, tally in reports.tallies(now - length, now, lambda each: each == Slice(each.surface)).items():
                for name, figure in measured(tally, eligible).items():
                    if name in self._metrics.quality and figure.value is not None:
                        self._metrics.quality[name].labels(each.surface or ALL, window).set(figure.value)
                        told.add((name, each.surface or ALL, window))
        self._drift(reports, eligible, serving, now)
        for name, surface, window in self._set - told:
            self._metrics.quality[name].remove(surface, window)
        self._set = told

    def _drift(self, reports: Reports, eligible: Collection[str], serving: ModelVersion | None, now: int) -> None:
        """What has moved in the last day, less what chance makes of it; nothing where there is too little to say."""
        found = reports.report(Slice(), since=now - DAY, until=now, per="day", eligible=eligible, serving=serving)
        for gauge, moved in ((self._metrics.feature_drift, found.features), (self._metrics.score_drift, found.scores)):
            gauge.clear()
            for each in moved:
                if min(each.n, each.reference_n) >= found.least_shown:
                    gauge.labels(each.name).set(max(0.0, each.psi - each.floor))
