"""The ranked list as the cache keeps it, and the answer as a caller gets it. Both hold encoded items.

An item is turned into JSON once, when its list is made; serving it again cuts a piece out of that text.
"""

import struct
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np

from honeyguide.messages import Slate, SlateItem
from honeyguide.ranking.rules import put_at_slots
from honeyguide.recommend.pages import MARK, mark_of, marks_of, order_after, split
from honeyguide.types import ColumnsAt, Json, Rung, ServedFrom

FORMAT = 6
"""Of the bytes that the cache holds; another release that reads others has another number."""
SHORT, LONG = 100, 600
_HEAD = 20
_END = 4  # bytes
_SHORT_SERVES = 80  # the rest of a short list is the reserve for late filters


def bucket_for(length: int) -> int:
    """The length of the list to make and keep for a request that reaches `length` items: one of two, never `n` itself."""
    return SHORT if length <= _SHORT_SERVES else LONG


class Part(msgspec.Struct, array_like=True, gc=False):
    """Consecutive items as JSON text: `ids` and `items` are joined by commas, the ends (uint32, little endian) say where
    each stops, `marks` are those of a cursor. A page of them is cut out of the text; nothing is decoded to be served."""

    ids: bytes
    items: bytes
    id_ends: bytes
    item_ends: bytes
    marks: bytes

    def __len__(self) -> int:
        return len(self.id_ends) // _END

    def cut(self, start: int, end: int) -> tuple[bytes, bytes]:
        """Ids and items from `start` up to `end` as comma-separated JSON."""
        end = min(end, len(self.id_ends) // _END)
        if start >= end:
            return b"", b""
        first_id, first_item = (_at(self.id_ends, start) + 1, _at(self.item_ends, start) + 1) if start else (0, 0)
        return self.ids[first_id : _at(self.id_ends, end)], self.items[first_item : _at(self.item_ends, end)]

    def picked(self, places: Sequence[int]) -> tuple[list[bytes], list[bytes]]:
        """The ids and the items at these places, in this order, each a text of its own."""
        return _each(self.ids, self.id_ends, places), _each(self.items, self.item_ends, places)

    def joined(self, other: "Part") -> "Part":
        """These items and then the others; neither is empty."""
        return Part(
            b"%b,%b" % (self.ids, other.ids),
            b"%b,%b" % (self.items, other.items),
            self.id_ends + _moved(other.id_ends, len(self.ids) + 1),
            self.item_ends + _moved(other.item_ends, len(self.items) + 1),
            self.marks + other.marks,
        )


def _at(ends: bytes, place: int) -> int:
    """Where the item before `place` ends."""
    return int.from_bytes(ends[_END * place - _END : _END * place], "little")


def _each(text: bytes, ends: bytes, places: Sequence[int]) -> list[bytes]:
    at = struct.unpack(f"<{len(ends) // _END}I", ends)
    return [text[at[place - 1] + 1 if place else 0 : at[place]] for place in places]


def _moved(ends: bytes, by: int) -> bytes:
    return (np.frombuffer(ends, "<u4") + np.uint32(by)).tobytes()


class Ranked(msgspec.Struct, array_like=True, gc=False):
    """A list before late filters: `head` are its first items, `tail` the others, packed since few answers need them.

    `computed_at`, `as_of`, `model`, `missed`, `given` are what a replay needs to make it again; `lineup` names the versions
    that served when it was made, `rules` those in force then (`name:revision`), `pins` (slot, item id) are in their places,
    and stay there where items before them come to be taken out. `columns`: those of items' views, if it looked at any. `arm`
    are the labels of the arms that it was made as."""

    head: Part
    tail: msgspec.Raw
    length: int
    as_of: int
    computed_at: int
    model: str
    lineup: str
    rung: Rung
    degraded: list[str]
    missed: list[str]
    given: dict[str, list[str]] = msgspec.field(default_factory=dict)
    rules: list[str] = []
    pins: list[tuple[int, str]] = []
    empty_because: str = ""
    columns: ColumnsAt | None = None
    arm: str = ""

    def upto(self, end: int) -> Part:
        """At least the first `end` items, all if there are fewer."""
        size = len(self.head)
        return self.head if end <= size or self.length == size else self.head.joined(_parts.decode(self.tail))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Ranked)
