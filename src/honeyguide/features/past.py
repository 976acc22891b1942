"""The log in memory as features are replayed from it: events by user and item, attributes and merges as they were.

Everything carries two positions on which a replay can stand: the moment from which it was known (`visible_from`), and its
sequence number. Imported history is known from when it happened, whenever it came in.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from honeyguide.expressions.paths import at_path
from honeyguide.features.attributes import Attributes, fields_of
from honeyguide.features.plan import Plan
from honeyguide.features.values import happened, micros, subjects, visible_from
from honeyguide.protocols import EventLog
from honeyguide.types import Item, Json, LogRow, LongArray

Axis = Literal["visible", "sequence"]
"""What a replay goes by: what was known at a moment, or what was in the log at a position."""

_ALWAYS: Final = 0


class Moved(Protocol):
    """A user who goes by another id from a log position on; None is the user's own."""

    @property
    def user_id(self) -> str:
        """Who."""

    @property
    def after(self) -> str | None:
        """The id that the user goes by from then on."""


class PeopleFold(Protocol):
    """Users while merges are folded (`stores.fold.People`)."""

    @property
    def moves(self) -> Sequence[Moved]:
        """Every change of a pointer so far, in order."""

    def apply(self, row: LogRow) -> None:
        """Fold a row of any kind."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the log's changes make items and users: the same rules that the tables are derived by."""

    fold_item: Callable[[Item | None, LogRow], Item]
    fold_properties: Callable[[Json, LogRow], Json]
    people: Callable[[], PeopleFold]


