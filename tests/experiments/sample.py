"""Units with outcomes, made by chance from a seed: what an experiment's tables would hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honeyguide.config.metrics import DEFAULT_METRICS, Metric, metrics_of
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.plan import Plan
from honeyguide.experiments.sketches import EXPOSED, Sketch, Units, sketched
from honeyguide.experiments.statistics.sums import Sums
from honeyguide.protocols.outcomes import Total

START = 20_000 * DAY_MS
METRICS = {metric.name: metric for metric in DEFAULT_METRICS}


def metric(name: str, **fields: Any) -> Metric:
    return metrics_of([Metric.model_validate({"name": name, **fields})])[name]


def plan(**changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "name": "e", "phase": 1, "arms": ("control", "new"), "weights": (0.5, 0.5), "goals": ("conversion",),
        "guardrails": {}, "watched": (), "alpha": 0.05, "planned": 10_000, "min_days": 7, "started_at": START,
    }  # fmt: skip
    return Plan(**(fields | changes))


def units_of(arms: Any, *, days: int = 7, segments: Mapping[str, NDArray[np.bool_]] | None = None, names: int = 2) -> Units:
    """Units that came in evenly over the days."""
    count = len(arms)
    first = START + (np.arange(count, dtype=np.int64) * days * DAY_MS) // max(count, 1)
    ids = [f"u{at:06}" for at in range(count)]
    return Units(ids, np.asarray(arms, np.int32), ("control", "new", "third")[:names], first, segments or {})


def rows_of(units: Units, metrics: Sequence[Metric], x: Mapping[str, Any], *, as_of: int, **more: Any) -> list[Sketch]:
    """Sketches of units whose numerators are `x` (metric -> per unit); `y` and `before` likewise if given."""
    y, before = more.get("y", {}), more.get("before", {})
    zeros = np.zeros(len(units.ids))
    held = {
        name: {
            unit: Total(float(a), float(b), float(c))
            for unit, a, b, c in zip(units.ids, values, y.get(name, zeros), before.get(name, zeros), strict=True)
        }
        for name, values in x.items()
    }
    return [*sketched(units, metrics, held, as_of=as_of), *exposed(units)]


def exposed(units: Units, crossed: int = 0, mixed: int = 0) -> list[Sketch]:
    """The sketches of the units themselves; the first ones of the control are crossed, or mixed up."""
    found = []
    for segment, inside in {"": np.ones(len(units.ids), np.bool_), **units.segments}.items():
        for arm, name in enumerate(units.arm_names):
            for day in np.unique(units.first_at // DAY_MS):
                n = float(((units.arms == arm) & (units.first_at // DAY_MS == day) & inside).sum())
                first = arm == 0 and not segment and day == units.first_at.min() // DAY_MS
                sums = Sums(n, crossed if first else 0, crossed if first else 0, mixed if first else 0)
                if n:
                    found.append(Sketch(name, EXPOSED, int(day), segment, sums))
    return found
