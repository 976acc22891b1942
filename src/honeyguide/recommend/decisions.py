"""What people decide about lists: rules are checked, previewed on sample users, and kept."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.expressions import Kind
from honeyguide.expressions.columns import kind_of
from honeyguide.expressions.functions import moment
from honeyguide.messages import Query, Rule, SlateItem, Timestamp
from honeyguide.protocols import InForce, Items, Store
from honeyguide.ranking.conditions import as_kept
from honeyguide.ranking.rule_faults import check_beside, check_rule
from honeyguide.ranking.rule_warnings import matches, warnings_of
from honeyguide.ranking.rules import is_active
from honeyguide.recommend.ruling import Ruling, always

FIRST: Final = "home"
SAMPLE: Final = 5
MOST_SAMPLED: Final = 50
_LOOKED_AT: Final = 1_000
_FAR: Final = 253_402_300_800_000  # the year 10000


class Saved(msgspec.Struct, kw_only=True):
    """A rule as it is kept, with what may not be meant so."""

    rule: Rule
    warnings: list[str]


class Before(msgspec.Struct, kw_only=True):
    """The list of one user without and with a rule; `because` says why the latter is empty, if it is."""

    user_id: str
    surface: str
    before: list[str]
    after: list[str]
    gone: list[str]
    new: list[str]
    because: str | None = None


class Preview(msgspec.Struct, kw_only=True):
    """What a rule would do now: how many items its condition holds for, of how many, and the lists of some users."""

    matches: int
    items: int
    warnings: list[str]
    users: list[Before]


class Lists(Protocol):
    """Who makes the lists."""

    async def under(self, query: Query, rules: InForce) -> tuple[list[SlateItem], str]:
        """The items of a list under certain rules, without a trace, and why there are none, if so."""


def moment_of(value: Timestamp | None, name: str) -> int | None:
    """A time as ms: of a number, or of ISO 8601 (UTC where no zone is given). Raises `InvalidInput`."""
    if value is None:
        return None
    found = moment(value) if isinstance(value, str) else float(value)
    if not 0 <= found < _FAR:
        detail = f"{value!r} is no time; write it like 2026-11-27T18:00:00Z, or as milliseconds since 1970."
        raise InvalidInput("The rule does not fit.", errors=[FieldError(f"/{name}", detail)])
    return round(found)


class Decisions:
    """Checks rules against what is known now, and keeps them."""

    def __init__(
        self, store: Store, items: Items, ruling: Ruling, lists: Lists, surfaces: Sequence[str], clock: Clock
    ) -> None:
        self._store, self._items, self._ruling, self._lists = store, items, ruling, lists
        self._surfaces, self._clock = surfaces, clock

    async def save(self, rule: Rule, *, by: str) -> Saved:
        """Keep a rule; from then on it is in force in this process. Raises `FilterError` or `Conflict`."""
        warnings = await self.check(rule)
        kept = await asyncio.to_thread(lambda: self._store.rules.put(rule, by=by))
        await self._ruling.refresh()
        return Saved(rule=kept, warnings=warnings)

    async def remove(self, name: str, *, by: str) -> None:
        """Remove a rule; its history stays. Raises `NotFound`."""
        await asyncio.to_thread(lambda: self._store.rules.remove(name, by=by))
        await self._ruling.refresh()

    async def check(self, rule: Rule) -> list[str]:
        """What may not be meant so. Raises `FilterError` for a rule that does not fit, `Conflict` beside others."""
        check_rule(rule, self._surfaces)
        if rule.where:
            fields = self._ruling.conditions.fields(await self._kinds_of_users())
            self._ruling.conditions.read(rule.where, "/where", fields)
        check_beside(rule, await asyncio.to_thread(self._store.rules.all))
        return self.warnings(rule)

    async def _kinds_of_users(self) -> dict[str, Kind] | None:
        """The properties that users have; None where there are too many users to tell."""
        users = await self._store.catalogue.users(limit=_LOOKED_AT)
        if len(users) >= _LOOKED_AT or not users:
            return None
        kinds: dict[str, Kind] = {}
        for user in users:
            for name, value in user.properties.items():
                kind = kind_of(value)
                kinds[name] = kind if kinds.get(name, kind) == kind else "any"
        return kinds

    def warnings(self, rule: Rule) -> list[str]:
        """What may not be meant so with a rule that fits."""
        return warnings_of(rule, self._items, self._clock.now_ms(), as_kept)

    def matches(self, rule: Rule) -> int:
        """For how many of the items that may be shown its condition holds, nothing being known of a user."""
        return matches(rule, self._items, self._clock.now_ms(), as_kept)

    def _surface_of(self, rule: Rule) -> str:
        """The one whose lists are compared; of a rule for all it is the first page."""
        if rule.surface in self._surfaces:
            return rule.surface
        return FIRST if FIRST in self._surfaces else self._surfaces[0]

    async def preview(self, rule: Rule, user_ids: Sequence[str] = (), *, n: int = 10) -> Preview:
        """What a rule, kept or not, would do if it were in force now, to these users or those served last."""
        if len(user_ids) > MOST_SAMPLED:
            raise InvalidInput(f"A preview is for at most {MOST_SAMPLED} users.", cure="Name fewer.")
        warnings = await self.check(rule)
        others = [each for each in self._ruling.rules if each.name != rule.name]
        surface = self._surface_of(rule)
        before, after = self._ruling.of(surface), self._ruling.in_force([*others, always(rule)], surface)
        if not is_active(rule, self._clock.now_ms()):
            before = self._ruling.in_force(others, surface)
        users = list(user_ids) or await self._sample()
        compared = [await self._compare(Query(user_id=user, n=n, surface=surface), before, after) for user in users]
        return Preview(matches=self.matches(rule), items=len(self._items), warnings=warnings, users=compared)

    async def _compare(self, query: Query, before: InForce, after: InForce) -> Before:
        query.personalised = bool(query.user_id)
        old, new = await self._lists.under(query, before), await self._lists.under(query, after)
        first, second = [item.item_id for item in old[0]], [item.item_id for item in new[0]]
        return Before(
            user_id=query.user_id,
            surface=query.surface,
            before=first,
            after=second,
            gone=[item_id for item_id in first if item_id not in second],
            new=[item_id for item_id in second if item_id not in first],
            because=new[1] or None if not second else None,
        )

    async def _sample(self) -> list[str]:
        """Users who were served last, else any; one without a name stands for those of whom nothing is known."""
        found: dict[str, None] = {}
        for batch in await asyncio.to_thread(lambda: next(iter(self._store.slates.latest(_LOOKED_AT)), [])):
            found.setdefault(batch.user_id)
        if not any(found):
            found = dict.fromkeys([user.user_id for user in await self._store.catalogue.users(limit=SAMPLE)])
        return list(found)[:SAMPLE] or [""]
