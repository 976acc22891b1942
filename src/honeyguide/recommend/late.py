"""What happens to a ranked list after the cache, for every request: the deny set, exploration, then the page is cut.

A list on which nothing happens stays encoded: its page is a piece of text, and only its ids are looked at.
"""

from dataclasses import dataclass, field

import msgspec

from honeyguide.messages import Query
from honeyguide.protocols import Items
from honeyguide.recommend.exploring import REACH, Exploring
from honeyguide.recommend.pages import MARK, marks_of
from honeyguide.recommend.ranked import Part, Ranked, continued, ids_of, without
from honeyguide.types import Explored, ServedSlate


@dataclass(slots=True)
class Page:
    """What is shown: `ids` and `items` are comma-separated JSON, `shown` the ids again, `marks` those of a cursor; `late`
    are the items that were taken out after the cache, and `length` is how long the list is without them. Of a list of which
    something was drawn: `explored`, and the propensity of each that is shown."""

    ids: bytes
    items: bytes
    shown: list[str]
    length: int
    late: list[str] = field(default_factory=list)
    propensities: list[float] = field(default_factory=list)
    explored: Explored | None = None
    marks: bytes = b""

    def __post_init__(self) -> None:
        self.marks = self.marks or marks_of(self.shown)

    @classmethod
    def of(cls, part: Part, start: int, end: int, length: int) -> "Page":
        """The page from `start` up to `end` of a list."""
        ids, items = part.cut(start, end)
        return cls(ids, items, ids_of(ids), length, marks=part.marks[MARK * start : MARK * end])


class Late:
    """The steps after the cache, in their order."""

    def __init__(self, items: Items, exploring: Exploring) -> None:
        self._items, self._exploring = items, exploring

    def onward(self, query: Query, ranked: Ranked, seed: int) -> tuple[Query, Ranked]:
        """Query and list for a page that follows others: as they are, if those pages would show now what they have `shown`;
        else the list goes on, as it is ranked, with what they have not."""
        explore = self._exploring.explores(query, seed)
        before = msgspec.structs.replace(query, offset=0, n=query.offset, explore=explore)
        if self.page(before, ranked, seed).marks == query.shown:
            return msgspec.structs.replace(query, shown=b""), ranked
        ranked, start = continued(ranked, query.shown, self._items.denied)
        return msgspec.structs.replace(query, offset=start, explore=False), ranked

    def page(self, query: Query, ranked: Ranked, seed: int) -> Page:
        """The page that a query asks for, of the list as it may be shown now; what is drawn of it is drawn by `seed`."""
        start, end = query.offset, query.offset + query.n
        if self._exploring.explores(query, seed):
            return self._drawn(query, ranked, seed)
        part = ranked.upto(end)
        page = Page.of(part, start, end, ranked.length)
        denied = self._items.denied
        if not denied or denied.isdisjoint(page.shown if start == 0 else ids_of(part.cut(0, end)[0])):
            return page
        left, late = self._allowed(ranked.upto(ranked.length))
        page = Page.of(left, start, end, len(left))
        page.late = late
        return page

    def again(self, query: Query, ranked: Ranked, slate: ServedSlate, items: Items) -> Page:
        """The page of a slate, of its list that was made again, on the items of then."""
        if query.shown:
            ranked, _ = continued(ranked, query.shown, ())
        whole, late = ranked.upto(ranked.length), set(slate.late)
        left = without(whole, late) if late else whole
        if slate.explored is None:
            return Page.of(left, query.offset, query.offset + query.n, len(left))
        turn = self._exploring.again(query, left, slate.seed, slate.explored, items)
        return Page(turn.ids, turn.items, turn.shown, len(left))

    def _allowed(self, whole: Part) -> tuple[Part, list[str]]:
        """The list without what may not be shown any more, and which items that took out."""
        denied = self._items.denied
        late = [item_id for item_id in ids_of(whole.ids) if item_id in denied] if denied else []
        return (without(whole, denied) if late else whole), late

    def _drawn(self, query: Query, ranked: Ranked, seed: int) -> Page:
        """The page of which something is drawn, from the list as it may be shown now."""
        whole = ranked.upto(max(query.offset + query.n, REACH))
        left, late = self._allowed(whole)
        gone = len(set(ids_of(whole.cut(0, REACH)[0])).intersection(late)) if late else 0
        turn = self._exploring.page(query, left, seed, gone=gone)
        length = ranked.length - len(late)
        return Page(turn.ids, turn.items, turn.shown, length, late, turn.propensities, turn.explored)
