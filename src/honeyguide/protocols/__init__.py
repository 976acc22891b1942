"""Every seam on one page. A path or job receives these; `bootstrap.py` decides what stands behind them.

Online seams are async (a store may be across a network); offline ones are sync and may take their time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import polars as pl

from honeyguide.config.settings import Surface
from honeyguide.expressions import Expression
from honeyguide.messages import Query
from honeyguide.protocols.experiments import ExperimentTable
from honeyguide.protocols.features import FeatureStates, ItemFeatures, UserFeatures
from honeyguide.protocols.items import Companions, Content, Described, Items
from honeyguide.protocols.keys import IdempotencyKeys
from honeyguide.protocols.outcomes import OutcomeTable
from honeyguide.protocols.processes import Checkpoints, Heartbeats, JobTable, Leases
from honeyguide.protocols.quality import QualityTable
from honeyguide.protocols.rankers import Ranker
from honeyguide.protocols.rules import NO_RULES, InForce, RuleTable
from honeyguide.protocols.selection import Reranked, Selection
from honeyguide.protocols.shared import SharedCache
from honeyguide.pseudonyms import Pseudonyms
from honeyguide.types import (
    Appended,
    BoolArray,
    Expired,
    FloatArray,
    Found,
    Histories,
    IntArray,
    Interactions,
    Item,
    Json,
    LogRow,
    LongArray,
    ModelVersion,
    Pool,
    ServedSlate,
    SlatesLogged,
    User,
    UserState,
)

__all__ = [
    "Checkpoints",
    "Companions",
    "Content",
    "Described",
    "ExperimentTable",
    "FeatureStates",
    "Heartbeats",
    "IdempotencyKeys",
    "InForce",
    "ItemFeatures",
    "Items",
    "JobTable",
    "Leases",
    "OutcomeTable",
    "QualityTable",
    "Ranker",
    "Reranked",
    "RuleTable",
    "Selection",
    "SharedCache",
    "UserFeatures",
]


class EventLog(Protocol):
    """The log: the only truth. Appends are durable when they return."""

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        """Commit up to `MAX_BATCH` rows in one transaction with their derived rows; duplicates by `event_id` are left out.

        Rows that were written carry their `sequence` afterwards, the others 0. Concurrent appends share one commit
        (group commit). Raises `StorageFull`, `Unavailable`, `TooLarge` or (for a row that cannot be stored)
        `InvalidInput`, and then nothing of `rows` was kept."""

    async def position(self) -> int:
        """The sequence number of the last committed row; 0 for an empty log."""

    async def user_state(
        self, user_id: str, *, limit: int, until: int | None = None, features: str | None = None
    ) -> UserState:
        """Attributes and the latest `limit` item events of a user, following merges, in one snapshot.

        With `until`, as it was at that log position. Impressions are no history and are not in it. `features` names a
        group of feature states: what the user's features are read from comes along in the same round trip."""

    async def impressions(self, user_id: str, *, since: int, until: int, limit: int) -> list[tuple[str, int]]:
        """The items of the latest `limit` impressions of a user and of those merged with it, each with the moment (ms) in
        which it was seen: after `since` (ms), in rows up to log position `until`."""

    async def user_states(
        self, user_ids: Collection[str], *, limit: int, features: str | None = None
    ) -> dict[str, UserState]:
        """The same of many users now, all in one snapshot and one round trip."""

    async def rows_after(self, sequence: int, *, limit: int) -> list[LogRow]:
        """The next rows after a position, at most `limit` (up to 1,000), in log order: for who follows the log."""

    def scan(self, *, after: int = 0, until: int | None = None, limit: int | None = None) -> Iterator[list[LogRow]]:
        """All rows with after < sequence <= until in log order, in batches; each batch is one short read."""

    def happened(self, types: Collection[str], *, since: int, until: int) -> Iterator[list[LogRow]]:
        """Events of these types that happened at since <= ts < until (ms), in order of their time, in batches of one short
        read each."""

    def interactions(self, *, until: int | None = None) -> pl.DataFrame:
        """The history for training: columns `user_id`, `item_id`, `type`, `value`, `quantity`, `ts`, `sequence`.

        Events that name an item, merges followed, without impressions, ordered by (ts, sequence)."""

    def watch(self) -> "LogWatch":
        """A cheap way to notice that somebody else has committed."""


