"""From totals of units to six sums per arm, metric, day and segment: what results are computed from.

`day` is the UTC day (days since 1970-01-01) of the unit's first exposure, so that the units of different days are different
ones and their sums merge by addition. Sums are made anew from the totals, in the order of the units: the same totals give
the same bits, whether they were folded step by step or rebuilt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from honeyguide.config.metrics import Metric
from honeyguide.experiments.outcomes import AGES, DAY_MS, NAMED, aged, valued
from honeyguide.experiments.statistics.sums import Sums
from honeyguide.protocols.outcomes import Total
from honeyguide.types import BoolArray, IntArray, LongArray

Wide = NDArray[np.float64]
EXPOSED: Final = "~exposed"
"""The metric of a phase's units themselves: x is 1 for one that met another arm, y for one that was served another."""
BEFORE: Final = "~before"
"""Appended to a metric's name: sums of its x and of what it was before the first exposure, as y."""
_MOST_THRESHOLDS: Final = 200


class Sketch(NamedTuple):
    """One row: `segment` is empty for all units, else `attribute=value`; `day` 0 for what is not divided by days."""

    arm: str
    metric: str
    day: int
    segment: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one phase in the order of their ids: `arms` int32 [u] of `arm_names`, `first_at` int64 [u] in ms, and
    `segments`: label -> bool [u]."""

    ids: Sequence[str]
    arms: IntArray
    arm_names: Sequence[str]
    first_at: LongArray
    segments: Mapping[str, BoolArray] = field(default_factory=dict)


Held = Mapping[str, Mapping[str, Total]]
"""Key of a metric -> unit -> total; units that are not there have none."""


def sketched(units: Units, metrics: Sequence[Metric], held: Held, *, as_of: int) -> Iterator[Sketch]:
    """All rows of a phase. `as_of` (ms): what takes a time to be known is told only of units that had that time."""
    for metric in metrics:
        if metric.kind == "quantile":
            yield from _quantile(units, metric, held)
            continue
        totals = _columns(units, held.get(metric.name, {}))
        x, y, there = _values(units, metric, totals, as_of)
        yield from _rows(units, metric.name, x, y, there)
        if metric.before and metric.kind not in ("system", "time_to_first"):
            yield from _rows(units, metric.name + BEFORE, x, totals[2], there)
        for stretch in range(len(AGES)):
            if (key := aged(metric.name, stretch)) in held:
                yield from _of_age(units, metric, _columns(units, held[key]), stretch, as_of)


def exposed(units: Units, crossed: Wide, mixed: Wide) -> Iterator[Sketch]:
    """How many units there are, how many of them `crossed` into another arm, and how many got a list of another."""
    yield from _rows(units, EXPOSED, crossed, mixed, np.ones(len(units.ids), dtype=np.bool_))


def named(held: Held) -> Iterator[Sketch]:
    """How many events name a list, and (x) how many of them one that is not known: of no arm, for none can be known."""
    totals = held.get(NAMED, {})
    if totals:
        events, unknown = sum(each.y for each in totals.values()), sum(each.x for each in totals.values())
        yield Sketch("", NAMED, 0, "", Sums(events, unknown))


def cap(metric: Metric, x: Wide) -> float:
    """What a unit's value is cut to: the quantile of all arms' values above 0 together; infinite where nothing is cut."""
    above = x[x > 0]
    return float(np.quantile(above, metric.winsorise)) if metric.winsorise < 1 and len(above) else np.inf


def _columns(units: Units, totals: Mapping[str, Total]) -> Wide:
    """x, y and before of all units, float64 [3, u]."""
    found = np.zeros((3, len(units.ids)))
    if totals:
        for at, unit in enumerate(units.ids):
            if unit in totals:
                found[:, at] = totals[unit]
    return found


def _values(units: Units, metric: Metric, totals: Wide, as_of: int) -> tuple[Wide, Wide, BoolArray]:
    """The numerator and denominator of each unit, and which units take part."""
    x, y, _ = totals
    ones, everyone = np.ones_like(x), np.ones(len(x), dtype=np.bool_)
    if metric.kind in ("mean", "ratio", "system"):
        return x, y, everyone
    if metric.kind == "rate":
        there = y > 0
        return np.divide(x, y, out=np.zeros_like(x), where=there), ones, there
    if metric.kind in ("retention", "time_to_first"):
        known = units.first_at + (metric.after + metric.window) * 1000 <= as_of
        if metric.kind == "time_to_first":  # whoever did not do it within the window counts as the whole window
            x = np.where(y > 0, x, metric.window / 3600)
        return x, ones, np.asarray(known, dtype=np.bool_)
    return np.minimum(x, cap(metric, x)), ones, everyone


def _of_age(units: Units, metric: Metric, totals: Wide, stretch: int, as_of: int) -> Iterator[Sketch]:
    """Of one stretch of days since the first exposure, the units that have been through it."""
    end = AGES[stretch + 1] if stretch + 1 < len(AGES) else AGES[stretch] + 1
    known = units.first_at + end * DAY_MS <= as_of
    x, y, there = _values(units, metric, totals, as_of)
    yield from _rows(units, aged(metric.name, stretch), x, y, there & known, split=False)


def _rows(units: Units, name: str, x: Wide, y: Wide, there: BoolArray, *, split: bool = True) -> Iterator[Sketch]:
    days = units.first_at // DAY_MS if split else np.zeros_like(units.first_at)
    for segment, inside in {"": there, **(units.segments if split else {})}.items():
        chosen = there & inside
        groups, number = np.unique(
            np.stack([units.arms[chosen].astype(np.int64), days[chosen]]), axis=1, return_inverse=True
        )
        sums = _sums(x[chosen], y[chosen], number.ravel(), groups.shape[1])
        for (arm, day), found in zip(groups.T, sums, strict=True):
            yield Sketch(units.arm_names[int(arm)], name, int(day), segment, found)


def _sums(x: Wide, y: Wide, group: LongArray, groups: int) -> list[Sums]:
    columns = [
        np.bincount(group, weights=values, minlength=groups) for values in (np.ones_like(x), x, x * x, y, y * y, x * y)
    ]
    return [Sums(*(float(value) for value in row)) for row in zip(*columns, strict=True)]


def _quantile(units: Units, metric: Metric, held: Held) -> Iterator[Sketch]:
    """Sums of how many values of a unit are at most a threshold (x) and how many there are (y), by threshold."""
    prefix = f"{metric.name}#"
    values = {float(key.removeprefix(prefix)): totals for key, totals in held.items() if key.startswith(prefix)}
    if not values:
        return
    ordered = sorted(values)
    counts = np.stack([_columns(units, values[value])[0] for value in ordered])
    below, total = np.cumsum(counts, axis=0), counts.sum(axis=0)
    there = total > 0
    for at in _thresholds(metric, below.sum(axis=1), len(units.arm_names)):
        yield from _rows(units, valued(metric.name, ordered[at]), below[at], total, there, split=False)


def _thresholds(metric: Metric, below: Wide, arms: int) -> Sequence[int]:
    """Which of the values, in order, are kept as thresholds: all, or those near the quantile."""
    if len(below) <= _MOST_THRESHOLDS:
        return range(len(below))
    levels = below / below[-1]
    reach = max(0.05, 6 * np.sqrt(metric.quantile * (1 - metric.quantile) * arms / below[-1]))
    wanted = np.linspace(metric.quantile - reach, metric.quantile + reach, _MOST_THRESHOLDS)
    return sorted(set(np.searchsorted(levels, np.clip(wanted, 0.0, 1.0)).clip(0, len(below) - 1).tolist()))
