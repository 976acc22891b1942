"""The nouns of honeyguide. Everything that crosses a folder's border is one of these.

Times are integers: milliseconds since 1970-01-01 UTC. Ids are opaque strings of 1-256 bytes of UTF-8.
Rows of the log are `LogRow`; histories and interactions for models are arrays.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from honeyguide.types.arms import INTERLEAVED, Assigned, HashVersion, InterleavingMethod, Unit, Why, label_of
from honeyguide.types.shared import (
    Invalidation,
    Noted,
    Pulled,
    SharedKey,
    SharedRead,
    SharedWrite,
    TokenChange,
    Tokens,
)

__all__ = [
    "INTERLEAVED",
    "Assigned",
    "HashVersion",
    "InterleavingMethod",
    "Invalidation",
    "Noted",
    "Pulled",
    "SharedKey",
    "SharedRead",
    "SharedWrite",
    "TokenChange",
    "Tokens",
    "Unit",
    "Why",
    "label_of",
]

IntArray = NDArray[np.int32]
LongArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Json = dict[str, Any]

LIVE: Final = "live"
"""Popularity counted straight from the log, served while nothing is trained, is the version `live@<sequence>`."""

MAX_ID_BYTES: Final = 256
MAX_BATCH: Final = 1_000
MAX_N: Final = 500

RowKind = Literal["event", "item_put", "item_patch", "item_delete", "user_put", "user_patch", "user_merge", "user_delete"]
ServedFrom = Literal["l1", "l2", "computed", "stale", "stale-error", "fallback"]
Rung = Literal["personal", "session", "similar", "segment", "interests", "popular", "disk"]


def id_fault(value: str) -> str | None:
    """What is wrong with an id, with its cure; None if nothing is. Ids are kept exactly, in case, space and form."""
    if len(value) <= 64 and value.isascii() and "\0" not in value and value:
        return None
    if not value:
        return "is empty; send 1 to 256 bytes"
    if "\0" in value:
        return "holds a NUL character; remove it"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode (a lone surrogate); send UTF-8 text"
    return f"has {size} bytes; an id has at most {MAX_ID_BYTES}" if size > MAX_ID_BYTES else None


class LogRow(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One row of the log: an event, or a change of an item or a user. The log is the truth; all else is derived.

    `event_id` is unique over the whole log. `ts` is when it happened by the sender's clock, `received_at` by ours;
    both are milliseconds. `payload` is JSON text: an event's properties, or an item's or user's fields.
    `imported` rows are history brought in later: point-in-time reads do not ask when they were received.
    """

    kind: RowKind = "event"
    event_id: str
    ts: int
    received_at: int
    user_id: str | None = None
    item_id: str | None = None
    type: str = ""
    value: float | None = None
    quantity: float | None = None
    session_id: str | None = None
    device_id: str | None = None
    surface: str | None = None
    request_id: str | None = None
    payload: str | None = None
    imported: bool = False
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """What one append did.

    `duplicates` are positions in the given rows whose `event_id` the log already held (or that stood twice in the batch);
    `erased` are positions of rows that a tombstone keeps out: their user was erased after they happened;
    `held` are the log positions of the rows that the duplicates are of, in the same order, 0 where that is gone;
    `sequence` is the log position that a reader must have reached to see all of it, duplicates included. Each row's own
    `sequence` is set when it was written, and 0 when it was not."""

    sequence: int
    accepted: int
    duplicates: tuple[int, ...] = ()
    erased: tuple[int, ...] = ()
    held: tuple[int, ...] = ()


class Item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An item as the tables hold it. `price` in the shop's currency; `created_at` in ms; `vector` is optional content."""

    item_id: str
    title: str = ""
    categories: tuple[str, ...] = ()
    price: float | None = None
    image_url: str | None = None
    url: str | None = None
    available: bool = True
    hidden: bool = False
    created_at: int | None = None
    deleted_at: int | None = None
    properties: Json = msgspec.field(default_factory=dict)
    vector: tuple[float, ...] | None = None
    sequence: int = 0