_parts = msgspec.msgpack.Decoder(Part)
_json = msgspec.json.Encoder()
_ids = msgspec.json.Decoder(list[str])
_items = msgspec.json.Decoder(list[SlateItem])


def pack(items: Sequence[SlateItem], *, pins: Sequence[tuple[int, str]] = (), **made: Any) -> Ranked:
    """A list of items, pinned ones at their slots, with how it was `made` (the other fields of `Ranked`)."""
    if pins:
        items = put_at_slots(items, pins)
    for rank, item in enumerate(items, start=1):
        item.rank = rank
    tail = msgspec.Raw(_encoder.encode(_part(items[_HEAD:])))
    return Ranked(head=_part(items[:_HEAD]), tail=tail, length=len(items), pins=list(pins), **made)


def continued(ranked: Ranked, shown: bytes, gone: Collection[str]) -> tuple[Ranked, int]:
    """The list as one that goes on where earlier pages ended, though it may have been made anew since: what they have
    `shown` (marks) comes first, then all else in its order, with what is pinned further down at its slots. And where the
    next page begins, once the items that are `gone` are out."""
    places = len(shown) // MARK
    if not gone and ranked.upto(places).marks[: len(shown)] == shown:
        return ranked, places
    items = items_of(ranked.upto(ranked.length).items)
    order, start = order_after([item.item_id for item in items], shown)
    items = [items[place] for place in order]
    start -= sum(item.item_id in gone for item in items[:start])
    there = set(split(shown))
    pins = [
        (slot - places + start, item_id) for slot, item_id in ranked.pins if slot > places and mark_of(item_id) not in there
    ]
    made = {name: getattr(ranked, name) for name in _MADE}
    return pack(items, pins=pins, **made), start


def _part(items: Sequence[SlateItem]) -> Part:
    ids, texts = [_json.encode(item.item_id) for item in items], [_json.encode(item) for item in items]
    marks = marks_of([item.item_id for item in items])
    return Part(b",".join(ids), b",".join(texts), _ends(ids), _ends(texts), marks)


def _ends(texts: Sequence[bytes]) -> bytes:
    """Where each text ends when they are joined by commas."""
    return struct.pack(f"<{len(texts)}I", *[end + place for place, end in enumerate(accumulate(map(len, texts)))])


def encode(ranked: Ranked) -> bytes:
    """The bytes that the cache holds."""
    return _encoder.encode(ranked)


def decode(payload: bytes) -> Ranked:
    """The list again; raises msgspec.DecodeError on bytes that are not one."""
    return _decoder.decode(payload)


def ids_of(text: bytes) -> list[str]:
    """The ids in comma-separated JSON."""
    return _ids.decode(b"[%b]" % text)


def items_of(text: bytes) -> list[SlateItem]:
    """The items in comma-separated JSON."""
    return _items.decode(b"[%b]" % text)


def part_of(items: Sequence[SlateItem]) -> Part:
    """Items as they stand now, with ranks that say so."""
    for rank, item in enumerate(items, start=1):
        item.rank = rank
    return _part(items)


class Served(msgspec.Struct, gc=False):
    """The answer to one query, still encoded: `ids` and `items` are comma-separated JSON, in order."""

    request_id: str
    user_id: str
    surface: str
    ids: bytes
    items: bytes
    served_from: ServedFrom
    stale: bool
    as_of: int
    model: str
    rung: Rung
    degraded: list[str]
    next_cursor: str | None
    unknown: list[str]
    empty_because: str | None = None
    trace: Json | None = None
    stages: dict[str, float] | None = None

    @property
    def cached(self) -> bool:
        """Whether the list was there before the request."""
        return self.served_from in ("l1", "l2", "stale", "stale-error")

    def slate(self) -> Slate:
        """The answer as an object."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _SLATE_FIELDS}
        return Slate(items=items_of(self.items), cached=self.cached, **fields)


_MADE = tuple(name for name in Ranked.__struct_fields__ if name not in ("head", "tail", "length", "pins"))
_SLATE_FIELDS = (
    "request_id", "user_id", "surface", "served_from", "stale", "as_of", "model", "rung", "degraded", "next_cursor",
    "empty_because", "trace", "unknown",
)  # fmt: skip
