"""Ids for rows that bring none: what a row says, and the how-manieth it is among rows that say the same.

The same file then gives the same ids, however often it is read and wherever an import was killed, and rows that are
identical and real still count one by one (design promise 2). Ids begin with the time, so that rows of a file in time
order are also in order in the index of ids.
"""

from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.ingest.validate import encode_json
from honeyguide.messages import EventIn

Keys = NDArray[np.uint64]
Counts = NDArray[np.uint32]

_DIGEST_BYTES: Final = 12


def digest_of(event: EventIn) -> bytes:
    """96 bits of what the event says, but for its time and id."""
    said = (
        event.type,
        event.user_id,
        event.item_id,
        event.value,
        event.quantity,
        event.session_id,
        event.device_id,
        event.surface,
        event.request_id,
        event.properties,
    )
    return blake2b(encode_json(said), digest_size=_DIGEST_BYTES).digest()


def event_id(ts: int, digest: bytes, ordinal: int) -> str:
    """The id of the `ordinal`-th event (from 0) among those with this time and digest."""
    first = f"{ts:012x}-{digest.hex()}"
    return f"{first}-{ordinal}" if ordinal else first


def key_of(ts: int, digest: bytes) -> int:
    """64 bits that stand for time and digest in `Ordinals`."""
    return (int.from_bytes(digest[:8], "little") ^ (ts * 0x9E3779B97F4A7C15)) & 0xFFFFFFFFFFFFFFFF


class Ordinals:
    """Counts occurrences of keys in 12 bytes per distinct key, a batch at a time.

    Kept are sorted runs of (keys, counts) with no key in two of them, merged when they have grown alike, as in a
    log-structured merge tree: a batch is looked up in a handful of runs, and a key is moved log2(batches) times in all.
    Two rows that share their 64 bits by chance only get a higher ordinal, always the same one: their ids still differ."""

    def __init__(self) -> None:
        self._runs: list[tuple[Keys, Counts]] = []

    def take(self, keys: list[int]) -> list[int]:
        """How often each key has been taken before, in earlier calls or earlier in this list; takes them."""
        batch = np.array(keys, dtype=np.uint64)
        order = np.argsort(batch, kind="stable")
        distinct, starts, counts = np.unique(batch[order], return_index=True, return_counts=True)
        within = np.arange(len(batch)) - np.repeat(starts, counts)
        ordinals = np.empty(len(batch), dtype=np.int64)
        ordinals[order] = within + np.repeat(self._add(distinct, counts.astype(np.uint32)), counts)
        return [int(ordinal) for ordinal in ordinals]

    def _add(self, keys: Keys, counts: Counts) -> Counts:
        """Add to the counts of `keys`, which are sorted and distinct; returns what they were."""
        before = np.zeros(len(keys), dtype=np.uint32)
        new = np.ones(len(keys), dtype=np.bool_)
        for run, totals in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            here = run[at] == keys
            before[here] = totals[at[here]]
            totals[at[here]] += counts[here]
            new &= ~here
        if new.any():
            self._runs.append((keys[new], counts[new]))
            while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
                self._merge_last()
        return before

    def _merge_last(self) -> None:
        (young, young_counts), (old, old_counts) = self._runs.pop(), self._runs.pop()
        keys = np.concatenate([old, young])
        order = np.argsort(keys, kind="stable")
        self._runs.append((keys[order], np.concatenate([old_counts, young_counts])[order]))
