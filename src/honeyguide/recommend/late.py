"""What happens to a ranked list after the cache, for every request, in this order: the deny set, filter rules, pins,
exploration; then the page is cut.

A list on which nothing happens stays encoded: its page is a piece of text, and only its ids are looked at.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from honeyguide.messages import Query
from honeyguide.protocols import Items
from honeyguide.protocols.rules import InForce
from honeyguide.ranking.rules import passing, put_at_slots
from honeyguide.ranking.seen import Seen
from honeyguide.recommend.exploring import REACH, Exploring
from honeyguide.recommend.interleaved import Side, both
from honeyguide.recommend.pages import MARK, marks_of
from honeyguide.recommend.ranked import Part, Ranked, continued, ids_of, items_of, part_of
from honeyguide.types import Explored, Interleaved, InterleavingMethod, ServedSlate


@dataclass(slots=True)
class Page:
    """What is shown: `ids` and `items` are comma-separated JSON, `shown` the ids again, `marks` those of a cursor; `late`
    are the items that were taken out after the cache, and `length` is how long the list is without them. Of a list of which
    something was drawn: `explored`, and the propensity of each that is shown. Of two lists in one: the second,
    `beside`, and whose each position is, `shares`."""

    ids: bytes
    items: bytes
    shown: list[str]
    length: int
    late: list[str] = field(default_factory=list)
    propensities: list[float] = field(default_factory=list)
    explored: Explored | None = None
    marks: bytes = b""
    shares: list[float | None] | None = None
    beside: Side | None = None

    def __post_init__(self) -> None:
        self.marks = self.marks or marks_of(self.shown)

    def scores(self) -> list[float]:
        """The score of each that is shown."""
        return [each.score for each in items_of(self.items)]

    @classmethod
    def of(cls, part: Part, start: int, end: int, length: int) -> "Page":
        """The page from `start` up to `end` of a list."""
        ids, items = part.cut(start, end)
        return cls(ids, items, ids_of(ids), length, marks=part.marks[MARK * start : MARK * end])


class Late:
    """The steps after the cache, in their order. `now` is the clock in ms."""

    def __init__(self, items: Items, exploring: Exploring, now: Callable[[], int]) -> None:
        self._items, self._exploring, self._now = items, exploring, now

    def onward(self, query: Query, ranked: Ranked, rules: InForce, seed: int) -> tuple[Query, Ranked]:
        """Query and list for a page that follows others: as they are, if those pages would show now what they have `shown`;
        else the list goes on, as it is ranked, with what they have not."""
        explore = self._exploring.explores(query, seed)
        before = msgspec.structs.replace(query, offset=0, n=query.offset, explore=explore)
        if self.page(before, ranked, rules, seed).marks == query.shown:
            return msgspec.structs.replace(query, shown=b""), ranked
        gone = self._late(ranked.upto(ranked.length), query, rules)
        ranked, start = continued(ranked, query.shown, gone)
        return msgspec.structs.replace(query, offset=start, explore=False), ranked

    def page(self, query: Query, ranked: Ranked, rules: InForce, seed: int) -> Page:
        """The page that a query asks for, of the list as it may be shown now; what is drawn of it is drawn by `seed`."""
        start, end = query.offset, query.offset + query.n
        if self._exploring.explores(query, seed):
            return self._drawn(query, ranked, rules, seed)
        part = ranked.upto(end)
        page = Page.of(part, start, end, ranked.length)
        if not self._refused(page.shown if start == 0 else ids_of(part.cut(0, end)[0]), query, rules):
            return page
        whole = ranked.upto(ranked.length)
        late = self._late(whole, query, rules)
        left, _ = _arranged(whole, late, ranked.pins)
        page = Page.of(left, start, end, len(left))
        page.late = late
        return page

    def again(self, query: Query, ranked: Ranked, slate: ServedSlate, items: Items) -> Page:
        """The page of a slate, of its list that was made again, on the items of then."""
        if query.shown:
            ranked, _ = continued(ranked, query.shown, slate.late)
        left, fixed = _arranged(ranked.upto(ranked.length), slate.late, ranked.pins)
        if slate.explored is None:
            return Page.of(left, query.offset, query.offset + query.n, len(left))
        turn = self._exploring.again(query, left, slate.seed, slate.explored, items, fixed=fixed)
        return Page(turn.ids, turn.items, turn.shown, len(left))

    def interleaved(
        self,
        query: Query,
        lists: tuple[Ranked, Ranked],
        rules: tuple[InForce, InForce],
        method: InterleavingMethod,
        seed: int,
    ) -> Page:
        """The page of a query that sees two lists in one, each as it may be shown now under its own rules."""
        first, second = (self._side(query, *each) for each in zip(lists, rules, strict=True))
        return self._merged(query, (first, second), method, self._items, seed)

    def interleaved_again(
        self, query: Query, lists: tuple[Ranked, Ranked], slate: ServedSlate, made: Interleaved, items: Items
    ) -> Page:
        """The same of a slate, of its lists that were made again, on the items of then."""
        first, second = (_side(each, late) for each, late in zip(lists, (slate.late, made.late), strict=True))
        return self._merged(query, (first, second), made.method, items, slate.seed)

    def _side(self, query: Query, ranked: Ranked, rules: InForce) -> Side:
        return _side(ranked, self._late(ranked.upto(ranked.length), query, rules))

    def _merged(self, query: Query, sides: tuple[Side, Side], method: InterleavingMethod, items: Items, seed: int) -> Page:
        surface = self._exploring.surface(query)
        found, length = both(query, sides, method, surface, items, seed), max(len(side.part) for side in sides)
        late, beside = list(sides[0].late), sides[1]
        return Page(
            found.ids, found.items, found.shown, length, late, found.propensities, shares=found.shares, beside=beside
        )

    def _drawn(self, query: Query, ranked: Ranked, rules: InForce, seed: int) -> Page:
        """The page of which something is drawn, from the list as it may be shown now; pinned items stay where they are."""
        whole = ranked.upto(ranked.length if ranked.pins else max(query.offset + query.n, REACH))
        late = self._late(whole, query, rules)
        left, fixed = _arranged(whole, late, ranked.pins)
        gone = len(set(ids_of(whole.cut(0, REACH)[0])).intersection(late)) if late else 0
        turn = self._exploring.page(query, left, seed, gone=gone, fixed=fixed)
        length = ranked.length - len(late)
        return Page(turn.ids, turn.items, turn.shown, length, late, turn.propensities, turn.explored)

    def _late(self, whole: Part, query: Query, rules: InForce) -> list[str]:
        """Which items of the list may not be shown any more, in its order."""
        ids = ids_of(whole.ids)
        refused = self._refused(ids, query, rules)
        return [item_id for item_id in ids if item_id in refused] if refused else []

    def _refused(self, ids: list[str], query: Query, rules: InForce) -> Collection[str]:
        """Those of the items that may not be shown any more: denied, or refused by a filter that needs no user."""
        denied = self._items.denied
        refused = denied.intersection(ids) if denied else set[str]()
        if rules.late:
            passes = passing(rules.late, Seen(self._items, self._now(), query.context or {}))
            rows = [self._items.number(item_id) for item_id in ids]
            refused |= {item_id for item_id, row in zip(ids, rows, strict=True) if row < 0 or not passes[row]}
        return refused


def _side(ranked: Ranked, late: Sequence[str]) -> Side:
    """A list without what came to be refused, and with its pins."""
    left, fixed = _arranged(ranked.upto(ranked.length), late, ranked.pins)
    ids = ids_of(left.ids) if fixed else []
    return Side(left, {place: ids[place] for place in fixed}, late)


def _arranged(whole: Part, late: Sequence[str], pins: Sequence[tuple[int, str]]) -> tuple[Part, list[int]]:
    """The list without the items that came to be refused, the pinned ones still at their slots, and the places of these."""
    gone, pinned = set(late), {item_id for _, item_id in pins}
    if not late:
        return whole, [place for place, item_id in enumerate(ids_of(whole.ids)) if item_id in pinned] if pins else []
    items = put_at_slots([item for item in items_of(whole.items) if item.item_id not in gone], pins)
    return part_of(items), [place for place, item in enumerate(items) if item.item_id in pinned]
