"""Why an item is in the list, from exact contributions of the user's own history."""

import numpy as np

from honeyguide.messages import Reason
from honeyguide.protocols import Request, ServedModel
from honeyguide.types import Histories, Pool

_VERBS = {
    "purchase": "bought",
    "rating": "rated",
    "add_to_cart": "put in your cart",
    "wishlist_add": "wished for",
    "click": "looked at",
    "view": "looked at",
}


def reasons_for(request: Request, pool: Pool, position: int, history: Histories | None) -> Reason:
    """The reason of the candidate at `position` in `pool`.

    `history` is the user's history in the model's numbers when the model served as a source, else None."""
    present = {name for name, rank in zip(pool.sources, pool.ranks[position], strict=True) if rank == rank}
    row = int(pool.items[position])
    if "model" in present and history is not None and request.model is not None:
        because = _because(request, request.model, history, row)
        if because is not None:
            return because
    if "similar" in present:
        title = _title(request, request.anchor)
        return Reason("similar_to", f"similar to {title}", item_id=request.items.ids[request.anchor])
    if "interests" in present:
        return Reason("popular_in_interests", "popular in what you said you like")
    if "popular" in present:
        if request.segment and request.popular is not None and request.segment in request.popular.segments:
            return Reason("popular_in_segment", "popular with people like you")
        return Reason("popular", "popular with other shoppers")
    if "new" in present:
        return Reason("new", "new here")
    return Reason("ranked", "fits what you like")


def _because(request: Request, served: ServedModel, history: Histories, row: int) -> Reason | None:
    """The item of the history that adds most to the score, its events taken together; None if nothing adds to it."""
    number = int(served.numbers[row]) if row < len(served.numbers) else -1
    if number < 0:
        return None
    parts = served.model.contributions(history, number)
    totals = np.bincount(history.items, weights=parts)
    positive = float(totals[totals > 0].sum())
    best = int(totals.argmax())
    if positive <= 0.0 or not np.isfinite(positive):
        return None
    source_row = int(served.rows[best])
    kind = _strongest_type(request, source_row)
    text = f"because you {_VERBS.get(kind, 'chose')} {_title(request, source_row)}"
    share = round(float(totals[best]) / positive, 4)
    return Reason("because_of", text, item_id=request.items.ids[source_row], type=kind, share=share)


def _strongest_type(request: Request, row: int) -> str:
    places = np.flatnonzero(request.history_rows == row)
    best = places[int(request.history_weights[places].argmax())]
    return request.history_types[int(best)]


def _title(request: Request, row: int) -> str:
    return request.items.titles[row] or request.items.ids[row]
