"""What is counted of the lists of an hour: sums, spreads and sketches that merge by addition."""

import base64
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from honeyguide.monitoring.quality.spread import Spread, united

TALLY: Final = "tally"
"""The name under which tallies stand among the figures."""
MISSING: Final = 10**6
"""The bin of values that are not there, in the spread of a feature."""


class Tally(msgspec.Struct, omit_defaults=True):
    """Counts of a slice of lists in a stretch of time; the tally of two stretches is the sum of theirs.

    `requests` are the lists served, `seen_lists` those that were looked at (all, unless sampled). Pairs of a list and an
    item: `shown` (`seen` of them by an impression, the others because nobody tells impressions there), `clicks`,
    `conversions`, with `revenue`. `lists` hold an item; sums over them end in `_sum`. `exposures` are how often each item
    was shown, `young` when each item that was then less than seven days old was made and first shown (ms)."""

    requests: int = 0
    seen_lists: int = 0
    shown: int = 0
    seen: int = 0
    clicks: int = 0
    conversions: int = 0
    carts: int = 0
    revenue: float = 0.0
    hits: int = 0
    fallbacks: int = 0
    degraded: int = 0
    cold_lists: int = 0
    lists: int = 0
    varied: int = 0
    diversity_sum: float = 0.0
    diversity_squares: float = 0.0
    entropy_sum: float = 0.0
    novelty_sum: float = 0.0
    novelty_squares: float = 0.0
    popularity_sum: float = 0.0
    consumed_sum: float = 0.0
    overlap_sum: float = 0.0
    overlap_pairs: int = 0
    tail_shown: int = 0
    cold_shown: int = 0
    new_shown: int = 0
    users: bytes = b""
    latency: Spread = {}
    age: Spread = {}
    lag: Spread = {}
    shown_at: dict[int, int] = {}
    clicked_at: dict[int, int] = {}
    exposures: dict[str, int] = {}
    young: dict[str, tuple[int, int]] = {}
    features: dict[str, Spread] = {}
    scores: dict[str, Spread] = {}
    predicted: dict[int, tuple[int, float, int]] = {}

    def merge(self, other: "Tally") -> None:
        """Add another one to this."""
        for name in self.__struct_fields__:
            add = _MERGED.get(name, _sum)
            setattr(self, name, add(getattr(self, name), getattr(other, name)))

    def encode(self) -> str:
        """As text, packed."""
        return base64.b64encode(zlib.compress(msgspec.msgpack.encode(self), 6)).decode()


_decode: Final = msgspec.msgpack.Decoder(Tally).decode


def decoded(text: str) -> Tally:
    """The tally of `Tally.encode`."""
    return _decode(zlib.decompress(base64.b64decode(text)))


def merged(tallies: Iterable[Tally]) -> Tally:
    """All of them as one."""
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole


def _sum(one: Any, other: Any) -> Any:
    if not isinstance(one, dict):
        return one + other
    small, large = (one, dict(other)) if len(one) < len(other) else (other, dict(one))
    for key, count in small.items():
        large[key] = large.get(key, 0) + count
    return large


def _spreads(one: dict[str, Spread], other: dict[str, Spread]) -> dict[str, Spread]:
    return {name: _sum(one.get(name, {}), other.get(name, {})) for name in {**one, **other}}


def _first_shown(one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    whole = {**one, **other}
    return whole | {item: min(one[item], other[item], key=lambda pair: pair[1]) for item in one.keys() & other.keys()}


def _places(
    one: dict[int, tuple[int, float, int]], other: dict[int, tuple[int, float, int]]
) -> dict[int, tuple[int, float, int]]:
    whole = {**one, **other}
    for key in one.keys() & other.keys():
        (n, p, y), (m, q, z) = one[key], other[key]
        whole[key] = (n + m, p + q, y + z)
    return whole


_MERGED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "users": united,
    "young": _first_shown,
    "features": _spreads,
    "scores": _spreads,
    "predicted": _places,
}
