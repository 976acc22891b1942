"""What selecting hands back: the list, and what each part of re-ranking has done to it."""

from dataclasses import dataclass

from honeyguide.types import IntArray


@dataclass(frozen=True, slots=True)
class Reranked:
    """What one pass did: `given_up` is the relevance that the first ten positions lost by it, as a share of the most that
    they could have; `order` int32 are the first positions in the pool after it."""

    name: str
    given_up: float
    order: IntArray


@dataclass(frozen=True, slots=True)
class Selection:
    """`chosen` int32: positions in the pool, in the order of the list; `passes` in the order in which they were made."""

    chosen: IntArray
    passes: tuple[Reranked, ...] = ()
