"""The seams of rules: the table that they are kept in, and those of them that are in force for a list."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from honeyguide.expressions import Expression
from honeyguide.messages import Rule


class RuleTable(Protocol):
    """What the shop has decided about its lists, with its history. Sync, for use off the event loop."""

    def all(self) -> list[Rule]:
        """All rules that there are now, by name."""

    def put(self, rule: Rule, *, by: str) -> Rule:
        """Make or replace a rule; as it is kept, with its next `revision` and the time.

        Raises `Conflict` unless `rule.revision` is 0 or that of the rule that it replaces."""

    def remove(self, name: str, *, by: str) -> None:
        """Remove a rule; its history stays. Raises `NotFound`."""

    def history(self, name: str) -> list["RuleChange"]:
        """What became of a rule, latest first; empty if there never was one of this name."""

    def at(self, labels: Collection[str]) -> list[Rule]:
        """Those of the rules `name:revision` that there are or were."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One change of a rule: by whom, when (ms), and what it became; None where it was removed."""

    revision: int
    changed_at: int
    changed_by: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule with the condition that it depends on, if it has one."""

    rule: Rule
    where: Expression | None

    @property
    def label(self) -> str:
        """`name:revision`."""
        return f"{self.rule.name}:{self.rule.revision}"


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules of one surface at a moment, up to the moment `until` (ms; 0: for ever).

    `late` are the filters that can be looked at without knowing the user. `digest` stands for all of them, `strict` for
    those without which no list may be served: filters that look at the user, and pins; empty where there are none."""

    filters: tuple[Ruled, ...] = ()
    weights: tuple[Ruled, ...] = ()
    promotions: tuple[Ruled, ...] = ()
    pins: tuple[Ruled, ...] = ()
    late: tuple[Ruled, ...] = ()
    until: int = 0
    digest: bytes = b""
    strict: bytes = b""

    @property
    def rules(self) -> Sequence[Ruled]:
        """All of them."""
        return (*self.filters, *self.weights, *self.promotions, *self.pins)

    def looks_at(self, *beginnings: str) -> bool:
        """Whether a condition of one of them names a field that begins with one of these."""
        return any(each.where is not None and each.where.looks_at(*beginnings) for each in self.rules)


NO_RULES: Final = InForce()
