"""Filters: each says for the whole catalogue which items may be shown. They run before the sources.

So a source never spends its limit on items that could not be shown (see docs/decisions/0004-filters-first.md).
"""

from collections.abc import Sequence

import numpy as np

from honeyguide.messages import Filters
from honeyguide.protocols import Items, Request
from honeyguide.ranking.seen import seen_by
from honeyguide.types import BoolArray, IntArray


def _without(size: int, rows: IntArray) -> BoolArray | None:
    if not len(rows):
        return None
    mask = np.ones(size, dtype=np.bool_)
    mask[rows] = False
    return mask


class Blocked:
    """Hidden, deleted and unavailable items are never shown."""

    name = "blocked"

    def keep(self, request: Request) -> BoolArray | None:
        """False for blocked items."""
        return ~request.items.blocked


class Excluded:
    """Items that the user has bought, rated or seen, as the surface says."""

    name = "excluded"

    def keep(self, request: Request) -> BoolArray | None:
        """False for the user's excluded items."""
        return _without(len(request.items), request.excluded)


class Disliked:
    """Items that the user does not want to see."""

    name = "disliked"

    def keep(self, request: Request) -> BoolArray | None:
        """False for hidden and disliked items."""
        return _without(len(request.items), request.disliked)


class Anchor:
    """The item that a list of similar items is for."""

    name = "anchor"

    def keep(self, request: Request) -> BoolArray | None:
        """False for the anchor."""
        return _without(len(request.items), np.array([request.anchor], np.int32)) if request.anchor >= 0 else None


class InBasket:
    """What is in the basket that a list is for."""

    name = "basket"

    def keep(self, request: Request) -> BoolArray | None:
        """False for items in the basket."""
        return _without(len(request.items), request.basket)


class Named:
    """The request's own lists: `candidates` (only these) and `exclude` (none of these)."""

    name = "named"

    def keep(self, request: Request) -> BoolArray | None:
        """False outside `candidates` and inside `exclude`."""
        query, items = request.query, request.items
        mask = _without(len(items), items.numbers_of(query.exclude)) if query.exclude else None
        if query.candidates is None:
            return mask
        inside = np.zeros(len(items), dtype=np.bool_)
        inside[items.numbers_of(query.candidates)] = True
        return inside if mask is None else inside & mask


class Requested:
    """The request's `filters`: category, price range, properties."""

    name = "filters"

    def keep(self, request: Request) -> BoolArray | None:
        """True where every condition holds."""
        return None if request.query.filters is None else _matching(request.query.filters, request.items)


class Conditional:
    """The request's `filter`: a condition in the expression language."""

    name = "filter"

    def keep(self, request: Request) -> BoolArray | None:
        """True where it holds."""
        return None if request.condition is None else seen_by(request).holds(request.condition)


def _matching(filters: Filters, items: Items) -> BoolArray:
    mask = np.ones(len(items), dtype=np.bool_)
    if filters.category is not None:
        mask &= _in_categories(items, _listed(filters.category))
    if filters.exclude_category is not None:
        mask &= ~_in_categories(items, _listed(filters.exclude_category))
    if filters.price is not None:
        with np.errstate(invalid="ignore", over="ignore"):  # no price (NaN) is in no range; a limit may be beyond float32
            mask &= items.price >= (-np.inf if filters.price.min is None else filters.price.min)
            mask &= items.price <= (np.inf if filters.price.max is None else filters.price.max)
    for name, wanted in (filters.properties or {}).items():
        values = wanted if isinstance(wanted, list) else [wanted]
        rows = [row for row in np.flatnonzero(mask) if _has(items.properties[row], name, values)]
        mask[:] = False
        mask[rows] = True
    return mask


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _in_categories(items: Items, names: Sequence[str]) -> BoolArray:
    numbers = [items.category_numbers[name] for name in names if name in items.category_numbers]
    return np.asarray(np.isin(items.categories, numbers).any(axis=1), dtype=np.bool_)


def _has(properties: dict[str, object], name: str, values: Sequence[object]) -> bool:
    found = properties.get(name)
    return any(value in found for value in values) if isinstance(found, list) else name in properties and found in values