class LogWatch(Protocol):
    """Tells cheaply whether there may be something new: rows of the log, or another target of an alias."""

    async def changed(self) -> bool:
        """True at the first call after such a commit, by whomever, this process included; it may be True for others too."""


class CatalogueTable(Protocol):
    """The current items and users, derived from the log."""

    async def item(self, item_id: str) -> Item | None:
        """One item, deleted ones included; None if the log has never seen it."""

    async def items_by_id(self, item_ids: Collection[str]) -> list[Item]:
        """Those of the items that there are, deleted ones included, in order of first sight."""

    async def items(self, *, limit: int, after: str | None = None) -> list[Item]:
        """A page of items that are not deleted, in order of id, after the id `after`."""

    async def user(self, user_id: str) -> User | None:
        """One user, as stored (merges are not followed)."""

    async def users(self, *, limit: int, after: str | None = None) -> list[User]:
        """A page of users in order of id, after the id `after`."""

    async def person(self, user_id: str) -> list[User]:
        """All users that are one person with `user_id` now, the one that they go by last; empty if none has a row."""

    async def merged(self, user_ids: Collection[str]) -> dict[str, list[str]]:
        """For those of the users that were ever merged, either way: all other ids that are, or were, the same person."""

    def scan_items(self) -> Iterator[list[Item]]:
        """All items, deleted ones included, in order of first sight, in batches."""

    def item_ids(self) -> list[str]:
        """Ids of the items that are not deleted, in no order."""

    def item_at(self, item_id: str, sequence: int) -> Item | None:
        """The item as it was at a log position, folded from the log; None if it was not there yet."""

    def items_changed_after(self, sequence: int) -> list[str]:
        """Ids of the items that a row after `sequence` changed."""

    def user_segments(self, attributes: Sequence[str]) -> pl.DataFrame:
        """`user_id` and one text column per attribute (null where absent), merges followed."""

    def rebuild(self) -> None:
        """Throw the derived tables away and fold them again from the log."""


