"""What the shop and the request ask of a list: the rules in force, and the request's own condition.

Each process reads the table of rules a few times a second; at the boundaries of their times it needs nobody.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf

import msgspec
import structlog

from honeyguide.clock import Clock
from honeyguide.config.settings import Surface
from honeyguide.errors import FilterError
from honeyguide.expressions import Expression
from honeyguide.messages import Place, Query, Rule
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols.rules import NO_RULES, InForce, RuleTable
from honeyguide.ranking.conditions import Conditions, as_kept
from honeyguide.ranking.rules import in_force

log = structlog.get_logger(__name__)


class Ruling:
    """The rules in force by surface, and by arm. `on_change` is told of those whose rules changed, with their digests."""

    def __init__(
        self,
        table: RuleTable,
        conditions: Conditions,
        surfaces: Collection[str],
        clock: Clock,
        metrics: Metrics,
        on_change: Callable[[Mapping[Place, bytes]], None],
    ) -> None:
        self._table, self._clock, self._metrics = table, clock, metrics
        self._places: dict[Place, tuple[str, Mapping[str, bool]]] = {name: (name, {}) for name in surfaces}
        self._on_change, self.conditions = on_change, conditions
        self._rules: list[Rule] = []
        self._in_force: dict[Place, InForce] = {}

    async def refresh(self) -> None:
        """Take the rules as the table has them now."""
        rules = await asyncio.to_thread(self._table.all)
        if rules != self._rules:
            self._rules = self._readable(rules)
            self._settle(self._places)

    def _readable(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules that this release can read; another one may have written others."""
        found = []
        for rule in rules:
            try:
                as_kept(rule.where)
                found.append(rule)
            except FilterError as error:
                self._metrics.background_errors.labels("rules").inc()
                log.error("rule cannot be read, it is not in force", rule=rule.name, reason=error.detail)
        return found

    def open(self, place: Place, surface: Surface, switches: Mapping[str, bool]) -> None:
        """There is a place more, where some rules are in force, or are not, other than on its surface."""
        self._places[place] = surface.name, switches
        self._settle([place])

    def _settle(self, places: Collection[Place]) -> None:
        before = self._in_force
        found: dict[Place, InForce] = {}
        for place in places:
            surface, switches = self._places[place]
            found[place] = self.in_force(_switched(self._rules, switches), surface)
        self._in_force = {name: each for name, each in {**before, **found}.items() if each is not NO_RULES}
        changed = {name: each.digest for name, each in found.items() if each.digest != before.get(name, NO_RULES).digest}
        if changed:
            self._on_change(changed)

    def in_force(self, rules: Sequence[Rule], surface: str, *, at: int | None = None) -> InForce:
        """Those of some rules that are in force on a surface, now or at a moment (ms)."""
        return in_force(rules, surface, self._clock.now_ms() if at is None else at, as_kept)

    def of(self, place: Place) -> InForce:
        """The rules in force on a surface, or in an arm, now."""
        found = self._in_force.get(place, NO_RULES)
        if found.until and self._clock.now_ms() >= found.until:
            self._settle([place])
            return self._in_force.get(place, NO_RULES)
        return found

    @property
    def rules(self) -> Sequence[Rule]:
        """All rules as last read."""
        return self._rules

    def of_slate(self, labels: Collection[str], surface: str) -> InForce:
        """The rules that a list was made with, as they were then."""
        if not labels:
            return NO_RULES
        as_then = [always(rule) for rule in self._table.at(labels)]
        return self.in_force(as_then, surface)

    def lasts(self, place: Place) -> float:
        """Seconds until other rules are in force there."""
        until = self.of(place).until
        return max(0.0, (until - self._clock.now_ms()) / 1000) if until else inf

    def condition(self, query: Query) -> Expression | None:
        """The request's own condition. Raises `FilterError`."""
        return None if query.filter is None else self.conditions.read(query.filter)

    def looks_at(self, query: Query, *beginnings: str) -> bool:
        """Whether the request's condition or a rule of its surface names a field that begins with one of these."""
        rules = self._in_force.get(query.place)
        own = query.filter is not None and self.conditions.read(query.filter).looks_at(*beginnings)
        return own or (rules is not None and rules.looks_at(*beginnings))


def always(rule: Rule) -> Rule:
    """The rule as if it were in force at all times."""
    return msgspec.structs.replace(rule, starts_at=None, ends_at=None, enabled=True)


def _switched(rules: Sequence[Rule], switches: Mapping[str, bool]) -> Sequence[Rule]:
    """The rules with some of them switched on or off."""
    if not switches:
        return rules
    return [msgspec.structs.replace(rule, enabled=switches.get(rule.name, rule.enabled)) for rule in rules]
