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
        numbers = np.unique(categories)
        numbers = numbers[numbers >= 0].astype(np.int32)
        mixed = (categories.astype(np.uint64) + np.uint64(1)) * _SPREAD
        mixed = np.where(categories >= 0, (mixed ^ (mixed >> np.uint64(29))) * _SPREAD, np.uint64(0))
        _, first, of = np.unique(mixed.sum(axis=1), return_index=True, return_inverse=True)
        members = np.zeros((len(first), len(numbers)), np.float32)
        examples = categories[first]
        group, column = np.nonzero(examples >= 0)
        members[group, np.searchsorted(numbers, examples[group, column])] = 1.0
        return cls(of, members, numbers)


class CategoryLikeness:
    """The Jaccard likeness of categories: what `lists.diversity` measures the opposite of. Items without any are alike."""

    def __init__(self, kinds: Kinds) -> None:
        sizes = kinds.members.sum(axis=1)
        common = kinds.members @ kinds.members.T
        either = sizes[:, None] + sizes[None, :] - common
        self._table: FloatArray = np.where(either > 0, common / np.maximum(either, 1), 1.0).astype(np.float32)
        self._of = kinds.of

    def to(self, place: int) -> FloatArray:
        """float32 [candidates]."""
        row: FloatArray = self._table[self._of[place]][self._of]
        return row


class ContentLikeness:
    """The cosine of content vectors, 0 where it is below. What nothing is known of is like nothing else."""

    def __init__(self, vectors: FloatArray) -> None:
        """`vectors` float32 [candidates, dimensions], of length 1 or 0."""
        self._vectors = vectors

    def to(self, place: int) -> FloatArray:
        """float32 [candidates], rounded to 1e-6."""
        found: FloatArray = np.maximum(self._vectors @ self._vectors[place], 0.0).round(6)
        return found


def likeness_among(request: Request, rows: IntArray) -> Likeness:
    """As the surface says: by categories, also where content is wanted and there is none."""
    if request.surface.diversity.likeness == "content" and request.content is not None:
        return ContentLikeness(request.content.vectors(request.items, rows))
    return CategoryLikeness(Kinds.among(request, rows))
