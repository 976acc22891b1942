"""What a view takes out of a row of the log: when it happened, whom it is about, how much or what.

Numbers are summed as whole millionths, so that a sum does not depend on the order of its parts.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from honeyguide.config.features import FunctionView
from honeyguide.config.settings import FeatureView
from honeyguide.types import LogRow

MICRO: Final = 1_000_000
LARGEST: Final = 1e12
"""Numbers beyond plus or minus this count as this: what is larger is no price, no rating and no time on a page."""
_LONGEST: Final = 256
_FAR_FUTURE: Final = 253_402_300_800_000  # the year 10000

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


def at_path(tree: Mapping[str, Any], path: str) -> Any:
    """The value at `a.b` of nested tables; None where there is none. A key that holds a dot itself goes first."""
    if path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    inner = tree.get(head) if dot else None
    return at_path(inner, rest) if isinstance(inner, Mapping) else None


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


def source_of(view: FeatureView) -> Source:
    """The function from a row to the raw value that a view is made of."""
    if isinstance(view, FunctionView):
        return view.function
    of = view.of or "item_id"
    if of.startswith("item."):
        of = "item_id"
    if of.startswith("properties."):
        path = of.removeprefix("properties.")
        return lambda row: at_path(properties(row), path)
    return lambda row: getattr(row, of)


def source_name(view: FeatureView) -> str:
    """What identifies the source of a view, for the fingerprint of a plan."""
    if isinstance(view, FunctionView):
        return f"{view.function.__module__}:{view.function.__qualname__}@{view.version}"
    return view.of
