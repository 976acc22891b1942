"""Recommendations and slates on the wire."""

from typing import Literal

import msgspec

from honeyguide.api.wire.base import In, Moment
from honeyguide.messages import Filters, Query, SessionEvent, Slate
from honeyguide.types import Assigned, Json, Rung, ServedFrom


class SimpleParams(In):
    """Parameters of the simple request."""

    user_id: str
    n: int = 10
    model_name: str | None = None


class SimpleIn(In):
    """The simple request as a body. `model_name` (an alias, or name@version) needs the scope admin."""

    user_id: str
    n: int = 10
    filters: Filters | str | None = None
    model_name: str | None = None


class SimpleSlate(msgspec.Struct):
    """The simple answer: ids, best first."""

    user_id: str
    items: list[str]
    cached: bool
    request_id: str


class SimpleWire(msgspec.Struct):
    """`SimpleSlate` with its ids already encoded."""

    user_id: str
    items: msgspec.Raw
    cached: bool
    request_id: str


class SimpleItem(msgspec.Struct):
    """An item of the simple answer with why it is there, as a sentence."""

    item_id: str
    score: float
    reason: str


class SimpleRanked(msgspec.Struct):
    """The simple answer to a body: ids, and the same items with scores and reasons."""

    user_id: str
    items: list[str]
    cached: bool
    request_id: str
    recommendations: list[SimpleItem]
    model_used: str


class RecommendIn(Query, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request for a list.

    `item_id` is the anchor of a `similar` surface. `candidates` limits the answer to these items (to rank a given list);
    `exclude` leaves items out. `personalised=false` uses and stores no history. `cursor` asks for the page after the one
    that gave it, of the same request. `events` (added to the user's history for this request only), `model` (an alias,
    or name@version), `recipe` (fields of the surface to change), `seed` (draw with it instead of the request's own) and
    `dry_run` (no cache, no exposure, no slate), `arms` (experiment -> the arm to look at) need the scope admin.
    `explore=false` serves the list as it is ranked, with nothing drawn. `session_id` and `device_id` are what experiments on
    sessions and devices put into arms.
    """

    cursor: str | None = None


class RecommendParams(In):
    """The same as parameters."""

    user_id: str = ""
    n: int = 10
    surface: str = "home"
    item_id: str | None = None
    category: list[str] | None = None
    exclude_category: list[str] | None = None
    price_min: float | None = None
    price_max: float | None = None
    filter: str | None = None
    candidates: list[str] | None = None
    exclude: list[str] | None = None
    model: str | None = None
    personalised: bool = True
    dry_run: bool = False
    explain: bool = False
    explore: bool = True
    cursor: str | None = None
    session_id: str | None = None
    device_id: str | None = None


class RankIn(In):
    """Items to put into the order for a user. `surface` is one whose recipe is `rank`."""

    items: list[str]
    user_id: str = ""
    surface: str = "rank"
    filters: Filters | None = None
    filter: str | None = None
    personalised: bool = True
    explain: bool = False
    context: Json | None = None


class SessionIn(In):
    """A list for a session of somebody without an id: nothing but `events` is known, and nothing is kept of them but the
    slate."""

    events: list[SessionEvent]
    n: int = 10
    surface: str = "home"
    filters: Filters | None = None
    filter: str | None = None
    item_id: str | None = None
    candidates: list[str] | None = None
    exclude: list[str] | None = None
    explain: bool = False
    context: Json | None = None
    session_id: str | None = None
    device_id: str | None = None


class ListParams(In):
    """Parameters of a list that is the same for all; `name` is in the path. `segment`: what such users like."""

    name: str
    n: int = 10
    category: list[str] | None = None
    exclude_category: list[str] | None = None
    price_min: float | None = None
    price_max: float | None = None
    filter: str | None = None
    segment: str | None = None
    exclude: list[str] | None = None
    explain: bool = False
    cursor: str | None = None


class SlateWire(msgspec.Struct, kw_only=True):
    """`messages.Slate` with its items already encoded."""

    request_id: str
    user_id: str
    surface: str
    items: msgspec.Raw
    served_from: ServedFrom
    cached: bool
    stale: bool
    as_of: int
    model: str
    rung: Rung
    degraded: list[str]
    next_cursor: str | None
    empty_because: str | None
    trace: Json | None
    unknown: list[str]


class BatchIn(In):
    """Up to 100 requests at once."""

    queries: list[RecommendIn]


class BatchOut(msgspec.Struct):
    """The lists in the order of the queries."""

    slates: list[Slate]


class BatchWire(msgspec.Struct):
    """`BatchOut` with its lists already encoded."""

    slates: list[msgspec.Raw]


class SimilarParams(In):
    """Parameters of the similar items; `item_id` is in the path."""

    item_id: str
    n: int = 10
    user_id: str = ""
    explain: bool = False
    cursor: str | None = None


class RequestParams(In):
    """A slate by the request id that it was served under."""

    request_id: str


class SlateRecord(msgspec.Struct, kw_only=True):
    """A slate as it was logged. `propensities` empty means 1 for each item; `late` was removed after the cache; `explored`
    says how positions were drawn: the whole list alike (`all`), some by `thompson` or `softmax`, or none. `assigned` are the
    arms of experiments that the request's units are in, `arm` their labels; `served_arm` is empty where the list could not
    be made as these say."""

    request_id: str
    served_at: Moment
    user_id: str
    surface: str
    items: list[str]
    n: int
    served_from: str
    rung: str
    model: str
    as_of: int
    computed_at: Moment
    seed: int
    config: str
    arm: str
    served_arm: str
    assigned: list[Assigned]
    propensities: list[float]
    explored: Literal["none", "all", "thompson", "softmax"]
    degraded: list[str]
    late: list[str]
    context: Json
