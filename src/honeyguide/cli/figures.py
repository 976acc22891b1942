"""How measures of quality are told to people: names, numbers with their units, courses as little bars."""

from collections.abc import Sequence
from typing import Final

from honeyguide.monitoring.quality.report import Target, Value

NAMES: Final = {
    "ctr": "click-through rate",
    "hit_rate": "from the cache",
    "latency_p50": "latency p50",
    "latency_p95": "latency p95",
    "latency_p99": "latency p99",
    "conversion_per_click": "conversion per click",
    "revenue_per_user": "revenue per user",
    "exposure_gini": "Gini of exposure",
    "list_age_p95": "age of cached lists p95",
    "event_lag_p99": "lag of events p99",
}
_SPARKS: Final = "▁▂▃▄▅▆▇█"


def name_of(measure: str) -> str:
    """A measure's name in words."""
    return NAMES.get(measure, measure.replace("_", " "))


def told(value: float | None, unit: str) -> str:
    """A value with its unit; a dash for none."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.2f} %" if abs(value) < 0.1 else f"{100 * value:.1f} %"
    if unit == "seconds":
        return _seconds(value)
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.2f}" + (" bits" if unit == "bits" else "")


def _seconds(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.1f} ms" if value < 0.01 else f"{1000 * value:.0f} ms"
    sizes = ((86_400, "d"), (3600, "h"), (60, "min"))
    return next((f"{value / size:.1f} {unit}" for size, unit in sizes if value >= 2 * size), f"{value:.1f} s")


def course(values: Sequence[float | None], most: int = 24) -> str:
    """The latest values as a row of little bars from zero to the largest; a gap where there is none."""
    values = values[-most:]
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join(
        " " if value is None else _SPARKS[max(0, min(int(value / top * len(_SPARKS)), len(_SPARKS) - 1))] for value in values
    )


def change(value: float | None, before: float | None) -> str:
    """By how much a value differs from the one before, as a share; empty where there is nothing to say."""
    return "" if value is None or not before else f"{value / before - 1:+.0%}"


def between(each: Value | Target) -> str:
    """Its 95 % interval; empty where it has none."""
    return "" if each.low is None else f"{told(each.low, each.unit)} to {told(each.high, each.unit)}"