@dataclass(slots=True)
class Versions:
    """The values that something had, one after another, and from when on it had each."""

    visible: list[int] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, row: LogRow, value: Any) -> None:
        """A value since `row`. Changes count in the order of the log: none is known before the one before it."""
        visible = visible_from(row)
        self.visible.append(max(visible, self.visible[-1]) if self.visible else visible)
        self.sequence.append(row.sequence)
        self.values.append(value)

    def always(self) -> None:
        """For who goes by time, the last value was there all along: it was the first to be told, and told as history."""
        self.visible = [_ALWAYS] * len(self.visible)

    def at(self, axis: Axis, upto: int) -> Any:
        """The value at a position; None before the first."""
        place = bisect_right(self.visible if axis == "visible" else self.sequence, upto)
        return self.values[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Table:
    """Events side by side, those of one subject together and in the order of the log. `starts` int64 [subjects + 1];
    the rest has one entry per event: number of the type, ms, ms, log position."""

    rows: list[LogRow]
    starts: LongArray
    kind: NDArray[np.int32]
    at: LongArray
    visible: LongArray
    sequence: LongArray


class Events:
    """The events of one plan, by whom they are about. Add them all, then read."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.codes: dict[str, int] = {}
        self.kinds = {name: number for number, name in enumerate(plan.steps)}
        self._rows: list[LogRow] = []
        self._subjects: list[int] = []
        self._table: Table | None = None
        self._amounts: dict[int, tuple[NDArray[np.bool_], LongArray]] = {}

    def add(self, row: LogRow) -> None:
        """Take an event, if a view is made of such ones."""
        if row.type in self.kinds:
            for name in subjects(row, self.plan.entity):
                self._subjects.append(self.codes.setdefault(name, len(self.codes)))
                self._rows.append(row)

    @property
    def table(self) -> Table:
        """All of them as arrays."""
        if self._table is None:
            subject = np.array(self._subjects, np.int64)
            order = np.argsort(subject, kind="stable")
            rows = [self._rows[place] for place in order.tolist()]
            self._table = Table(
                rows=rows,
                starts=np.searchsorted(subject[order], np.arange(len(self.codes) + 1)),
                kind=np.array([self.kinds[row.type] for row in rows], np.int32),
                at=np.array([happened(row) for row in rows], np.int64),
                visible=np.array([visible_from(row) for row in rows], np.int64),
                sequence=np.array([row.sequence for row in rows], np.int64),
            )
        return self._table

    def amounts(self, number: int) -> tuple[NDArray[np.bool_], LongArray]:
        """Which events a tally counts, and for how much, in millionths."""
        if number not in self._amounts:
            part, rows = self.plan.parts[number], self.table.rows
            wanted = np.isin(self.table.kind, [self.kinds[name] for name in part.types])
            amount = np.zeros(len(rows), np.int64)
            if part.source is not None:
                for place in np.flatnonzero(wanted).tolist():
                    found = micros(part.source(rows[place]))
                    wanted[place], amount[place] = found is not None, found or 0
            elif part.weights:
                by_kind = np.zeros(len(self.kinds), np.int64)
                for name, weight in part.weights:
                    by_kind[self.kinds[name]] = weight
                amount = by_kind[self.table.kind]
            self._amounts[number] = (wanted, amount)
        return self._amounts[number]

    def of(self, groups: Sequence[Sequence[str]]) -> tuple[LongArray, LongArray]:
        """The events of each group of ids: (number of the group, place in the table), groups one after another."""
        starts, codes = self.table.starts, self.codes
        pairs = [(number, codes[name]) for number, names in enumerate(groups) for name in names if name in codes]
        if not pairs:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        owner, code = np.array(pairs, np.int64).T
        sizes = starts[code + 1] - starts[code]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.repeat(owner, sizes), np.repeat(starts[code], sizes) + within


class Past:
    """All that a replay needs of the log, added in its order."""

    def __init__(self, plans: Mapping[str, Plan], rules: Rules) -> None:
        self.events = {entity: Events(plan) for entity, plan in plans.items()}
        self._rules = rules
        self._items: dict[str, Item] = {}
        self._item_versions: dict[str, Versions] = {}
        self._users: dict[str, Versions] = {}
        self._people, self._links, self._pointing = rules.people(), dict[str, Versions](), dict[str, set[str]]()
        self._names: dict[str, str] = {}

    @classmethod
    def of(cls, log: EventLog, plans: Mapping[str, Plan], rules: Rules, *, until: int | None = None) -> "Past":
        """The log up to a position, or to its end. It is read whole: an event takes some 500 bytes of memory."""
        past = cls(plans, rules)
        for batch in log.scan(until=until):
            past.add(batch)
        return past

    def add(self, rows: Sequence[LogRow]) -> None:
        """Take the next rows of the log."""
        for row in rows:
            self._share_names(row)
            if row.kind == "event":
                for events in self.events.values():
                    events.add(row)
                if row.item_id is not None and row.item_id not in self._items:
                    self._change_item(row, row.item_id)
            elif row.item_id is not None and row.kind.startswith("item"):
                self._change_item(row, row.item_id)
            elif row.user_id is not None:
                self._change_user(row, row.user_id)

    def _share_names(self, row: LogRow) -> None:
        """Keep one copy of texts that stand in many rows: of a million events that is most of their memory."""
        share = self._names.setdefault
        row.type = share(row.type, row.type)
        if row.user_id is not None:
            row.user_id = share(row.user_id, row.user_id)
        if row.item_id is not None:
            row.item_id = share(row.item_id, row.item_id)

    def _change_item(self, row: LogRow, item_id: str) -> None:
        before = self._items.get(item_id)
        after = self._items[item_id] = self._rules.fold_item(before, row)
        versions = self._item_versions.setdefault(item_id, Versions())
        versions.add(row, fields_of(after))
        if row.imported and row.kind != "event" and (before is None or self._bare(before)):
            versions.always()

    @staticmethod
    def _bare(item: Item) -> bool:
        """Whether an item is only known from events."""
        return item == Item(item_id=item.item_id, created_at=item.created_at, sequence=item.sequence)

    def _change_user(self, row: LogRow, user_id: str) -> None:
        seen = len(self._people.moves)
        self._people.apply(row)
        for move in self._people.moves[seen:]:
            self._links.setdefault(move.user_id, Versions()).add(row, move.after)
            if move.after is not None:
                self._pointing.setdefault(move.after, set()).add(move.user_id)
        if row.kind == "user_merge":
            return
        versions = self._users.setdefault(user_id, Versions())
        versions.add(row, self._rules.fold_properties(versions.values[-1] if versions.values else {}, row))
        if row.imported and len(versions.values) == 1:
            versions.always()

    def ids_of(self, user_id: str, axis: Axis, upto: int) -> tuple[str, ...]:
        """All ids that were one person with this one at a position, in order, the one that they go by last."""
        root = self._root(user_id, axis, upto)
        names = sorted(name for name in self._pointing.get(root, ()) if self._root(name, axis, upto) == root)
        return (*names, root)

    def _root(self, user_id: str, axis: Axis, upto: int) -> str:
        links = self._links.get(user_id)
        return (links.at(axis, upto) if links else None) or user_id

    def properties(self, ids: Sequence[str], axis: Axis, upto: int) -> Json:
        """The attributes of a person with these ids at a position: what the last of them says counts most."""
        found: Json = {}
        for name in ids:
            versions = self._users.get(name)
            found.update((versions.at(axis, upto) if versions else None) or {})
        return found

    def fields(self, item_id: str, axis: Axis, upto: int) -> dict[str, Any]:
        """What views see of an item at a position; empty for one that was not there."""
        versions = self._item_versions.get(item_id)
        found: dict[str, Any] = (versions.at(axis, upto) if versions else None) or {}
        return found

    def attributes(self, axis: Axis, upto: int) -> Attributes:
        """The attributes of items at a position."""

        def found(item_id: str, path: str) -> Any:
            return at_path(self.fields(item_id, axis, upto), path)

        return found
