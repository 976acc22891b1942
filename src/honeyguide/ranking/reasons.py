"""Why an item is in the list, from exact contributions of the user's own history."""

from collections.abc import Collection

import numpy as np

from honeyguide.messages import Reason
from honeyguide.protocols import Request, ServedModel
from honeyguide.types import Histories, IntArray, Pool

_VERBS = {
    "purchase": "bought",
    "rating": "rated",
    "add_to_cart": "put in your cart",
    "wishlist_add": "wished for",
    "click": "looked at",
    "view": "looked at",
}


def reasons_for(request: Request, pool: Pool, positions: IntArray, history: Histories | None) -> list[Reason]:
    """The reasons of the candidates at `positions` in `pool`, in that order.

    `history` is the user's history in the model's numbers when the model served as a source, else None."""
    because: dict[int, Reason] = {}
    if history is not None and request.model is not None and "model" in pool.sources:
        found = ~np.isnan(pool.ranks[positions, pool.sources.index("model")])
        because = _because(request, request.model, history, pool.items[positions[found]])
    return [because.get(int(pool.items[at])) or _plain(request, pool, at) for at in positions.tolist()]


def _plain(request: Request, pool: Pool, position: int) -> Reason:
    """The reason that needs no history: the strongest source that found the item."""
    present = {name for name, rank in zip(pool.sources, pool.ranks[position], strict=True) if rank == rank}
    if found := _by_likeness(request, present):
        return found
    if "interests" in present:
        return Reason("popular_in_interests", "popular in what you said you like")
    if "favourites" in present:
        return Reason("popular_in_categories", "popular in what you look at")
    if "trending" in present:
        return Reason("trending", "rising now")
    if "popular" in present:
        if request.segment and request.popular is not None and request.segment in request.popular.segments:
            return Reason("popular_in_segment", "popular with people like you")
        return Reason("popular", "popular with other shoppers")
    if "new" in present:
        return Reason("new", "new here")
    return Reason("ranked", "fits what you like")


def _by_likeness(request: Request, present: Collection[str]) -> Reason | None:
    """The reason of a source that looks at other items: what is in the basket, the anchor, the content of the history."""
    items, anchor = request.items, request.anchor
    if "together" in present:
        if len(request.basket) > 1:
            return Reason("bought_together", "often bought together with what you have")
        row = int(request.basket[0])
        return Reason("bought_together", f"often bought together with {_title(request, row)}", item_id=items.ids[row])
    if "alike" in present:
        if len(request.basket) > 1:
            return Reason("similar_to", "similar to what you have")
        row = int(request.basket[0])
        return Reason("similar_to", f"similar to {_title(request, row)}", item_id=items.ids[row])
    if "similar" in present:
        return Reason("similar_to", f"similar to {_title(request, anchor)}", item_id=items.ids[anchor])
    if "content" in present and anchor >= 0:
        return Reason("similar_content", f"much like {_title(request, anchor)}", item_id=items.ids[anchor])
    return Reason("similar_content", "much like what you have looked at") if "content" in present else None


def _because(request: Request, served: ServedModel, history: Histories, rows: IntArray) -> dict[int, Reason]:
    """For each row, the item of the history that adds most to its score, that item's events taken together.

    Rows to whose score nothing of the history adds are left out."""
    sources, entry_of = np.unique(history.items, return_inverse=True)
    if not len(sources) or not len(rows):
        return {}
    joined = np.zeros((len(sources), len(history.items)), dtype=np.float32)
    joined[entry_of, np.arange(len(history.items))] = 1.0
    totals = joined @ served.model.contributions(history, served.numbers[rows])
    positive = np.where(totals > 0, totals, 0).sum(axis=0)
    best = totals.argmax(axis=0)
    shares = totals[best, np.arange(len(rows))] / np.where(positive > 0, positive, 1.0)
    told = _told(request, served.rows[sources])
    return {
        row: Reason("because_of", told[source][0], item_id=told[source][1], type=told[source][2], share=round(share, 4))
        for row, source, share in zip(rows.tolist(), best.tolist(), shares.tolist(), strict=True)
        if share > 0
    }


def _told(request: Request, source_rows: IntArray) -> list[tuple[str, str, str]]:
    """(sentence, item id, event type) of each item of the history: its weightiest event names the deed."""
    kinds: dict[int, tuple[float, str]] = {}
    events = zip(request.history_rows.tolist(), request.history_weights.tolist(), request.history_types, strict=True)
    for row, weight, kind in events:
        kinds[row] = max(kinds.get(row, (0.0, "")), (weight, kind))
    found = []
    for row in source_rows.tolist():
        kind = kinds[row][1]
        found.append((f"because you {_VERBS.get(kind, 'chose')} {_title(request, row)}", request.items.ids[row], kind))
    return found


def _title(request: Request, row: int) -> str:
    return request.items.titles[row] or request.items.ids[row]
