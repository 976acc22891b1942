"""Why a list would come from where it would: for people who look at the cache and wonder."""

from typing import Literal, Protocol

import msgspec

from honeyguide.cache import Cache, Copy, Standing, Want, set_by
from honeyguide.clock import Clock
from honeyguide.errors import NotFound
from honeyguide.messages import Query
from honeyguide.protocols import Store
from honeyguide.recommend.query import for_nobody, is_plain, query_of
from honeyguide.recommend.ranked import decode
from honeyguide.types import ServedSlate

Verdict = Literal["l1", "l2", "stale", "computed"]


class CopyOut(msgspec.Struct, kw_only=True):
    """The list in one tier. Seconds since it was made, until it is stale, until it is not served any more. `same_hard`,
    `same_soft`, `same_epoch`: whether the tokens of its user, the model versions and the configuration are those it was made
    with. `model` and `as_of` (log position) are what it was made from."""

    tier: Literal["l1", "l2"]
    state: Literal["fresh", "stale", "gone"]
    age_seconds: float
    fresh_for_seconds: float
    usable_for_seconds: float
    same_hard: bool
    same_soft: bool
    same_epoch: bool
    model: str
    as_of: int
    bytes: int


class ServedThen(msgspec.Struct, kw_only=True):
    """How a request was answered, as its slate says."""

    request_id: str
    served_at: int
    served_from: str
    model: str
    as_of: int
    made_before_seconds: float
    degraded: list[str]


class ListStanding(msgspec.Struct, kw_only=True):
    """Where a list would be served from now (`verdict`), and why.

    `shared_name` is its name in the shared tier; `hard_set_by` and `soft_set_by` are the log positions of the rows that set
    the tokens of its user, null where none did or nobody knows any. `copies` are what the tiers hold. `request` is how it
    was served, if a request was asked about."""

    user_id: str
    surface: str
    n: int
    verdict: Verdict
    reason: str
    shared_name: str
    trusted: bool
    hard_set_by: int | None
    soft_set_by: int | None
    copies: list[CopyOut]
    request: ServedThen | None = None


class Lists(Protocol):
    """Who makes the lists."""

    def want(self, query: Query) -> tuple[Want, int]:
        """What the list of a query is kept as."""

    def check(self, query: Query) -> None:
        """Raise InvalidInput for a query that cannot be answered."""

    async def enrol(self, query: Query) -> Query:
        """The query in the arms of the experiments that run."""

    def serves(self, query: Query) -> str:
        """The version that the lists of a query are made with now."""


