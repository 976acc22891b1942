"""What happens to a ranked list after the cache, for every request: the deny set, then the page is cut.

A list on which nothing happens stays encoded: its page is a piece of text, and only its ids are looked at.
"""

from dataclasses import dataclass, field

from honeyguide.messages import Query
from honeyguide.protocols import Items
from honeyguide.recommend.ranked import Part, Ranked, ids_of, without


@dataclass(slots=True)
class Page:
    """What is shown: `ids` and `items` are comma-separated JSON, `shown` the ids again; `late` are the items that were taken
    out after the cache, and `length` is how long the list is without them."""

    ids: bytes
    items: bytes
    shown: list[str]
    length: int
    late: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, part: Part, start: int, end: int, length: int) -> "Page":
        """The page from `start` up to `end` of a list."""
        ids, items = part.cut(start, end)
        return cls(ids, items, ids_of(ids), length)


class Late:
    """The steps after the cache, in their order."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def page(self, query: Query, ranked: Ranked) -> Page:
        """The page that a query asks for, of the list as it may be shown now."""
        start, end = query.offset, query.offset + query.n
        part = ranked.upto(end)
        page = Page.of(part, start, end, ranked.length)
        denied = self._items.denied
        if not denied or denied.isdisjoint(page.shown if start == 0 else ids_of(part.cut(0, end)[0])):
            return page
        whole = ranked.upto(ranked.length)
        left = without(whole, denied)
        page = Page.of(left, start, end, len(left))
        page.late = [item_id for item_id in ids_of(whole.ids) if item_id in denied]
        return page
