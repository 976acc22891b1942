"""What is in the basket that a list is for."""

from typing import Final

from honeyguide.messages import Query
from honeyguide.protocols import Items
from honeyguide.types import IntArray, UserState

LARGEST: Final = 100
_OPEN_MS: Final = 86_400_000  # how long something put in the cart is taken to be there


def basket_of(query: Query, state: UserState, items: Items, now: int) -> IntArray:
    """Rows, each once: what the user put in the cart during the last day and has not bought since, then the items that the
    request's `context.items` names, then its anchor; at most the last 100."""
    held: dict[str, None] = {}
    for event in state.events:
        if event.type == "add_to_cart" and event.ts > now - _OPEN_MS:
            held[event.item_id] = None
        elif event.type in ("purchase", "remove_from_cart"):
            held.pop(event.item_id, None)
    named = (query.context or {}).get("items")
    for item_id in [*(named if isinstance(named, list) else []), query.item_id]:
        if isinstance(item_id, str):
            held[item_id] = None
    return items.numbers_of(list(held)[-LARGEST:])
