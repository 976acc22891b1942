"""What a view takes out of a row of the log: when it happened, whom it is about, how much or what.

Numbers are summed as whole millionths, so that a sum does not depend on the order of its parts.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
import structlog

from honeyguide.config.features import FunctionView
from honeyguide.config.settings import FeatureView
from honeyguide.expressions.paths import at_path
from honeyguide.types import LogRow

MICRO: Final = 1_000_000
LARGEST: Final = 1e12
"""Numbers beyond plus or minus this count as this: what is larger is no price, no rating and no time on a page."""
_LONGEST: Final = 256
_FAR_FUTURE: Final = 253_402_300_800_000  # the year 10000

log = structlog.get_logger(__name__)

Scalar = str | float
Source = Callable[[LogRow], Any]

_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


def happened(row: LogRow) -> int:
    """When an event counts as having happened, in ms: by the sender's clock, but not after it came in."""
    return min(max(0, min(row.ts, row.received_at)), _FAR_FUTURE)


def visible_from(row: LogRow) -> int:
    """The first moment that knows of the event: it has happened before, and has come in unless it is history."""
    first = happened(row) + 1
    return first if row.imported else max(first, row.received_at)


def subjects(row: LogRow, entity: str) -> tuple[str, ...]:
    """The ids that an event is about. An impression is about every item that it says was seen."""
    if entity == "user":
        return () if row.user_id is None else (row.user_id,)
    if row.item_id is not None:
        return (row.item_id,)
    if row.type == "impression":
        seen = properties(row).get("items")
        return tuple(dict.fromkeys(item for item in seen if isinstance(item, str))) if isinstance(seen, list) else ()
    return ()


def properties(row: LogRow) -> dict[str, Any]:
    """An event's properties."""
    if not row.payload:
        return {}
    try:
        return _object(row.payload)
    except msgspec.DecodeError:
        return {}


def number(value: Any) -> float | None:
    """A finite number; None for anything else, true and false included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer that no float can hold
        return None


def micros(value: Any) -> int | None:
    """A number in whole millionths, at most `LARGEST`."""
    found = number(value)
    return None if found is None else round(min(max(found, -LARGEST), LARGEST) * MICRO)


def scalars(value: Any) -> tuple[Scalar, ...]:
    """The texts and numbers in a value or a list of them; true and false are texts, what is too long is left out."""
    if isinstance(value, str):
        return (value,) if 0 < len(value) <= _LONGEST else ()
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    if isinstance(value, list | tuple):
        return tuple(scalar for part in value if not isinstance(part, list | tuple) for scalar in scalars(part))
    found = number(value)
    return () if found is None else (found,)


def text_of(scalar: Scalar) -> str:
    """A text or number as a text."""
    return scalar if isinstance(scalar, str) else f"{scalar:.12g}"


class Failures(Protocol):
    """Counts failures of functions by the name of their view."""

    def labels(self, *names: str) -> Any:
        """The counter of a view; it has `inc`."""


class _Uncounted:
    """For who does not count."""

    def labels(self, *names: str) -> "_Uncounted":
        """Any view."""
        return self

    def inc(self) -> None:
        """Nothing happens."""


UNCOUNTED: Final = _Uncounted()


def source_of(view: FeatureView, failures: Failures) -> Source:
    """The function from a row to the raw value that a view is made of."""
    if isinstance(view, FunctionView):
        return _guarded(view, failures)
    of = view.of or "item_id"
    if of.startswith("item."):
        of = "item_id"
    if of.startswith("properties."):
        path = of.removeprefix("properties.")
        return lambda row: at_path(properties(row), path)
    return lambda row: getattr(row, of)


def _guarded(view: FunctionView, failures: Failures) -> Source:
    """The function of a view; an event on which it fails is left out, and never stops a fold or a request."""

    def value(row: LogRow) -> Any:
        try:
            return view.function(row)
        except Exception:  # counted; it is not ours
            failures.labels(view.name).inc()
            log.warning("the function of a feature view failed", view=view.name, event_id=row.event_id, exc_info=True)
            return None

    return value


def source_name(view: FeatureView) -> str:
    """What identifies the source of a view, for the fingerprint of a plan."""
    if isinstance(view, FunctionView):
        return f"{view.function.__module__}:{view.function.__qualname__}@{view.version}"
    return view.of
