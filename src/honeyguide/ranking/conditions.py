"""Conditions by their text: read and checked once, against the fields that there are now."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from honeyguide.config.settings import FeatureView
from honeyguide.errors import FieldError, FilterError
from honeyguide.expressions import Expression, Fields, Kind, condition
from honeyguide.protocols import Items

_KEPT: Final = 256
_NUMBERS: Final = frozenset(("count", "sum", "mean", "rate", "time_since"))
_LISTS: Final = frozenset(("last_n", "top_k"))
_ANYTHING: Final = Fields({"now": "time", "item.age": "duration", "item.created_at": "time"}, ("item.", "user.", "context."))


class Conditions:
    """Reads conditions on items, users and requests. `views` are all feature views."""

    def __init__(self, items: Items, views: Iterable[FeatureView]) -> None:
        self._items = items
        self._views: dict[str, Kind] = {}
        for view in views:
            if view.kind != "vector":
                self._views[f"{view.entity}.{view.name}"] = _kind(view)
        self._read: OrderedDict[str, Expression] = OrderedDict()

    def fields(self, of_users: Mapping[str, Kind] | None = None) -> Fields:
        """The fields that there are. Properties of users are those given, or any; what is in a context is not known."""
        known: dict[str, Kind] = dict(self._views)
        known |= {f"item.{name}": kind for name, kind in self._items.values.kinds().items()}
        known |= {"item.age": "duration", "user.id": "text", "user.segment": "text", "now": "time"}
        known |= {f"user.properties.{name}": kind for name, kind in (of_users or {}).items()}
        open_to = ["context."]
        if of_users is None:
            open_to.append("user.properties.")
        if not any(name.startswith("item.properties.") for name in known):
            open_to.append("item.properties.")  # nothing is known yet, so nothing is wrong
        return Fields(known, tuple(open_to))

    def read(self, text: str, pointer: str = "/filter", fields: Fields | None = None) -> Expression:
        """The condition in a text. Raises `FilterError` that points at the field of the request that it came in."""
        found = self._read.get(text) if fields is None else None
        if found is not None:
            self._read.move_to_end(text)
            return found
        try:
            found = condition(text, fields or self.fields())
        except FilterError as error:
            errors = [FieldError(pointer, each.detail) for each in error.errors]
            raise FilterError(error.detail, errors=errors) from None
        self._read[text] = found
        if len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return found


def as_kept(text: str) -> Expression:
    """The condition of a rule that was checked when it was saved, empty for one that always holds: what has gone since then
    is missing, and no fault. Raises `FilterError` for one that this release cannot read."""
    return condition(text or "True", _ANYTHING)


def _kind(view: FeatureView) -> Kind:
    if view.kind in _NUMBERS:
        return "number"
    return "list" if view.kind in _LISTS else "any"
