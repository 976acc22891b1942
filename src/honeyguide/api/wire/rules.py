"""Rules of the shop on the wire."""

from typing import Annotated, Self

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.messages import Rule, RuleKind, Timestamp
from honeyguide.protocols.rules import RuleChange
from honeyguide.ranking.rules import is_active
from honeyguide.recommend.decisions import Before, moment_of

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,63}$")]


class RuleParams(In):
    """One rule by its name."""

    rule_name: str


class RuleBody(In):
    """A rule. What it needs depends on `kind`: `filter` a `where`; `boost` and `bury` a `where` and a `factor`; `promote` a
    `where` and a `percent`; `pin` an `item_id` and a `slot`, and a `where` if it depends on one.

    `surface` is a name, or `*` for all. With `revision` it replaces that revision only."""

    kind: RuleKind
    surface: str = "*"
    where: str = ""
    factor: float | None = None
    item_id: str | None = None
    slot: int | None = None
    percent: float | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    owner: str = ""
    note: str = ""
    enabled: bool = True
    revision: int = 0

    def named(self, name: str) -> Rule:
        """The rule under this name. Raises `InvalidInput` for a time that is none."""
        fields = msgspec.structs.asdict(self)
        fields |= {each: moment_of(fields[each], each) for each in ("starts_at", "ends_at")}
        return Rule(name=name, **{each: value for each, value in fields.items() if each != "name"})


class NamedRule(RuleBody):
    """A rule with its name, kept or not."""

    name: str = "preview"


class RuleOut(msgspec.Struct, kw_only=True):
    """A rule as it is kept. `active`: it is in force now. `warnings` say what may not be meant so."""

    name: str
    kind: RuleKind
    surface: str
    where: str
    factor: float | None
    item_id: str | None
    slot: int | None
    percent: float | None
    starts_at: Moment | None
    ends_at: Moment | None
    owner: str
    note: str
    enabled: bool
    revision: int
    changed_at: Moment
    active: bool
    warnings: list[str] = []

    @classmethod
    def of(cls, rule: Rule, now: int, warnings: list[str]) -> Self:
        """The rule at a moment (ms)."""
        fields = msgspec.structs.asdict(rule)
        for each in ("starts_at", "ends_at", "changed_at"):
            fields[each] = None if fields[each] is None else iso(fields[each])
        return cls(**fields, active=is_active(rule, now), warnings=warnings)


class RulePage(msgspec.Struct):
    """All rules, by name."""

    items: list[RuleOut]
    next_cursor: str | None = None


class RuleChangeOut(msgspec.Struct, kw_only=True):
    """One change: what the rule became; null where it was removed."""

    revision: int
    changed_at: Moment
    changed_by: str
    rule: RuleOut | None

    @classmethod
    def of(cls, change: RuleChange, now: int) -> Self:
        """The change as it goes out."""
        rule = None if change.rule is None else RuleOut.of(change.rule, now, [])
        return cls(revision=change.revision, changed_at=iso(change.changed_at), changed_by=change.changed_by, rule=rule)


class RuleHistory(msgspec.Struct):
    """What became of a rule, latest first."""

    items: list[RuleChangeOut]
    next_cursor: str | None = None


class PreviewIn(In):
    """A rule, kept or not, and the users to compare lists of; without any, those who were served last."""

    rule: NamedRule
    user_ids: list[str] = msgspec.field(default_factory=list)
    n: int = 10


class PreviewOut(msgspec.Struct, kw_only=True):
    """What a rule would do if it were in force now. `matches`: for how many of the `items` its condition holds."""

    matches: int
    items: int
    warnings: list[str]
    users: list[Before]
