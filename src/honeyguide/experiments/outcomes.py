"""From events to what each unit of an experiment adds to its metrics: one definition, for the fold and for a rebuild.

Pure: a row of the log and the unit's first exposure in, totals out. An event of before the first exposure never counts as
an outcome; it may be part of what was there before (`Total.before`), which CUPED takes off.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final

from honeyguide.config.metrics import LISTS, Metric
from honeyguide.protocols.outcomes import Total
from honeyguide.types import LogRow

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
AGES: Final = (0, 1, 3, 7, 14)
"""Days since the first exposure at which a new stretch begins: an effect that is only there in the first is novelty."""
_DIGITS: Final = 3


NAMED: Final = "~named"
"""The key of how many events of a unit name a list (y), and how many of those one that is not known (x)."""
NOTHING: Final = Total()
Totals = dict[str, Total]
"""A unit's totals by key: a metric's name, `name@STRETCH` of a stretch of days, `name#VALUE` of a value of a quantile."""


def aged(name: str, stretch: int) -> str:
    """The key of a metric within one stretch of days since the first exposure (an index of `AGES`)."""
    return f"{name}@{stretch}"


def valued(name: str, value: float) -> str:
    """The key of how often a unit had a value; values are kept to three significant digits."""
    return f"{name}#{value:.{_DIGITS}g}"


PREFERENCE: Final = "~preference"
"""The key of how much more a unit has clicked of an interleaving's second list than of its first."""


def add_credit(totals: Totals, metric: Metric, row: LogRow, shares: Mapping[str, float | None]) -> None:
    """Credit an event on an interleaved list to the arm whose item it is: by the probability that it is the second's. What
    is nobody's is credited to nobody; an event that the goal does not count neither."""
    share = shares.get(row.item_id or "")
    if share is not None and row.type in metric.events:
        held = totals.get(PREFERENCE, NOTHING)
        totals[PREFERENCE] = Total(held.x + 2 * share - 1, held.y + 1, held.before)


def add_event(totals: Totals, metric: Metric, row: LogRow, first_at: int, *, by_age: bool, of_list: bool) -> None:
    """Count an event of a unit that was first exposed at `first_at` (ms).

    `of_list`: it names a list that the experiment served to this unit; `by_age` asks for the stretches of days, too."""
    if row.type not in metric.events and row.type not in metric.over:
        return
    age = row.ts - first_at
    if age < 0:
        if row.type in metric.events and age >= -metric.before * 1000:
            _add_before(totals, metric, row)
    elif (of_list or metric.join == "unit") and _within(metric, age):
        for key in _keys(metric, row, age, by_age):
            held = totals.get(key, NOTHING)
            totals[key] = _added(metric, held, row, age)


def add_list(totals: Totals, metric: Metric, first_at: int, at: int, measured: Mapping[str, float], *, by_age: bool) -> None:
    """Count a list that was served to the unit at `at` (ms): for what is divided by lists, and for system metrics, whose
    values of this list are in `measured`."""
    age = max(0, at - first_at)
    if not _within(metric, age):
        return
    value = measured.get(metric.of) if metric.kind == "system" else (0.0 if LISTS in metric.over else None)
    if value is None:
        return
    for key in [metric.name, *([aged(metric.name, _stretch(age))] if by_age else [])]:
        held = totals.get(key, NOTHING)
        totals[key] = Total(held.x + value, held.y + 1.0, held.before)


def add_named(totals: Totals, *, unknown: bool) -> None:
    """Count an event that names a list."""
    held = totals.get(NAMED, NOTHING)
    totals[NAMED] = Total(held.x + unknown, held.y + 1.0)


def _within(metric: Metric, age: int) -> bool:
    begin = metric.after * 1000
    return age >= begin and (not metric.window or age < begin + metric.window * 1000)


def _stretch(age: int) -> int:
    days = age // DAY_MS
    return max(index for index, begin in enumerate(AGES) if days >= begin)


def _keys(metric: Metric, row: LogRow, age: int, by_age: bool) -> Iterator[str]:
    if metric.kind == "quantile":
        value = _value(metric, row)
        if value is not None:
            yield valued(metric.name, value)
        return
    yield metric.name
    if by_age and metric.kind not in ("retention", "time_to_first"):
        yield aged(metric.name, _stretch(age))


def _added(metric: Metric, held: Total, row: LogRow, age: int) -> Total:
    """The total with one more event."""
    numerator, denominator = row.type in metric.events, row.type in metric.over
    if metric.kind in ("proportion", "retention"):
        return held._replace(x=1.0)
    if metric.kind == "time_to_first":
        hours = age / HOUR_MS
        return held._replace(x=min(held.x, hours) if held.y else hours, y=1.0)
    if metric.kind == "quantile":
        return held._replace(x=held.x + 1.0)
    x = held.x + (_amount(metric, row) if numerator else 0.0)
    y = held.y + (1.0 if denominator or (metric.kind == "mean" and _value(metric, row) is not None) else 0.0)
    return held._replace(x=x, y=y)


def _add_before(totals: Totals, metric: Metric, row: LogRow) -> None:
    held = totals.get(metric.name, NOTHING)
    if metric.kind == "quantile":
        return
    if metric.kind in ("proportion", "retention", "time_to_first"):
        totals[metric.name] = held._replace(before=1.0)
    else:
        totals[metric.name] = held._replace(before=held.before + _amount(metric, row))


def _amount(metric: Metric, row: LogRow) -> float:
    weight = metric.weights.get(row.type, 1.0)
    if metric.kind in ("sum", "mean"):
        return weight * (_value(metric, row) or 0.0)
    return weight


def _value(metric: Metric, row: LogRow) -> float | None:
    value = row.quantity if metric.of == "quantity" else row.value
    return value if value is not None and isfinite(value) else None
