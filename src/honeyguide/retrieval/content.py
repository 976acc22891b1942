"""Items that are alike by their content: by their words, and by the vectors that their owner gave them.

`fit_content` finds the space with each training, from the catalogue alone. `ContentIndex` holds the vector of every item of
the block in it and computes those anew whose item has changed since, so an item can be recommended from its creation on.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from honeyguide.protocols import Described, Items, Request
from honeyguide.retrieval.index import EXACT_BELOW, Indexed
from honeyguide.retrieval.learned import answers, best_rows
from honeyguide.retrieval.text import TextSpace, directions, fit_text, unit, words_of
from honeyguide.types import NOTHING, BoolArray, FloatArray, Found, IntArray, Json, LongArray

CONTENT: Final = "content"
"""Name of its part of an artefact."""

FLOOR: Final = 0.1
"""Cosine up to which two items are not alike."""

_LOOKED: Final = 50  # latest events of a history that make its taste
_FADING: Final = 0.9  # weight of each event against the one after it
_WIDER: Final = 4  # times as many are asked for as are wanted: some may not be shown
_CHUNK: Final = 10_000
_FITTED: Final = 50_000  # vectors that the directions are found from


@dataclass(frozen=True, slots=True)
class ContentSpace:
    """How an item's content becomes a vector: the words of `fields` by `text`, its own vector by `projection` float32
    [length of the vectors given, dimensions]; one after the other, each of length 1 before the whole is."""

    fields: tuple[str, ...]
    text: TextSpace
    projection: FloatArray

    @property
    def size(self) -> int:
        """Dimensions of a vector."""
        return self.text.size + int(self.projection.shape[1])

    def vectors(self, contents: Sequence[Described]) -> FloatArray:
        """float32 [contents, size], each of length 1, or 0 where nothing is known."""
        text = self.text.vectors(_words(content, self.fields) for content in contents)
        given = np.zeros((len(contents), len(self.projection)), np.float32)
        for row, content in enumerate(contents):
            if content.vector is not None and len(content.vector) == given.shape[1]:
                given[row] = content.vector
        return unit(np.hstack([text, unit(unit(given) @ self.projection)]))

    def arrays(self) -> Mapping[str, NDArray[np.float32]]:
        """The space as named arrays; `about` has the rest."""
        return {"idf": self.text.idf, "text": self.text.projection, "vector": self.projection}

    def about(self) -> Json:
        """The fields and the terms in their order."""
        return {"fields": list(self.fields), "terms": list(self.text.terms)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.float32]], about: Json) -> "ContentSpace":
        """The space again. Raises ValueError where the parts do not belong together."""
        terms = {term: number for number, term in enumerate(about["terms"])}
        if not len(terms) == len(arrays["idf"]) == len(arrays["text"]):
            raise ValueError(f"{len(terms)} terms do not belong to {len(arrays['text'])} rows")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("its arrays hold what is no finite number")
        return cls(tuple(about["fields"]), TextSpace(terms, arrays["idf"], arrays["text"]), arrays["vector"])


def _words(content: Described, fields: Sequence[str]) -> list[str]:
    return words_of(content.title, content.categories, content.properties, fields)


def fit_content(contents: Iterable[Described], fields: Sequence[str], dimensions: int, *, seed: int = 0) -> ContentSpace:
    """The space of a catalogue. Vectors count where they have the length that most have; longer than `dimensions`, they are
    reduced to the directions in which they differ most."""
    given: list[FloatArray] = []

    def words() -> Iterable[list[str]]:
        for content in contents:
            if content.vector is not None and len(given) < _FITTED:
                given.append(content.vector)
            yield _words(content, fields)

    text = fit_text(words(), dimensions, seed=seed)
    length = Counter(map(len, given)).most_common(1)[0][0] if given else 0
    alike = [vector for vector in given if len(vector) == length]
    if length <= dimensions:
        projection = np.eye(length, dtype=np.float32)
    else:
        projection = directions(unit(np.array(alike, np.float32)), dimensions, seed=seed)
    return ContentSpace(tuple(fields), text, projection)


class Fill(Protocol):
    """Who may know vectors of items that have none (`embeddings.Embeddings`)."""

    @property
    def version(self) -> int:
        """Rises whenever more are known."""

    def filled(self, contents: Sequence[Described]) -> list[Described]:
        """The contents, with the vectors that are known."""


class ContentIndex:
    """`protocols.Content` over the item block. A vector belongs to a row and the log position of its item's last change,
    so that a block as it once was finds the vectors of then."""

    def __init__(self, space: ContentSpace, items: Items, more: Fill | None = None, indexed: Indexed | None = None) -> None:
        """`more` may know vectors of items that have none; `indexed` finds the nearest of the items of the training."""
        self._space, self._items, self._more, self._indexed = space, items, more, indexed
        self._filled = -1
        self._lacking: set[int] = set()
        self._lock = threading.Lock()
        self._version = -1
        self._vectors: FloatArray = np.zeros((0, space.size), np.float32)
        self._seen = np.zeros(0, np.int64)

    @property
    def recall(self) -> float:
        """The share of the nearest that are found."""
        return 1.0 if self._indexed is None else self._indexed.graph.recall

    def vectors(self, items: Items, rows: IntArray) -> FloatArray:
        """float32 [rows, dimensions]."""
        found: FloatArray = self._table(items)[rows]
        return found

    def nearest(self, items: Items, vector: FloatArray, allowed: BoolArray, limit: int) -> Found:
        """By exact products with all allowed items, or where these are many with those that the index finds, and with those
        that it knows nothing of."""
        table, rows = self._table(items), np.flatnonzero(allowed[: len(items)]).astype(np.int32)
        if self._indexed is not None and len(rows) > EXACT_BELOW:
            covered = self._indexed.covers(items.changed[: len(table)])
            found = self._indexed.nearest(vector, _WIDER * limit)
            found = found[covered[found] & allowed[found]]
            if len(found) >= limit:
                rows = np.concatenate([found, rows[~covered[rows]]])
        if 4 * len(rows) > len(table):
            scores = (table @ vector)[rows]
        else:
            scores = table[rows] @ vector
        alike = scores > FLOOR
        return best_rows(scores[alike], rows[alike], allowed, limit)

    def _table(self, items: Items) -> FloatArray:
        """float32 [items, dimensions] of a block: the one that is served, or a copy of it as it once was."""
        with self._lock:
            self._catch_up()
            vectors, seen = self._vectors[: len(items)], self._seen[: len(items)]
            if items is self._items:
                return vectors
            other = np.flatnonzero(items.changed[: len(seen)] != seen)
            vectors = vectors.copy()
        vectors[other] = self._of(items, other)[0]
        return vectors

    def _of(self, items: Items, rows: LongArray) -> tuple[FloatArray, list[int]]:
        """The vectors of rows, and those of the rows of which more might be known later."""
        contents = [items.content(row) for row in rows.tolist()]
        if self._more is None:
            return self._space.vectors(contents), []
        filled = self._more.filled(contents)
        lacking = [row for row, content in zip(rows.tolist(), filled, strict=True) if content.vector is None]
        return self._space.vectors(filled), lacking

    def _catch_up(self) -> None:
        """Compute what has changed. An item that changes meanwhile is found changed again the next time."""
        items, version, filled = self._items, self._items.version, 0 if self._more is None else self._more.version
        if version == self._version and filled == self._filled:
            return
        if filled != self._filled:
            self._seen[list(self._lacking)] = -1
            self._lacking.clear()
        changed = items.changed.copy()
        if len(changed) > len(self._seen):
            more = max(len(changed), len(self._seen) * 5 // 4) - len(self._seen)
            self._vectors = np.concatenate([self._vectors, np.zeros((more, self._space.size), np.float32)])
            self._seen = np.concatenate([self._seen, np.full(more, -1, np.int64)])
        stale = np.flatnonzero(changed != self._seen[: len(changed)])
        for start in range(0, len(stale), _CHUNK):
            rows = stale[start : start + _CHUNK]
            self._vectors[rows], lacking = self._of(items, rows)
            self._lacking.update(lacking)
            self._seen[rows] = changed[rows]
        self._version, self._filled = version, filled


class ContentSource:
    """Items like the anchor, or like the user's latest history, by content.

    Where the model has something to say, only items that it does not know: of the others it knows more than their words.
    A popularity version's lists stay as they are judged: without a model, only an anchor has items like it."""

    name = "content"
    slow = True

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.content` items most alike; for a history none that it has."""
        personal = request.query.item_id is None
        limit = request.surface.limit(self.name, request.surface.content)
        if request.content is None or not limit or (personal and request.model is None):
            return NOTHING
        vector = self._wanted(request)
        if not vector.any():
            return NOTHING
        open_to = allowed & ~_known(request, len(allowed))
        if personal:
            open_to[request.history_rows] = False
        return request.content.nearest(request.items, vector, open_to, limit)

    @staticmethod
    def _wanted(request: Request) -> FloatArray:
        """float32 [dimensions]: the anchor's vector, else the mean of the history's, weighted, the latest most."""
        assert request.content is not None
        if request.query.item_id is not None:
            rows = np.array([request.anchor] if request.anchor >= 0 else [], np.int32)
            weights = np.ones(len(rows), np.float32)
        else:
            rows = request.history_rows[-_LOOKED:]
            weights = request.history_weights[-_LOOKED:] * _FADING ** np.arange(len(rows) - 1, -1, -1, dtype=np.float32)
        mean = weights[None, :] @ request.content.vectors(request.items, rows)
        found: FloatArray = unit(mean.astype(np.float32))[0]
        return found


def _known(request: Request, size: int) -> BoolArray:
    """bool [size]: what is left to the model. The block of items may have grown since their number was taken."""
    known = np.zeros(size, np.bool_)
    if request.model is not None and answers(request):
        rows = request.model.rows[request.model.rows >= 0]
        known[rows[rows < len(known)]] = True
    return known