class User(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A user. `canonical_id` names the user that this id was merged into, if any."""

    user_id: str
    canonical_id: str | None = None
    properties: Json = msgspec.field(default_factory=dict)
    sequence: int = 0


class UserEvent(msgspec.Struct, frozen=True):
    """One event of a user's history, as the request path reads it."""

    item_id: str
    type: str
    ts: int
    value: float | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Folded:
    """What a user's features are read from: the states of all ids that the user goes by, and the events that came after.

    Together they are exact at log position `through`, which is that of the read unless very many events wait to be
    folded."""

    states: tuple[bytes, ...]
    tail: tuple[LogRow, ...]
    through: int


@dataclass(frozen=True, slots=True)
class FoldMark:
    """How far a background fold of the log has come. `generation` rises whenever what was folded is changed otherwise."""

    sequence: int
    generation: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """What features are read from, all of one moment: log position `as_of`.

    `users`: user id -> state with `folded`; `items`: item id -> encoded state, exact at log position `items_through`,
    which the fold reached at `items_at` (ms)."""

    as_of: int
    users: dict[str, "UserState"]
    items: dict[str, bytes]
    items_through: int
    items_at: int = 0


@dataclass(frozen=True, slots=True)
class UserState:
    """What is known of a user at log position `as_of`: attributes and the latest events, oldest first.

    `known` is False for an id that the log has never seen; `folded` is there if it was asked for."""

    user_id: str
    as_of: int
    events: tuple[UserEvent, ...] = ()
    properties: Json = field(default_factory=dict)
    known: bool = False
    folded: Folded | None = None


@dataclass(frozen=True, slots=True)
class Interactions:
    """Training data: row r says that user `users[r]` touched item `items[r]` at `ts[r]` with weight `weights[r]`.

    Rows are in log order (`ts`, then sequence). `users` int32 [r] < n_users, `items` int32 [r] < n_items,
    `weights` float32 [r] (below 0: a dislike), `ts` int64 [r] in ms. The same (user, item) may occur many times.
    `segments` int32 [n_users] gives each user's segment (0 = other) where segments are configured; `n_segments` >= 1.
    """

    users: IntArray
    items: IntArray
    weights: FloatArray
    ts: LongArray
    n_users: int
    n_items: int
    segments: IntArray | None = None
    n_segments: int = 1

    def only(self, rows: BoolArray) -> "Interactions":
        """Some of the rows, in their order, of the same users and items."""
        return replace(self, users=self.users[rows], items=self.items[rows], weights=self.weights[rows], ts=self.ts[rows])


@dataclass(frozen=True, slots=True)
class Histories:
    """A batch of histories in compressed rows: history h is `items[indptr[h]:indptr[h + 1]]`, oldest first.

    `items` int32 (the model's own item numbers), `weights` float32, `ts` int64 in ms, `indptr` int64 [h + 1];
    `now` is the moment of asking in ms (for decay). An item may occur more than once."""

    indptr: LongArray
    items: IntArray
    weights: FloatArray
    ts: LongArray
    now: int = 0

    def __len__(self) -> int:
        return len(self.indptr) - 1


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One immutable trained version: what it is, what it was trained on, how good it was."""

    model: str
    version: int
    created_at: int
    trained_through: int
    metrics: Json
    manifest: Json

    @property
    def label(self) -> str:
        """`ease@7`."""
        return f"{self.model}@{self.version}"


class ServedFeatures(msgspec.Struct, kw_only=True, gc=False):
    """Features that were known when a list was made: `user` by view, `items` by view, in the order of the slate's items.

    `at` and `items_at` are the moments (ms) of their windows and ages, `as_of` and `items_as_of` the log positions at which
    they are exact."""

    at: int
    as_of: int
    user: Json
    items_at: int
    items_as_of: int
    items: dict[str, list[float | None]]
    scores: list[float] = []


class FeatureCheck(msgspec.Struct, kw_only=True):
    """How the served features compare with the log: `views` has (compared, mismatches) of each, over the last looks.

    `sequence` is the number of the last slate that was looked at; `examples` are the latest mismatches."""

    sequence: int = 0
    checked_at: int = 0
    views: dict[str, tuple[int, int]] = msgspec.field(default_factory=dict)
    examples: list[Json] = msgspec.field(default_factory=list)


class Explored(msgspec.Struct, omit_defaults=True, gc=False):
    """How positions were drawn, for them to be drawn again: the whole list (`all`) or slots; `reach` places of the ranked
    list were candidates. For Thompson sampling, `clicks` of `seen` times are what was known of each of these."""

    how: Literal["all", "thompson", "softmax"]
    reach: int
    clicks: list[int] = msgspec.field(default_factory=list)
    seen: list[int] = msgspec.field(default_factory=list)


class ColumnsAt(msgspec.Struct, omit_defaults=True, gc=False):
    """Of which moment the feature views of items were that a list was made with: they hold all events up to log position
    `sequence`, with windows and ages of `computed_at` (ms); not `exact`: for some items later ones as well."""

    sequence: int
    computed_at: int
    exact: bool = True


class Interleaved(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Of a slate that is two lists in one: whose each position is, as the probability that it is that of the second arm
    (None: nobody's), and how the second list was made, as the slate says of the first."""

    arms: tuple[str, str]
    method: InterleavingMethod
    shares: list[float | None]
    model: str
    as_of: int
    computed_at: int
    degraded: list[str] = msgspec.field(default_factory=list)
    missed: list[str] = msgspec.field(default_factory=list)
    late: list[str] = msgspec.field(default_factory=list)
    rules: list[str] = msgspec.field(default_factory=list)
    given: dict[str, list[str]] = msgspec.field(default_factory=dict)
    columns: ColumnsAt | None = None

    def made(self) -> dict[str, Any]:
        """The fields of the slate that say how its list was made, for the second list."""
        own = ("arms", "method", "shares")
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in own}


