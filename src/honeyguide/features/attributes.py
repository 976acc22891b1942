"""What views see of an item: the same fields whether the item comes from memory, from a table or from the log."""

from typing import Any, Final, Protocol

import numpy as np

from honeyguide.types import Item

MAX_CATEGORIES: Final = 12
"""Categories of an item that count; the first is the main one."""


class Attributes(Protocol):
    """Attributes of items at some moment."""

    def __call__(self, item_id: str, path: str) -> Any:
        """The value of `price`, `categories`, `properties.x` ...; None for an unknown item or what it lacks."""


def no_attributes(item_id: str, path: str) -> Any:
    """No item is known."""
    return None


def fields_of(item: Item) -> dict[str, Any]:
    """The fields that a view may name, as they are while serving: prices are 32-bit numbers, categories the first 12."""
    return {
        "title": item.title,
        "categories": item.categories[:MAX_CATEGORIES],
        "price": None if item.price is None else shown_price(np.float32(item.price)),
        "available": is_shown(item),
        "created_at": item.created_at or None,
        "vector": item.vector,
        "properties": item.properties,
    }


def is_shown(item: Item) -> bool:
    """Whether an item may be in a list: neither hidden, nor deleted, nor out of stock."""
    return item.available and not item.hidden and item.deleted_at is None


def shown_price(price: np.float32) -> float | None:
    """A 32-bit price as the shortest number that is it; None for NaN."""
    return None if np.isnan(price) else float(str(price))