class Whys:
    """Answers why. It reads the tiers, the user's tokens and the log; it changes nothing."""

    def __init__(self, store: Store, cache: Cache, lists: Lists, clock: Clock) -> None:
        self._store, self._cache, self._lists, self._clock = store, cache, lists, clock

    async def of_list(self, query: Query) -> ListStanding:
        """How it stands with the list of a query. Raises InvalidInput."""
        self._lists.check(query)
        if not is_plain(query):
            return self._told(query, None, "computed", "it is made for one request alone and never kept")
        query = await self._lists.enrol(query)
        standing = await self._cache.inspect(self._lists.want(query)[0])
        aside = ""
        if _empty(standing) and query.user_id and query.personalised and not await self._is_known(query.user_id):
            standing = await self._cache.inspect(self._lists.want(for_nobody(query))[0])
            aside = "; nothing is known of this user, and such users share one list"
        best, tier = _best(standing)
        if best is None:
            reason = "no tier holds it: nobody has asked for it lately, or it made room for others"
            return self._told(query, standing, "computed", reason + aside)
        if best.state == "fresh":
            reason = f"fresh in {tier} for {best.fresh_for:.0f} s more"
            return self._told(query, standing, "l1" if tier == "l1" else "l2", reason + aside)
        why = await self._ended(query, standing, best)
        verdict: Verdict = "stale" if best.state == "stale" else "computed"
        reason = f"{'stale' if verdict == 'stale' else 'would be computed'}: {why}"
        return self._told(query, standing, verdict, reason + aside)

    async def of_request(self, request_id: str) -> ListStanding:
        """How it stands now with the list of a served request, and how it was served then. Raises NotFound."""
        slate = await self._store.slates.get(request_id)
        if slate is None:
            raise NotFound(f"There is no slate {request_id!r}.", cure="Slates are written within 100 ms of being served.")
        found = await self.of_list(query_of(slate))
        found.request = _then(slate)
        return found

    async def _is_known(self, user_id: str) -> bool:
        return (await self._store.log.user_state(user_id, limit=1)).known

    async def _ended(self, query: Query, standing: Standing, copy: Copy) -> str:
        """Why a copy is not fresh any more."""
        tokens = standing.tokens
        if tokens is None:
            return (
                "the user's tokens are not known here any more, so nobody can tell whether something came after it was made"
            )
        if not copy.same_hard:
            return await self._event(tokens.hard)
        if copy.usable_for <= 0:
            return f"its time was over {-copy.usable_for:.0f} s ago"
        if not copy.same_soft:
            return await self._event(tokens.soft)
        if not copy.same_epoch:
            made, now = decode(copy.payload).model if copy.payload else "", self._lists.serves(query)
            if made != now:
                return f"it was made by {made or 'no model'}, and {now or 'no model'} serves now"
            return "the configuration, or what is popular, has changed since it was made"
        return f"its time was over {-copy.fresh_for:.0f} s ago (cache.ttl)"

    async def _event(self, token: bytes) -> str:
        """What set a token after a list was made."""
        position = set_by(token)
        rows = await self._store.log.rows_after(position - 1, limit=1) if position else []
        if not rows or rows[0].sequence != position:
            return "the user's token was renewed after it was made: the cache was cleared, or had forgotten the token"
        row = rows[0]
        what = f"{row.type or row.kind}{f' of {row.item_id}' if row.item_id else ''}"
        ago = max(0, self._clock.now_ms() - row.received_at) / 1000
        return f"the user's {what} came after it was made (log position {position}, {ago:.0f} s ago)"

    def _told(self, query: Query, standing: Standing | None, verdict: Verdict, reason: str) -> ListStanding:
        tokens = standing.tokens if standing is not None else None
        return ListStanding(
            user_id=query.user_id,
            surface=query.surface,
            n=query.n,
            verdict=verdict,
            reason=reason,
            shared_name=standing.name.hex() if standing is not None else "",
            trusted=standing is not None and standing.trusted,
            hard_set_by=set_by(tokens.hard) if tokens is not None else None,
            soft_set_by=set_by(tokens.soft) if tokens is not None else None,
            copies=_copies(standing) if standing is not None else [],
        )


def _empty(standing: Standing) -> bool:
    return standing.l1 is None and standing.l2 is None


def _best(standing: Standing) -> tuple[Copy | None, str]:
    """The copy that would be served, else the one that came closest."""
    copies = [(copy, tier) for copy, tier in ((standing.l1, "l1"), (standing.l2, "l2")) if copy is not None]
    return min(copies, key=lambda each: ("fresh", "stale", "gone").index(each[0].state), default=(None, ""))


def _copies(standing: Standing) -> list[CopyOut]:
    found: list[CopyOut] = []
    tiers: tuple[tuple[Literal["l1", "l2"], Copy | None], ...] = (("l1", standing.l1), ("l2", standing.l2))
    for tier, copy in tiers:
        if copy is not None:
            ranked = decode(copy.payload) if copy.payload else None
            found.append(
                CopyOut(
                    tier=tier,
                    state=copy.state,
                    age_seconds=round(copy.age, 3),
                    fresh_for_seconds=round(copy.fresh_for, 3),
                    usable_for_seconds=round(copy.usable_for, 3),
                    same_hard=copy.same_hard,
                    same_soft=copy.same_soft,
                    same_epoch=copy.same_epoch,
                    model=ranked.model if ranked else "",
                    as_of=ranked.as_of if ranked else 0,
                    bytes=len(copy.payload),
                )
            )
    return found


def _then(slate: ServedSlate) -> ServedThen:
    return ServedThen(
        request_id=slate.request_id,
        served_at=slate.ts,
        served_from=slate.served_from,
        model=slate.model,
        as_of=slate.as_of,
        made_before_seconds=max(0, slate.ts - slate.computed_at) / 1000,
        degraded=slate.degraded,
    )