class ServedSlate(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """A slate as logged: enough to say what was shown and to make the same list again.

    `items` in the order shown; `propensities` empty means 1.0 for each; the list was made at log position `as_of` and clock
    `computed_at`, without the sources `missed`; `late` was removed after the cache; `rules` (`name:revision`) were in force;
    `explored`: positions were drawn, by `seed`; `context` is the request, `given` what sources outside named;
    `columns` of which moment the feature views of items were, if it was made with any; `took`: how many microseconds.

    `assigned` are the arms of the running experiments that the request's units are in, `arm` their labels; `served_arm` is
    `arm` if the list was made as these arms say, empty if it could not be. `interleaved`: it is two arms' lists in one."""

    request_id: str
    ts: int
    user_id: str
    surface: str
    items: list[str]
    n: int
    served_from: str
    rung: str
    model: str
    as_of: int
    computed_at: int
    seed: int
    config: str
    arm: str = ""
    took: int = 0
    propensities: list[float] = msgspec.field(default_factory=list)
    degraded: list[str] = msgspec.field(default_factory=list)
    missed: list[str] = msgspec.field(default_factory=list)
    late: list[str] = msgspec.field(default_factory=list)
    rules: list[str] = msgspec.field(default_factory=list)
    context: Json = msgspec.field(default_factory=dict)
    features: ServedFeatures | None = None
    explored: Explored | None = None
    given: dict[str, list[str]] = msgspec.field(default_factory=dict)
    assigned: list[Assigned] = msgspec.field(default_factory=list)
    served_arm: str = ""
    columns: ColumnsAt | None = None
    interleaved: Interleaved | None = None


@dataclass(frozen=True, slots=True)
class Expired:
    """What one look at the oldest events has removed; `through` is where the next look begins, `more` whether it may find
    something."""

    removed: int
    through: int
    more: bool


@dataclass(frozen=True, slots=True)
class SlatesLogged:
    """What became of a group of slates: stored (with those that had waited), waiting in the spool, lost for good."""

    stored: int = 0
    spooled: int = 0
    lost: int = 0


class Job(msgspec.Struct, kw_only=True):
    """A long-running action. `state`: queued, running, succeeded, failed, cancelled. `progress` 0-1.

    `worker` is the process that runs it, last heard of at `seen_at` by the database's clock; `cancel` asks it to end."""

    job_id: str
    kind: str
    state: str
    created_at: int
    started_at: int | None = None
    finished_at: int | None = None
    progress: float = 0.0
    message: str = ""
    params: Json = msgspec.field(default_factory=dict)
    result: Json = msgspec.field(default_factory=dict)
    worker: str | None = None
    seen_at: int | None = None
    cancel: bool = False

    @property
    def attempts(self) -> int:
        """How often it was taken up so far; noted as its result until it has one."""
        found = self.result.get("attempts", 0)
        return found if isinstance(found, int) else 0


ProcessRole = Literal["api", "alone", "worker"]
"""What a process does: `api` answers and shares its tokens with others, `alone` answers and must be the only one,
`worker` runs background jobs."""


class Process(msgspec.Struct, kw_only=True):
    """A running process of honeyguide. `silent` are the seconds since it was last heard of, by the database's clock."""

    process_id: str
    role: ProcessRole
    host: str
    pid: int
    port: int | None = None
    release: str
    started_at: int
    silent: float = 0.0


class Leadership(msgspec.Struct, kw_only=True):
    """Who holds a lease, and for how many seconds more, by the database's clock; 0 or less: it has run out."""

    holder: str
    left: float


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that an idempotency key got; `body_hash` tells whether the same key comes with another request."""

    body_hash: str
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What one source found: `rows` int32 of the item block, best first, each once, and their `scores` float32 in the
    source's own measure (higher is better), None where it has only an order."""

    rows: IntArray
    scores: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, places: NDArray[Any]) -> "Found":
        """Only these places of the list (numbers or a mask), in this order."""
        return Found(self.rows[places], None if self.scores is None else self.scores[places])


NOTHING: Final = Found(np.empty(0, np.int32))
"""What a source returns that has nothing to say."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates as arrays: one row per item, one column per source.

    `items` int32 [m] are numbers of the item block, each once; `ranks` float32 [m, s] is the item's place in each source's
    list (0 is best), `scores` float32 [m, s] what it scored there; NaN where the source did not have it, or has no scores.
    `sources` names the columns."""

    items: IntArray
    ranks: FloatArray
    scores: FloatArray
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[Any]) -> "Pool":
        """The same pool with only these rows (numbers or a mask), in this order."""
        return Pool(self.items[rows], self.ranks[rows], self.scores[rows], self.sources)