class SlateLog(Protocol):
    """The served slates, apart from the log: losable, appended in groups."""

    def append(self, slates: Sequence[ServedSlate]) -> SlatesLogged:
        """Commit a group; called off the request by one writer. While the database is away, what there is room for
        waits in a file and is stored by a later call; says how many were stored, wait, and are lost."""

    async def get(self, request_id: str) -> ServedSlate | None:
        """The slate of a request id."""

    def scan(self, *, after: int = 0) -> Iterator[list[tuple[int, ServedSlate]]]:
        """The stored slates after a number, each with its own, in the order in which they were stored, in batches of one
        short read each."""

    def latest(self, most: int) -> Iterator[list[ServedSlate]]:
        """The slates stored last, newest first, at most so many, in batches of one short read each."""

    def served(self, *, since: int, until: int) -> Iterator[list[ServedSlate]]:
        """The stored slates that were served at since <= ts < until (ms), in order of request id, in batches of one short
        read each."""

    def of_users(self, user_ids: Collection[str]) -> Iterator[list[ServedSlate]]:
        """The stored slates of these users, oldest first, in batches of one short read each. All slates are looked at."""

    def remove_users(self, users: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
        """Remove slates of users (id -> log position) made of what the log held up to there, those that wait included.

        In short steps; after each comes how many slates of which user it has removed."""

    def expire(self, before: int) -> int:
        """Remove some of the slates that were served before a moment (ms), the oldest; returns how many."""

    def scrub(self) -> bool:
        """See `People.scrub`, for the slates."""

    def position(self) -> int:
        """The number of the last stored slate; 0 if there is none."""

    def count(self) -> int:
        """How many slates are stored."""


class Registry(Protocol):
    """Model versions and the aliases that point at them."""

    def publish(self, version: ModelVersion) -> None:
        """Record a version whose artefact is complete on disk. Raises `Conflict` if (model, version) exists."""

    def next_version(self, model: str) -> int:
        """The number for a new version of `model`: never used before, also not by a version that was removed."""

    def versions(self, model: str | None = None) -> list[ModelVersion]:
        """All versions, newest first."""

    def version(self, model: str, version: int) -> ModelVersion:
        """One version; raises `NotFound`, naming those there are."""

    def aliases(self) -> dict[str, ModelVersion]:
        """What each alias points at."""

    def set_alias(self, alias: str, model: str, version: int) -> None:
        """Point an alias at a version, atomically. The previous target is kept for `rollback`."""

    def previous(self, alias: str) -> ModelVersion | None:
        """What the alias pointed at before."""

    def delete_alias(self, alias: str) -> None:
        """Remove an alias; raises `NotFound`."""

    def remove(self, model: str, version: int) -> None:
        """Forget a version; its number is never given again. Raises `Conflict` while an alias points at it."""


class People(Protocol):
    """What the tables hold of persons: told, and removed. Sync, in short steps: called off the event loop."""

    pseudonyms: Pseudonyms

    def held(self, user_ids: Sequence[str], *, until: int) -> Iterator[tuple[str, list[Json]]]:
        """(table, rows) of all that is held about these ids, in batches of one short read each; of the log up to `until`."""

    def bury(self, user_ids: Collection[str], at: int) -> int:
        """Set tombstones: from now on no append takes what these users did before `at` (ms). Returns the log position
        as of then: what is theirs up to it is of the time before."""

    def erase(self, user_ids: Sequence[str], *, until: int) -> Iterator[Mapping[str, int]]:
        """Remove all about these ids, of the log the rows up to `until`; of derived states, what is no feature.

        Each step is a transaction of a few milliseconds; then comes how many rows of which table it has removed. It may be
        broken off anywhere and begun again. At the end all tables are as `rebuild` would make them."""

    def expire(self, before: int, *, after: int) -> Expired:
        """Remove events that came in before a moment (ms), looking at a part of the log after position `after`.

        All else stays: items, users, and the newest row of the log, whose number is its position."""

    def scrub(self) -> bool:
        """Let nothing of what was removed stay in the files; False while readers leave no moment for it: ask again then."""


class Store(Protocol):
    """One project's storage: the parts share one database.

    `shared`: several servers may work on it at the same time, on one machine or on many."""

    shared: bool

    log: EventLog
    catalogue: CatalogueTable
    slates: SlateLog
    registry: Registry
    jobs: JobTable
    heartbeats: Heartbeats
    leases: Leases
    idempotency: IdempotencyKeys
    checkpoints: Checkpoints
    people: People
    features: FeatureStates
    rules: RuleTable
    experiments: ExperimentTable
    outcomes: OutcomeTable
    quality: QualityTable

    def hold(self, holder: str) -> AbstractContextManager[None]:
        """Be a server on this data; the only one unless `shared`, else raises `DataDirectoryBusy`, saying who holds it."""

    def close(self) -> None:
        """Finish what was acknowledged and let go of all files."""


class Artefacts(Protocol):
    """Where model files live: immutable folders, written beside and renamed into place."""

    def create(self, model: str, version: int) -> AbstractContextManager[Path]:
        """A new folder to fill; it appears under its name only if the block ends without an error."""

    def path(self, model: str, version: int) -> Path:
        """The folder of a version; raises `DamagedArtefact` if it is not there."""

    def remove(self, model: str, version: int) -> None:
        """Delete the folder of a version; nothing happens if it is not there. Who has it mapped keeps reading."""

    def folders(self) -> list[tuple[str, int]]:
        """(model, version) of every folder that is there, ordered."""


class SearchLog(Protocol):
    """Where the trials of a search for hyper-parameters are kept, so that one that was killed goes on."""

    def read(self) -> list[Json]:
        """All records, in their order."""

    def append(self, record: Json) -> None:
        """Keep one more; it is there after a kill."""


@runtime_checkable
class Model(Protocol):
    """A history in, scores out. Knows arrays only; a user unseen in training is served like any other.

    Items are numbers 0 <= i < n_items of the training's vocabulary. Every method is pure; `fit` returns a new model.
    """

    name: ClassVar[str]

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Learn; the same data and seed give the same model."""

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; finite; an empty history gets the model's prior (zeros if it has none)."""

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k most similar items of each: numbers int32 [i, k] (-1 where there are fewer), scores float32 [i, k]."""

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """How much each entry of the one history adds to each item's score: float32 [len(history.items), len(items)].

        The columns sum to the scores less the prior, to within float32."""

    def params(self) -> Json:
        """The hyper-parameters, as JSON; `type(self)(**params)` is an untrained twin."""

    def arrays(self) -> Mapping[str, object]:
        """The trained state as named numpy arrays."""

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version in memory, tied to the item block.

    `rows` int32 [model items]: the item's row in the block, -1 if the block lacks it. `numbers` int32 [block rows when
    loaded]: the model's number of a row, -1 if the model lacks it. `segments`: segment name -> row of segment scores.
    """

    label: str
    model: Model
    rows: IntArray
    numbers: IntArray
    segments: Mapping[str, int]
    companions: Companions | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A query with all that is needed to answer it, read once; stages only read it.

    `history_rows` int32 and `history_weights` float32 (below 0: a dislike): the user's events that say something, oldest
    first, `history_ts` int64 ms and `history_types` beside them; `features` are the user's, where the recipe asks for them;
    `from_session` when it is made only of the request's own events. `excluded` int32: rows that the surface leaves out for
    this user; `disliked` likewise. `seen_rows` int32 were seen at `seen_at` int64 ms, where the surface asks.
    `basket` int32: what the list is for, if it is for one. `given`, where a list is made again: the items that sources
    outside named then. `ranker` orders the candidates, where the surface asks for one and there is one; `voices` are the
    other models that it listens to, by name. `columns` are the feature views of items, of one moment (`taken`).
    """

    query: Query
    surface: Surface
    items: Items
    model: ServedModel | None
    popular: ServedModel | None
    now: int
    new_item_age: int
    segment: str
    interests: tuple[str, ...]
    history_rows: IntArray
    history_weights: FloatArray
    history_ts: LongArray
    history_types: tuple[str, ...]
    from_session: bool
    excluded: IntArray
    disliked: IntArray
    anchor: int
    features: UserFeatures | None = None
    content: Content | None = None
    seen_rows: IntArray = field(default_factory=lambda: np.empty(0, np.int32))
    seen_at: LongArray = field(default_factory=lambda: np.empty(0, np.int64))
    basket: IntArray = field(default_factory=lambda: np.empty(0, np.int32))
    as_of: int = 0
    given: Mapping[str, Sequence[str]] | None = None
    voices: Mapping[str, ServedModel] = field(default_factory=dict)
    ranker: Ranker | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    condition: Expression | None = None
    rules: InForce = NO_RULES
    new_item_impressions: int = 0
    taken: ItemFeatures | None = None

    @property
    def columns(self) -> ItemFeatures:
        """The columns that the whole list is made with; those of now, where none were taken."""
        return self.items.features if self.taken is None else self.taken


class Source(Protocol):
    """Produces candidates."""

    name: str

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the item block, best first, each once, only where `allowed` (bool [items]), with their scores if it has
        any; may be empty.

        Called in a thread when `slow`; must not keep state between requests other than what any request would find."""

    @property
    def slow(self) -> bool:
        """Whether it may take more than a fraction of a millisecond."""


class Filter(Protocol):
    """Says which items may be shown at all. A filter that fails removes everything that it could not check."""

    name: str

    def keep(self, request: Request) -> BoolArray | None:
        """bool [items], True where the item passes; None when the filter has nothing to say on this request."""


class Scorer(Protocol):
    """Gives each candidate its score."""

    def score(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [len(pool)], higher is better; NaN sinks to the end."""

    def terms(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [len(pool), sources]: what each source speaks for, NaN where it does not; the largest is the score."""


class Selector(Protocol):
    """Orders the candidates into a list, greedily: a shorter list is always the beginning of a longer one."""

    def select(self, request: Request, pool: Pool, scores: FloatArray, order: IntArray, length: int) -> Selection:
        """At most `length` of the candidates in `pool`, which have these scores and stand from best to worst in `order`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a list is made of: filters say what may be shown, sources produce it, the scorer and selector order it.

    `ladder` names the sources that know nothing of the request: they fill a list that is too short. With `features`,
    requests carry the user's features; they come in the same round trip as the history."""

    filters: tuple[Filter, ...]
    sources: tuple[Source, ...]
    scorer: Scorer
    selector: Selector
    ladder: tuple[str, ...] = ()
    features: bool = False


class SlateSink(Protocol):
    """Takes served slates off the request path."""

    def add(self, slate: ServedSlate) -> None:
        """Take a slate; returns at once and never fails."""
