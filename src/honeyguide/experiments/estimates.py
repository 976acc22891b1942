"""Sketches as they are asked for: the sums and the estimate of a metric in an arm, up to a day, in a segment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from honeyguide.config.metrics import Metric
from honeyguide.experiments.sketches import Sketch
from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.quantiles import clustered_quantile
from honeyguide.experiments.statistics.sums import Sums


@dataclass(frozen=True, slots=True)
class Sketches:
    """Sketches by what they are of."""

    rows: Sequence[Sketch]
    by_metric: Mapping[str, Sequence[Sketch]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Sketch]) -> "Sketches":
        """Grouped once, for many look-ups."""
        found: dict[str, list[Sketch]] = {}
        for row in rows:
            found.setdefault(row.metric, []).append(row)
        return cls(rows, found)

    def sums(self, metric: str, arm: str, *, segment: str = "", until: int | None = None) -> Sums:
        """Of an arm, up to a day if one is given."""
        rows = (row for row in self.by_metric.get(metric, ()) if row.arm == arm and row.segment == segment)
        return sum((row.sums for row in rows if until is None or row.day <= until), Sums())

    def days(self, metric: str) -> list[int]:
        """The days on which units came in."""
        return sorted({row.day for row in self.by_metric.get(metric, ()) if not row.segment})

    def segments(self, metric: str) -> list[str]:
        """The segments that there are."""
        return sorted({row.segment for row in self.by_metric.get(metric, ()) if row.segment})

    def estimate(self, metric: Metric, arm: str, *, segment: str = "", until: int | None = None) -> Estimate:
        """A metric's value in an arm."""
        if metric.kind == "quantile":
            return self._quantile(metric, arm) if not segment and until is None else Estimate(np.nan, np.nan, 0)
        sums = self.sums(metric.name, arm, segment=segment, until=until)
        return Estimate.ratio(sums) if metric.kind in ("mean", "ratio", "system") else Estimate.mean(sums)

    def _quantile(self, metric: Metric, arm: str) -> Estimate:
        prefix = f"{metric.name}#"
        names = [name for name in self.by_metric if name.startswith(prefix)]
        found = sorted((float(name.removeprefix(prefix)), name) for name in names)
        kept = [(threshold, sums) for threshold, name in found if (sums := self.sums(name, arm)).units]
        return clustered_quantile([at for at, _ in kept], [sums for _, sums in kept], metric.quantile)
