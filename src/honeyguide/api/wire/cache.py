"""The cache on the wire."""

from typing import Literal

import msgspec

from honeyguide.api.wire.base import In


class WhyParams(In):
    """Whose list, or which request's."""

    user_id: str | None = None
    surface: str = "home"
    n: int = 10
    request_id: str | None = None


class ClearIn(In):
    """What is to be cleared: the lists of a user, else all."""

    user_id: str | None = None


class ClearedOut(msgspec.Struct, kw_only=True):
    """What was cleared. `reach`: in this process only, since there is no other, or in all that share the cache."""

    cleared: Literal["everything", "user"]
    user_ids: list[str]
    reach: Literal["process", "all"]


class WarmIn(In):
    """Which lists are to be made: those that these users asked for lately or else their lists on `surface`; without ids,
    those of the `users` that were asked for most often."""

    users: int | None = None
    user_ids: list[str] | None = None
    surface: str = "home"


class TierOut(msgspec.Struct, kw_only=True):
    """One tier. `entries` and `bytes` are null where nobody can tell; `bound` is the most bytes, 0 for no bound.

    Look-ups by what came of them: `unverified` had to ask for tokens first. The rates are shares of all look-ups that had an
    end in this tier; null before the first."""

    tier: Literal["l1", "l2"]
    entries: int | None
    bytes: int | None
    bound: int
    hits: int
    stale: int
    misses: int
    unverified: int
    hit_rate: float | None
    stale_rate: float | None
    evictions: dict[str, int]
    unreadable: int


class MadeOut(msgspec.Struct, kw_only=True):
    """What was made: `computed` values, requests that were `coalesced` into another's computation, `refreshed` behind an
    answer, `refused` since something was invalidated meanwhile, `failed`, and those `warmed` before anybody asked."""

    computed: int
    coalesced: int
    refreshed: int
    refreshes_dropped: int
    refused: int
    failed: int
    old_served: int
    warmed: dict[str, int]
    invalidated: dict[str, int]


class SharedOut(msgspec.Struct, kw_only=True):
    """The shared tier: whether the process that answers hears from it, kinds of calls that are not made since it did not
    answer (`breakers_open`), seconds since it last told what was invalidated (null: never), and how long the oldest change
    that it was not told has waited. Bytes are of the whole server."""

    answers: bool
    breakers_open: list[str]
    silent_seconds: float | None
    invalidation_lag_seconds: float
    untold: int
    pulls: dict[str, int]
    leases: dict[str, int]


class CacheOut(msgspec.Struct, kw_only=True):
    """The cache of finished lists. Figures are sums over the `processes` that share this port, since they started."""

    processes: int
    host: str
    pid: int
    tiers: list[TierOut]
    made: MadeOut
    shared: SharedOut | None
