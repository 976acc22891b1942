"""Two lists in one answer: what may still be shown of either arm's list, merged under the surface's caps, and its page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from honeyguide.config.settings import Surface
from honeyguide.experiments.interleaving import merged
from honeyguide.messages import Query
from honeyguide.protocols import Items
from honeyguide.ranking.caps import caps_of, column
from honeyguide.ranking.exploration import Limit, chance
from honeyguide.recommend.exploring import REACH, told
from honeyguide.recommend.pages import mark_of, split
from honeyguide.recommend.ranked import Part, ids_of, items_of
from honeyguide.types import InterleavingMethod

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Side:
    """The list of one arm as it may be shown now; `pinned` are ids by position, `late` what was taken out of it."""

    part: Part
    pinned: Mapping[int, str]
    late: Sequence[str]

    def reach(self, end: int) -> list[str]:
        """The ids that are candidates: those that every length of the list has, more only where more is asked for."""
        return ids_of(self.part.cut(0, max(REACH - len(self.late), end))[0])


@dataclass(frozen=True, slots=True)
class Both:
    """A page of two lists in one: comma-separated JSON, ids, and of each position whose it is and its propensity."""

    ids: bytes
    items: bytes
    shown: list[str]
    shares: list[float | None]
    propensities: list[float]


def both(
    query: Query, sides: tuple[Side, Side], method: InterleavingMethod, surface: Surface, items: Items, seed: int
) -> Both:
    """The page that a query asks for, merged by the chances of a seed; what its `shown` says is not shown again."""
    end = query.offset + query.n
    lists = [side.reach(end) for side in sides]
    numbers = {item_id: number for number, item_id in enumerate(dict.fromkeys((*lists[0], *lists[1])))}
    pinned = sides[0].pinned.items() & sides[1].pinned.items()
    found = merged(
        method,
        *([numbers[item_id] for item_id in each] for each in lists),
        length=2 * end if query.shown else end,
        chance=lambda position: chance(seed, position),
        let_through=_Limits(surface, list(numbers), items).let_through,
        fixed={position: numbers[item_id] for position, item_id in pinned if item_id in numbers},
    )
    names, before = list(numbers), set(split(query.shown))
    places = [place for place, item in enumerate(found.items) if mark_of(names[item]) not in before]
    places = places[: query.n] if before else places[query.offset :]
    shown = [names[found.items[place]] for place in places]
    texts = _texts(sides, lists, shown, query.offset)
    return Both(
        b",".join(_encode(item_id) for item_id in shown),
        b",".join(texts),
        shown,
        [found.shares[place] for place in places],
        [found.propensities[place] for place in places],
    )


class _Limits:
    """The surface's caps, on the items of both lists together."""

    def __init__(self, surface: Surface, names: Sequence[str], items: Items) -> None:
        rows = np.fromiter(map(items.number, names), np.int32, len(names))
        self._limits = [Limit(list(column(cap, items, rows)), cap.most, cap.window) for cap in caps_of(surface)]

    def let_through(self, line: list[int], above: list[int]) -> list[int]:
        """Those of the line that may come after the others."""
        for limit in self._limits:
            line = limit.let_through(line, above)
        return line


def _texts(sides: tuple[Side, Side], lists: Sequence[Sequence[str]], shown: Sequence[str], start: int) -> list[bytes]:
    """The items of the page as JSON, each as the first list that has it says, at its new rank."""
    at = [{item_id: place for place, item_id in enumerate(each)} for each in lists]
    found = []
    for rank, item_id in enumerate(shown, start=start + 1):
        side = 0 if item_id in at[0] else 1
        place = at[side][item_id]
        (item,) = items_of(sides[side].part.cut(place, place + 1)[1])
        found.append(_encode(told(item, rank, drawn=False)))
    return found
