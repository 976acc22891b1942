"""How like two candidates are: by their categories, or by their content."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import FloatArray, IntArray, LongArray

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # the odd number that spreads numbers evenly (Knuth 6.4)


class Likeness(Protocol):
    """Likeness of candidates from 0 to 1, 1 for what cannot be told apart."""

    def to(self, place: int) -> FloatArray:
        """float32 [candidates]: how like each is to the one at `place`."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """Candidates grouped by their categories: `of` int64 [m] is each one's group, `members` float32 [groups, c] has a 1
    where a group is in a category, `numbers` int32 [c] are these categories in the item block."""

    of: LongArray
    members: FloatArray
    numbers: IntArray

    @classmethod
    def among(cls, request: Request, rows: IntArray) -> "Kinds":
        """The kinds that these rows of the item block are of."""
        categories = request.items.categories[rows]
        there = categories >= 0
        column = np.zeros(len(request.items.category_names), np.int64)
        column[categories[there]] = 1
        numbers = np.flatnonzero(column).astype(np.int32)
        column[numbers] = np.arange(len(numbers))
        mixed = (categories.astype(np.uint64) + np.uint64(1)) * _SPREAD
        mixed = np.where(there, (mixed ^ (mixed >> np.uint64(29))) * _SPREAD, np.uint64(0))
        _, first, of = np.unique(mixed.sum(axis=1), return_index=True, return_inverse=True)
        members = np.zeros((len(first), len(numbers)), np.float32)
        group, place = np.nonzero(there[first])
        members[group, column[categories[first[group], place]]] = 1.0
        return cls(of, members, numbers)


class CategoryLikeness:
    """The Jaccard likeness of categories: what `lists.diversity` measures the opposite of. Items without any are alike."""

    def __init__(self, kinds: Kinds) -> None:
        there = kinds.members > 0
        self._sizes = there.sum(axis=1)
        packed = np.packbits(there, axis=1)
        words = -(-packed.shape[1] // 8)
        padded = np.zeros((len(packed), 8 * words), np.uint8)
        padded[:, : packed.shape[1]] = packed
        self._words = padded.view(np.uint64)
        self._of = kinds.of
        self._rows: dict[int, FloatArray] = {}

    def to(self, place: int) -> FloatArray:
        """float32 [candidates]."""
        kind = int(self._of[place])
        row = self._rows.get(kind)
        if row is None:
            row = self._rows[kind] = self._row(kind)
        return row

    def _row(self, kind: int) -> FloatArray:
        """Bits are counted and no matrices multiplied: libraries of these begin threads, which costs more than the work."""
        common = np.bitwise_count(self._words & self._words[kind]).sum(axis=1, dtype=np.int64)
        either = self._sizes + self._sizes[kind] - common
        found: FloatArray = np.where(either > 0, common / np.maximum(either, 1), 1.0).astype(np.float32)
        return found[self._of]


class ContentLikeness:
    """The cosine of content vectors, 0 where it is below. What nothing is known of is like nothing else."""

    def __init__(self, vectors: FloatArray) -> None:
        """`vectors` float32 [candidates, dimensions], of length 1 or 0."""
        self._vectors = vectors

    def to(self, place: int) -> FloatArray:
        """float32 [candidates], rounded to 1e-6."""
        found: FloatArray = np.maximum(np.einsum("ij,j->i", self._vectors, self._vectors[place]), 0.0).round(6)
        return found


def likeness_among(request: Request, rows: IntArray) -> Likeness:
    """As the surface says: by categories, also where content is wanted and there is none."""
    if request.surface.diversity.likeness == "content" and request.content is not None:
        return ContentLikeness(request.content.vectors(request.items, rows))
    return CategoryLikeness(Kinds.among(request, rows))
