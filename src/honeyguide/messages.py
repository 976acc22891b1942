"""What callers say and what they hear: the requests and answers of the three verbs, in the library and over HTTP.

Requests are decoded strictly: an unknown field is an error. What a decoder cannot check (lengths of ids, times,
declared event types) is checked by the verb itself, so that library and HTTP callers meet the same rules.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from honeyguide.types import INTERLEAVED, Assigned, HashVersion, InterleavingMethod, Json, Rung, ServedFrom, Unit, label_of

Timestamp = int | float | str
"""Epoch milliseconds, or ISO 8601 (no zone means UTC)."""


class EventIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An event as callers send it. Without `event_id` one is made; without `ts` it happened now."""

    type: str
    user_id: str
    item_id: str | None = None
    event_id: str | None = None
    ts: Timestamp | None = None
    value: float | None = None
    quantity: float | None = None
    session_id: str | None = None
    device_id: str | None = None
    surface: str | None = None
    request_id: str | None = None
    properties: Json | None = None


class ItemIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item as callers send it. In a put, a field that is missing gets its default; in a patch it stays as it was."""

    item_id: str
    title: str | msgspec.UnsetType = msgspec.UNSET
    categories: list[str] | msgspec.UnsetType = msgspec.UNSET
    price: float | None | msgspec.UnsetType = msgspec.UNSET
    image_url: str | None | msgspec.UnsetType = msgspec.UNSET
    url: str | None | msgspec.UnsetType = msgspec.UNSET
    available: bool | msgspec.UnsetType = msgspec.UNSET
    hidden: bool | msgspec.UnsetType = msgspec.UNSET
    created_at: Timestamp | None | msgspec.UnsetType = msgspec.UNSET
    properties: Json | msgspec.UnsetType = msgspec.UNSET
    vector: list[float] | None | msgspec.UnsetType = msgspec.UNSET


class UserIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A user as callers send it."""

    user_id: str
    properties: Json | msgspec.UnsetType = msgspec.UNSET


class Rejected(msgspec.Struct, frozen=True):
    """One row of a batch that was not taken: its position, a stable code, where the fault is, and how to mend it."""

    index: int
    code: str
    pointer: str
    detail: str


class IngestReport(msgspec.Struct, kw_only=True):
    """What became of a batch. A list whose `as_of` is at least `sequence` knows all of it."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = msgspec.field(default_factory=list)
    sequence: int = 0


class Merged(msgspec.Struct, kw_only=True):
    """Users that are one person from now on.

    `canonical_id` is the id that the person goes by, `user_ids` all ids of the person, that one last. `accepted` is 0 if
    they were one already. A list whose `as_of` is at least `sequence` knows of it. `unknown` names the id, if any, that
    nothing is known of yet: what it does from now on is the person's."""

    canonical_id: str
    user_ids: list[str]
    accepted: int
    sequence: int
    unknown: list[str]


