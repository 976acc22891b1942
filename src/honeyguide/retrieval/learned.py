"""A trained model seen as a source: the user's history in, the best items of the whole catalogue out."""

from collections.abc import Sequence

import numpy as np

from honeyguide.protocols import Items, Model, Request, ServedModel
from honeyguide.types import NOTHING, BoolArray, FloatArray, Found, Histories, IntArray


def tie_to_block(label: str, model: Model, item_ids: Sequence[str], segments: Sequence[str], items: Items) -> ServedModel:
    """A loaded version with the numbers of its items in the item block, and back."""
    find = items.number
    rows = np.array([find(item_id) for item_id in item_ids], dtype=np.int32)
    numbers = np.full(len(items), -1, dtype=np.int32)
    known = rows >= 0
    numbers[rows[known]] = np.flatnonzero(known).astype(np.int32)
    return ServedModel(label, model, rows, numbers, {name: row for row, name in enumerate(segments)})


def model_history(served: ServedModel, request: Request) -> Histories:
    """The request's history in the model's item numbers; events on items that the model does not know are left out."""
    rows = request.history_rows
    known = rows < len(served.numbers)
    numbers = np.where(known, served.numbers[np.where(known, rows, 0)], -1) if len(served.numbers) else rows * 0 - 1
    known = numbers >= 0
    return Histories(
        indptr=np.array([0, int(known.sum())], dtype=np.int64),
        items=numbers[known].astype(np.int32),
        weights=request.history_weights[known],
        ts=request.history_ts[known],
        now=request.now,
    )


def no_history() -> Histories:
    """One history without events: what a model says of somebody it knows nothing of."""
    none = np.empty(0, np.int32)
    return Histories(np.zeros(2, np.int64), none, none.astype(np.float32), none.astype(np.int64))


def best_rows(scores: FloatArray, rows: IntArray, allowed: BoolArray, limit: int) -> Found:
    """The `limit` best rows by score among those the block has and `allowed` admits, best first, ties by row.

    `scores` float32 [n] belong to `rows` int32 [n] (-1: not in the block)."""
    admitted = rows >= 0
    admitted &= allowed[rows]  # row -1 reads the last element, which the line above has already ruled out
    candidates = np.flatnonzero(admitted)
    if len(candidates) > limit:
        values = scores[candidates]
        threshold = np.partition(values, len(values) - limit)[len(values) - limit]
        candidates = candidates[values >= threshold]
    best = candidates[np.lexsort((rows[candidates], -scores[candidates]))[:limit]]
    return Found(rows[best], scores[best])


def answers(request: Request) -> bool:
    """Whether the model has something to say: of the anchor if there is one, else of the history."""
    served, anchor = request.model, request.anchor
    if served is None:
        return False
    if request.query.item_id is not None:
        return 0 <= anchor < len(served.numbers) and bool(served.numbers[anchor] >= 0)
    return bool((model_history(served, request).weights > 0).any())


class LearnedSource:
    """The items that the serving model finds for the user's history; none where it has nothing to say."""

    name = "model"
    slow = True

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.candidates` best items of positive score: where a model has nothing to say, others go on."""
        if request.model is None:
            return NOTHING
        return _liked(request.model, request, allowed, request.surface.limit(self.name, request.surface.candidates))


def _liked(served: ServedModel, request: Request, allowed: BoolArray, limit: int) -> Found:
    """The best items that a model finds for the history; none without anything liked in it."""
    history = model_history(served, request)
    if not len(allowed) or not (history.weights > 0).any():
        return NOTHING
    scores = served.model.scores(history)[0]
    return best_rows(scores, np.where(scores > 0, served.rows, -1), allowed, limit)


class VoiceSource:
    """The best items of another model of the same training, for a ranker to weigh beside the serving model's."""

    slow = True

    def __init__(self, name: str) -> None:
        """`name` of the model; the source goes by it."""
        self.name = name

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """The `surface.voice_candidates` best items of positive score; none where no ranker listens to it."""
        served = request.voices.get(self.name)
        limit = request.surface.limit(self.name, request.surface.voice_candidates)
        return NOTHING if served is None else _liked(served, request, allowed, limit)


class SimilarSource:
    """The items most similar to the query's anchor item."""

    name = "similar"
    slow = True

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.candidates` most similar items."""
        served, anchor = request.model, request.anchor
        if served is None or not 0 <= anchor < len(served.numbers) or served.numbers[anchor] < 0:
            return NOTHING
        number = np.array([served.numbers[anchor]], dtype=np.int32)
        limit = request.surface.limit(self.name, request.surface.candidates)
        found, scores = served.model.similar(number, limit)
        real = (found[0] >= 0) & (scores[0] > 0)
        return best_rows(scores[0][real], served.rows[found[0][real]], allowed, limit)
