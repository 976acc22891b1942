"""Rules as the tables hold them: the present ones, and every revision there ever was."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict, NotFound
from honeyguide.messages import Rule
from honeyguide.protocols.rules import RuleChange
from honeyguide.stores.sql import Database, Reads, Writes

_ALL: Final = "SELECT rule, revision, changed_at, definition FROM rules ORDER BY rule"
_LAST: Final = "SELECT MAX(revision) FROM rule_changes WHERE rule = ?"
_PUT: Final = (
    "INSERT INTO rules (rule, revision, surface, owner, definition, enabled, starts_at, ends_at, changed_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (rule) DO UPDATE SET revision = excluded.revision, "
    "surface = excluded.surface, owner = excluded.owner, definition = excluded.definition, enabled = excluded.enabled, "
    "starts_at = excluded.starts_at, ends_at = excluded.ends_at, changed_at = excluded.changed_at"
)
_NOTE: Final = "INSERT INTO rule_changes (rule, revision, changed_at, changed_by, definition) VALUES (?, ?, ?, ?, ?)"
_HISTORY: Final = (
    "SELECT rule, revision, changed_at, definition, changed_by FROM rule_changes WHERE rule = ? ORDER BY revision DESC"
)
_AT: Final = "SELECT rule, revision, changed_at, definition FROM rule_changes WHERE rule = ? AND revision = ?"

_decode: Final = msgspec.json.Decoder(Rule).decode


class TableRules:
    """`protocols.rules.RuleTable` on any database."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes, self._reads, self._clock = writes, reads, clock

    def all(self) -> list[Rule]:
        """All rules, by name."""
        with self._reads.snapshot() as db:
            return [_rule(row) for row in db.execute(_ALL).fetchall()]

    def put(self, rule: Rule, *, by: str) -> Rule:
        """Make or replace a rule. Raises `Conflict` where it has been changed since it was read."""
        return self._writes.call(_put, (rule, by, self._clock.now_ms()))

    def remove(self, name: str, *, by: str) -> None:
        """Remove a rule; raises `NotFound`."""
        self._writes.call(_remove, (name, by, self._clock.now_ms()))

    def history(self, name: str) -> list[RuleChange]:
        """All revisions, latest first."""
        with self._reads.snapshot() as db:
            rows = db.execute(_HISTORY, (name,)).fetchall()
        return [RuleChange(int(row[1]), int(row[2]), row[4], _rule(row[:4]) if row[3] is not None else None) for row in rows]

    def at(self, labels: Collection[str]) -> list[Rule]:
        """Revisions as they were."""
        found = []
        with self._reads.snapshot() as db:
            for label in labels:
                name, _, revision = label.rpartition(":")
                row = db.execute(_AT, (name, int(revision) if revision.isdigit() else 0)).fetchone()
                if row is not None and row[3] is not None:
                    found.append(_rule(row))
        return found


def _put(db: Database, payloads: Sequence[tuple[Rule, str, int]]) -> list[Rule]:
    kept = []
    for rule, by, now in payloads:
        present = db.execute("SELECT revision FROM rules WHERE rule = ?", (rule.name,)).fetchone()
        if rule.revision and (present is None or int(present[0]) != rule.revision):
            there = f"it is at revision {present[0]} now" if present else "it is gone"
            raise Conflict(
                f"The rule {rule.name!r} has changed since revision {rule.revision}: {there}.",
                cure="Read it again, and send it with its present revision, or without one to replace whatever is there.",
                code="rule_changed",
            )
        new = msgspec.structs.replace(rule, revision=_next(db, rule.name), changed_at=now)
        definition = msgspec.json.encode(new).decode()
        values = (new.surface, new.owner, definition, new.enabled, new.starts_at, new.ends_at, now)
        db.execute(_PUT, (new.name, new.revision, *values))
        db.execute(_NOTE, (new.name, new.revision, now, by, definition))
        kept.append(new)
    return kept


def _next(db: Database, name: str) -> int:
    """Revisions go on counting when a rule is made again under a name that was removed."""
    return int(db.execute(_LAST, (name,)).fetchone()[0] or 0) + 1


def _remove(db: Database, payloads: Sequence[tuple[str, str, int]]) -> list[None]:
    for name, by, now in payloads:
        if db.execute("DELETE FROM rules WHERE rule = ?", (name,)).rowcount == 0:
            there = ", ".join(row[0] for row in db.execute("SELECT rule FROM rules ORDER BY rule LIMIT 20")) or "none"
            raise NotFound(f"There is no rule {name!r}.", cure=f"There are: {there}.", code="rule_not_found")
        db.execute(_NOTE, (name, _next(db, name), now, by, None))
    return [None] * len(payloads)


def _rule(row: Sequence[Any]) -> Rule:
    name, revision, changed_at, definition = row
    return msgspec.structs.replace(_decode(definition), name=name, revision=int(revision), changed_at=int(changed_at))
