"""Rotation: what a user has just seen steps back for a while."""

import numpy as np

from honeyguide.protocols import Request
from honeyguide.ranking.candidates import Candidates
from honeyguide.types import LongArray


class Rotated:
    """Relevance times 1 - `diversity.seen` * (1 - age / `diversity.seen_for`) for each impression of the item.

    It takes the whole off right after the item was seen and nothing once `seen_for` is over; an item that was seen often
    steps back further. Only impressions that name their items count (`properties.items`)."""

    name = "seen"

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """All of the best `diversity.candidates`."""
        settings = request.surface.diversity
        if settings.seen == 0 or not len(request.seen_rows):
            return None
        ages = np.maximum(request.now - request.seen_at, 0) / (settings.seen_for * 1000)
        left = 1.0 - settings.seen * np.maximum(1.0 - ages, 0.0)
        rows = candidates.rows[: settings.candidates]
        kept = np.ones(len(request.items), np.float32)
        np.multiply.at(kept, request.seen_rows, left.astype(np.float32))
        order: LongArray = np.argsort(-candidates.relevance[: len(rows)] * kept[rows], kind="stable")
        return order
