"""The ranked list as the cache keeps it, and the answer as a caller gets it. Both hold encoded items.

An item is turned into JSON once, when its list is made; serving it again is a concatenation of bytes.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from honeyguide.messages import Slate, SlateItem
from honeyguide.types import Json, Rung, ServedFrom

SHORT, LONG = 100, 600
_HEAD = 20
_SHORT_SERVES = 80  # the rest of a short list is the reserve for late filters


def bucket_for(length: int) -> int:
    """The length of the list to make and keep for a request that reaches `length` items: one of two, never `n` itself."""
    return SHORT if length <= _SHORT_SERVES else LONG


class Ranked(msgspec.Struct, array_like=True):
    """A list before late filters: `head` are its first items, `tail` the others, packed since few answers need them.

    Each part is ids, best first, and one JSON fragment per id. `computed_at`, `as_of`, `model`, `missed` are what a replay
    needs to make it again."""

    head: "Part"
    tail: msgspec.Raw
    length: int
    as_of: int
    computed_at: int
    model: str
    rung: Rung
    degraded: list[str]
    missed: list[str]

    def upto(self, end: int) -> "Part":
        """At least the first `end` items, all if there are fewer."""
        if end <= len(self.head.ids) or self.length == len(self.head.ids):
            return self.head
        tail = _parts.decode(self.tail)
        return Part(self.head.ids + tail.ids, self.head.fragments + tail.fragments)


class Part(msgspec.Struct, array_like=True):
    """Ids and their JSON fragments, in order."""

    ids: list[str]
    fragments: list[bytes]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Ranked)
_parts = msgspec.msgpack.Decoder(Part)
_items = msgspec.json.Decoder(SlateItem)


def pack(items: Sequence[SlateItem], **made: Any) -> Ranked:
    """A list of items with how it was `made` (the other fields of `Ranked`)."""
    ids, fragments = [item.item_id for item in items], [msgspec.json.encode(item) for item in items]
    tail = msgspec.Raw(_encoder.encode(Part(ids[_HEAD:], fragments[_HEAD:])))
    return Ranked(head=Part(ids[:_HEAD], fragments[:_HEAD]), tail=tail, length=len(ids), **made)


def encode(ranked: Ranked) -> bytes:
    """The bytes that the cache holds."""
    return _encoder.encode(ranked)


def decode(payload: bytes) -> Ranked:
    """The list again; raises msgspec.DecodeError on bytes that are not one."""
    return _decoder.decode(payload)


def without(part: Part, removed: Collection[str]) -> Part:
    """The items that are not `removed`, ranks closed up."""
    items = [_items.decode(fragment) for fragment in part.fragments]
    items = [item for item in items if item.item_id not in removed]
    for rank, item in enumerate(items, start=1):
        item.rank = rank
    return Part([item.item_id for item in items], [msgspec.json.encode(item) for item in items])


class Served(msgspec.Struct):
    """The answer to one query, still encoded. `fragments` are JSON objects of `SlateItem`, in order."""

    request_id: str
    user_id: str
    surface: str
    ids: list[str]
    fragments: list[bytes]
    served_from: ServedFrom
    stale: bool
    as_of: int
    model: str
    rung: Rung
    degraded: list[str]
    next_cursor: str | None
    trace: Json | None = None
    stages: dict[str, float] | None = None

    @property
    def cached(self) -> bool:
        """Whether the list was there before the request."""
        return self.served_from in ("l1", "l2", "stale", "stale-error")

    def slate(self) -> Slate:
        """The answer as an object."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _SLATE_FIELDS}
        return Slate(items=[_items.decode(fragment) for fragment in self.fragments], cached=self.cached, **fields)


_SLATE_FIELDS = (
    "request_id", "user_id", "surface", "served_from", "stale", "as_of", "model", "rung", "degraded", "next_cursor", "trace",
)  # fmt: skip
