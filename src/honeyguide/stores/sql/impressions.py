"""What impressions say was seen."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from honeyguide.stores.conditions import BESIDE_HISTORY

IMPRESSIONS: Final = f"{BESIDE_HISTORY} AND kind = 'event' AND type = 'impression'"
"""Rows of a user that say which items were seen; found by the index `log_beside_history`."""


class _Seen(msgspec.Struct):
    items: list[Any] = []


_decoder = msgspec.json.Decoder(_Seen)


def items_seen(rows: Iterable[tuple[int, str | None]]) -> list[tuple[str, int]]:
    """The items in `properties.items` of (ts, payload), with their moments; who names only positions names none."""
    found: list[tuple[str, int]] = []
    for ts, payload in rows:
        try:
            seen = _decoder.decode(payload or "{}")
        except msgspec.DecodeError:
            continue
        found += [(item, ts) for item in seen.items if isinstance(item, str)]
    return found