class Price(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A closed price range; items without a price are outside of it."""

    min: float | None = None
    max: float | None = None


class Filters(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What every item of the answer must fulfil; all conditions hold together.

    `category` (one or several: any of them), `exclude_category` (none of them), `price`, and `properties`
    (item property -> the value, or the values, that it may have)."""

    category: str | list[str] | None = None
    exclude_category: str | list[str] | None = None
    price: Price | None = None
    properties: dict[str, Any] | None = None


Place = str | tuple[str, str]
"""Where a list is shown, for all that depends on it: a surface, or a surface and the arms that change it."""


class Query(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A request for a list.

    `filter` is a condition that every item must meet.
    `item_id` is the anchor of a `similar` surface. `candidates` limits the answer to these items; `exclude` leaves items
    out. `segment` asks for what a segment likes, in place of the user's own. `events` are added to the user's history for
    this request only. `model` (alias or `name@version`) and `recipe` (fields of the surface to change) override the surface.
    `personalised=False` uses and stores no history. `dry_run` leaves no trace: no cache, no exposure, no slate. `offset`
    skips the list's beginning, and `shown` (marks that a cursor carries) what earlier pages have shown. `explore=False`
    serves the list as it is ranked; `seed` draws with this seed instead of the request's own. `session_id` and `device_id`
    are the units of experiments on sessions and devices; `arms` (experiment -> arm) has the list as an arm makes it, and
    leaves the unit out of the analysis.
    """

    user_id: str = ""
    n: int = 10
    surface: str = "home"
    filters: Filters | None = None
    filter: str | None = None
    item_id: str | None = None
    candidates: list[str] | None = None
    exclude: list[str] | None = None
    events: list[EventIn] | None = None
    model: str | None = None
    recipe: Json | None = None
    personalised: bool = True
    dry_run: bool = False
    explain: bool = False
    offset: int = 0
    shown: bytes = b""
    context: Json | None = None
    explore: bool = True
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] | None = None
    segment: str | None = None
    session_id: str | None = None
    device_id: str | None = None
    arms: dict[str, str] | None = None

    @property
    def place(self) -> Place:
        """Where the list is shown."""
        return self.surface

    @property
    def in_arms(self) -> Sequence[Assigned]:
        """The arms that the request is in."""
        return ()

    @property
    def interleaved(self) -> Assigned | None:
        """The interleaving that the request is in, whose two lists it sees in one."""
        return None


class Enrolled(Query, kw_only=True, omit_defaults=True):
    """A request whose units are in arms of experiments: its list is made as these say. Never read from a caller."""

    assigned: tuple[Assigned, ...]

    @property
    def place(self) -> Place:
        """The surface as these arms change it."""
        return self.surface, label_of(self.assigned)

    @property
    def in_arms(self) -> Sequence[Assigned]:
        """The arms that the request is in."""
        return self.assigned

    @property
    def interleaved(self) -> Assigned | None:
        """The interleaving that the request is in."""
        return next((each for each in self.assigned if each.arm == INTERLEAVED), None)


class SessionEvent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody without an id did with an item in this session. Without `ts` it happened now."""

    item_id: str
    type: str = "view"
    ts: Timestamp | None = None
    value: float | None = None


class Reason(msgspec.Struct, omit_defaults=True):
    """Why an item is in a list. `code`: because_of, bought_together, similar_to, similar_content, popular,
    popular_in_segment, popular_in_interests, popular_in_categories, trending, new, ranked; explored where chance has put it
    there.

    `item_id` is the item of the user's own history that speaks most for it, and `share` how much of the score it gives.
    `text` is the sentence for people."""

    code: str
    text: str
    item_id: str | None = None
    type: str | None = None
    share: float | None = None


class SlateItem(msgspec.Struct, omit_defaults=True):
    """One position of a slate. `score` is rounded to 1e-6; `rank` starts at 1."""

    item_id: str
    score: float
    rank: int
    sources: list[str]
    reason: Reason


class Slate(msgspec.Struct, kw_only=True, omit_defaults=False):
    """The list that was served, and how it came about.

    `as_of`: it knows every hard event up to this log position. `rung`: the step of the cold-start ladder.
    `degraded`: what was missing while it was made; empty when all went well. `unknown`: candidates of the request that there
    are not. `empty_because`: why there are no items."""

    request_id: str
    user_id: str
    surface: str
    items: list[SlateItem]
    served_from: ServedFrom
    cached: bool
    stale: bool
    as_of: int
    model: str
    rung: Rung
    degraded: list[str]
    next_cursor: str | None = None
    empty_because: str | None = None
    trace: Json | None = None
    unknown: list[str] = []


class Ranking(Slate, kw_only=True):
    """Given items in the order for a user. `left_out`: those that may not be shown, or that filters keep out."""

    left_out: list[str]


class Explanation(msgspec.Struct, kw_only=True):
    """A served slate made again from the log: `replayed` is what comes out now, `matches` whether that is what was served.

    `trace` is the funnel: candidates per source, what was removed and why, scores, moves for variety."""

    request_id: str
    served: list[str]
    replayed: list[str]
    matches: bool
    items: list[SlateItem]
    trace: Json
    slate: Json


JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]


RuleKind = Literal["filter", "boost", "bury", "pin", "promote"]


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the shop decides about its lists, whoever asks.

    `filter`: only items for which `where` is true are shown. `boost` and `bury`: their scores are multiplied by `factor`.
    `pin`: `item_id` stands at `slot` (1 is the first) where `where` is true of it. `promote`: of any first n items at least
    n * `percent` / 100, rounded down, are ones for which `where` is true, while there are any. `surface` is a name, or `*`
    for all. In force from `starts_at` until before `ends_at` (ms), where given, while `enabled`."""

    name: str
    kind: RuleKind
    surface: str = "*"
    where: str = ""
    factor: float | None = None
    item_id: str | None = None
    slot: int | None = None
    percent: float | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    owner: str = ""
    note: str = ""
    enabled: bool = True
    revision: int = 0
    changed_at: int = 0


ExperimentKind = Literal["ab", "bandit", "interleaving"]
ExperimentState = Literal["draft", "running", "stopped"]


class Arm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A variant: what it changes of its surface, and the share of the units that get it.

    `changes` are fields of the surface with other values (`model`, `recipe`, `diversity`, `explore`, ...), as in the
    `recipe` of a request, and `rules` (rule -> whether it is in force)."""

    name: str
    weight: float
    changes: Json = msgspec.field(default_factory=dict)


class Guardrail(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A metric that must not get worse by more than `margin`, as a share of the control's value."""

    metric: str
    margin: float = 0.0


class Bandit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a bandit learns from its first goal.

    `every` so many hours the weights are set anew, from units whose `window` (hours) since their first list of a period is
    over. A `reward` is whether a unit did what the goal counts (`bernoulli`), or how much of it (`gaussian`). No arm has
    less than the `floor`; outcomes count `decay` times as much after each further period; weights stay alike until every
    arm has `least` units. The share `uniform` of the units is in arms for good and alike: it measures, and is not learnt
    from."""

    every: float = 24.0
    window: float = 6.0
    reward: Literal["bernoulli", "gaussian"] = "bernoulli"
    floor: float = 0.02
    decay: float = 1.0
    least: int = 100
    uniform: float = 0.1


class Definition(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an experiment is: which units see what.

    The first of the `arms` is the control; their weights sum to 1. `unit`: what is put into arms, by the hash
    `hash_version` of its id under `seed` (empty: the name). `coverage` is the share of the units that take part. With a
    `layer` only those whose hash in it falls into `range` do, so that experiments with other ranges of the layer share no
    unit. `holdout`: units in the control arm are in no other experiment; `surface` may then be `*`. `targeting` is a
    condition on user, context and now. `forced` (unit -> arm) is for looking at an arm: these are left out of every
    analysis. `sticky`: a unit that has been exposed keeps its arm in later phases.

    A bandit sets its weights itself, as its `bandit` says. An interleaving has two arms; its units see both lists in one, by
    the method `interleave`.

    `goals` decide, `guardrails` must hold, `watched` metrics are only shown, at the level `alpha`; always-valid intervals
    are narrowest at `planned_units`. `engine`: whether numbers hold at every look, at one, or at so many `looks`, evenly up
    to the planned units. No decision before `min_days`. Units are enrolled from `starts_at` until before `ends_at` (ms)."""

    name: str
    surface: str
    arms: list[Arm]
    kind: ExperimentKind = "ab"
    hypothesis: str = ""
    owner: str = ""
    unit: Unit = "user"
    coverage: float = 1.0
    hash_version: HashVersion = 2
    seed: str = ""
    layer: str = ""
    range: tuple[float, float] = (0.0, 1.0)
    holdout: bool = False
    targeting: str = ""
    forced: dict[str, str] = msgspec.field(default_factory=dict)
    sticky: bool = False
    interleave: InterleavingMethod = "team_draft"
    bandit: Bandit | None = None
    goals: list[str] = msgspec.field(default_factory=list)
    guardrails: list[Guardrail] = msgspec.field(default_factory=list)
    watched: list[str] = msgspec.field(default_factory=list)
    alpha: float = 0.05
    planned_units: int = 10_000
    engine: Literal["always-valid", "fixed", "group-sequential"] = "always-valid"
    looks: int = 1
    min_days: int = 7
    starts_at: int | None = None
    ends_at: int | None = None


class Experiment(Definition, kw_only=True, forbid_unknown_fields=False, omit_defaults=True):
    """An experiment as it is kept.

    `phase` begins with 1 at the start; each one has arms and a `seed` of its own. `period` counts changes of the weights
    within a phase. `revision` counts all changes. `verdict`: what was decided when it was stopped."""

    state: ExperimentState = "draft"
    phase: int = 0
    period: int = 0
    revision: int = 0
    created_at: int = 0
    changed_at: int = 0
    started_at: int | None = None
    phase_started_at: int | None = None
    period_started_at: int | None = None
    stopped_at: int | None = None
    verdict: str = ""

    @property
    def closes_at(self) -> int | None:
        """When it ended or will (ms): nothing that is received from then on counts. None where nobody has said."""
        return min((each for each in (self.ends_at, self.stopped_at) if each is not None), default=None)

    @property
    def how(self) -> Bandit:
        """How a bandit learns, where nothing else is said."""
        return self.bandit or Bandit()

    @property
    def arm_names(self) -> list[str]:
        """The names of the arms, the control first."""
        return [arm.name for arm in self.arms]

    @property
    def control(self) -> str:
        """The name of the arm that the others are compared with."""
        return self.arms[0].name
