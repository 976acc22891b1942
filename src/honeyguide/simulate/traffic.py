"""What became of simulated traffic: ours beside random, popularity and the oracle, slice by slice and in all."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from honeyguide.simulate.shop import Shop
from honeyguide.simulate.tally import Counts, Tally
from honeyguide.types import Json

OURS: Final = "ours"
PERCENTILES: Final = (50, 95, 99)


@dataclass(slots=True)
class Slice:
    """A stretch of time: when it began (s after the start), counts by maker of lists, and the models that served."""

    begun: float
    counts: dict[str, Counts]
    models: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    milliseconds: "array[float]" = field(default_factory=lambda: array("f"))

    @property
    def ours(self) -> Counts:
        """The counts of the lists that the server made."""
        return self.counts[OURS]

    @property
    def model(self) -> str:
        """The model that served most of the lists, such as `ease@7`; empty if there were none."""
        return self.models.most_common(1)[0][0] if self.models else ""

    def latency(self, percentile: float) -> float:
        """Milliseconds from asking for a list to having it."""
        return float(np.percentile(self.milliseconds, percentile)) if self.milliseconds else 0.0


class Traffic:
    """The books of a run. `slice_seconds` is the length of a slice; time is given in seconds since the start."""

    def __init__(self, shop: Shop, references: tuple[str, ...], slice_seconds: float = 5.0) -> None:
        self.tallies = {name: Tally(shop) for name in (OURS, *references)}
        self.slice_seconds = slice_seconds
        self.slices: list[Slice] = []
        self.visits = 0
        self.events = 0
        self.cached = 0
        self.stale = 0
        self.degraded = 0
        self.failures: Counter[str] = Counter()
        self.milliseconds = array("f")
        self.event_milliseconds = array("f")
        self.seconds = 0.0

    @property
    def ours(self) -> Tally:
        """The lists that the server made."""
        return self.tallies[OURS]

    def slice(self, now: float) -> Slice:
        """The slice that `now` falls into."""
        self.seconds = max(self.seconds, now)
        begun = now // self.slice_seconds * self.slice_seconds
        if not self.slices or self.slices[-1].begun < begun:
            self.slices.append(Slice(begun, {name: Counts() for name in self.tallies}))
        return self.slices[-1]

    def counting(self, name: str, now: float) -> tuple[Counts, Counts]:
        """Where to count what a maker's lists achieve now: in all, and in the present slice."""
        return self.tallies[name], self.slice(now).counts[name]

    def answered(self, answer: Json, milliseconds: float, now: float) -> None:
        """A list came back."""
        present = self.slice(now)
        present.models[answer["model"]] += 1
        present.cached += answer["cached"]
        present.milliseconds.append(milliseconds)
        self.cached += answer["cached"]
        self.stale += answer["stale"]
        self.degraded += bool(answer["degraded"])
        self.milliseconds.append(milliseconds)

    def told(self, events: int, milliseconds: float) -> None:
        """Events were taken."""
        self.events += events
        self.event_milliseconds.append(milliseconds)

    def as_json(self) -> Json:
        """The whole report."""
        lists = max(self.ours.lists, 1)
        return {
            "seconds": round(self.seconds, 1),
            "visits": self.visits,
            "lists_per_second": round(self.ours.lists / max(self.seconds, 1e-9), 1),
            "events": self.events,
            "failures": dict(self.failures),
            "cached": round(self.cached / lists, 4),
            "stale": round(self.stale / lists, 4),
            "degraded": round(self.degraded / lists, 4),
            "latency_ms": _percentiles(self.milliseconds),
            "event_latency_ms": _percentiles(self.event_milliseconds),
            **{name: tally.as_json() for name, tally in self.tallies.items()},
            "slices": [_slice_json(each) for each in self.slices],
        }


def _slice_json(each: Slice) -> Json:
    return {
        "begun": each.begun,
        "model": each.model,
        "lists": each.ours.lists,
        "cached": round(each.cached / max(each.ours.lists, 1), 4),
        "p95_ms": round(each.latency(95), 2),
        "conversion": round(each.ours.conversion, 5),
        "ctr": {name: round(counts.ctr, 5) for name, counts in each.counts.items()},
    }


def _percentiles(milliseconds: "array[float]") -> Json:
    if not milliseconds:
        return {f"p{percentile}": None for percentile in PERCENTILES}
    values = np.percentile(milliseconds, PERCENTILES)
    return {f"p{percentile}": round(float(value), 2) for percentile, value in zip(PERCENTILES, values, strict=True)}
