"""The ranked list as the cache keeps it, and the answer as a caller gets it. Both hold encoded items.

An item is turned into JSON once, when its list is made; serving it again is a concatenation of bytes.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from honeyguide.messages import Slate, SlateItem
from honeyguide.types import Json, Rung, ServedFrom

SHORT, LONG = 100, 600
_SHORT_SERVES = 80  # the rest of a short list is the reserve for late filters


def bucket_for(length: int) -> int:
    """The length of the list to make and keep for a request that reaches `length` items: one of two, never `n` itself."""
    return SHORT if length <= _SHORT_SERVES else LONG


class Ranked(msgspec.Struct, array_like=True):
    """A list before late filters: `ids` best first, one JSON `fragments` entry per id, and how it was made.

    `computed_at`, `as_of`, `model` and `missed` are what a replay needs to make it again."""

    ids: list[str]
    fragments: list[bytes]
    as_of: int
    computed_at: int
    model: str
    rung: Rung
    degraded: list[str]
    missed: list[str]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Ranked)
_items = msgspec.json.Decoder(SlateItem)


def encode(ranked: Ranked) -> bytes:
    """The bytes that the cache holds."""
    return _encoder.encode(ranked)


def decode(payload: bytes) -> Ranked:
    """The list again; raises msgspec.DecodeError on bytes that are not one."""
    return _decoder.decode(payload)


def renumbered(ids: list[str], fragments: list[bytes], removed: Collection[str]) -> tuple[list[str], list[bytes]]:
    """The list without the `removed` items, ranks closed up."""
    kept = [(item_id, fragment) for item_id, fragment in zip(ids, fragments, strict=True) if item_id not in removed]
    items = [_items.decode(fragment) for _, fragment in kept]
    for rank, item in enumerate(items, start=1):
        item.rank = rank
    return [item_id for item_id, _ in kept], [msgspec.json.encode(item) for item in items]


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
