"""The hot read: what is known of a user, at the end of the log or at an earlier position of it."""

import sqlite3
from operator import attrgetter
from typing import Any, Final

from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.fold import People, merged_properties
from honeyguide.stores.sql import Database
from honeyguide.stores.sql.features import folded
from honeyguide.stores.sql.impressions import IMPRESSIONS, items_seen
from honeyguide.stores.sql.past import group_then
from honeyguide.stores.sql.rows import LINKS_AT, SELECT_LOG, SELECT_USER, log_row, user
from honeyguide.stores.sql.tombstones import LAST_ERASED, erased_before
from honeyguide.stores.sqlite.rows import select_in
from honeyguide.types import User, UserEvent, UserState

_EVENTS: Final = (
    "SELECT item_id, type, ts, value, sequence FROM log "
    f"WHERE user_id = ? AND {HISTORY} AND kind = 'event' AND sequence <= ? ORDER BY ts DESC, sequence DESC LIMIT ?"
)
_IMPRESSIONS: Final = (
    f"SELECT ts, sequence, payload FROM log WHERE user_id = ? AND {IMPRESSIONS} AND ts > ? AND sequence <= ? "
    "ORDER BY ts DESC, sequence DESC LIMIT ?"
)
_SEEN: Final = (
    f"SELECT EXISTS (SELECT 1 FROM log WHERE user_id = :user_id AND {HISTORY} AND sequence <= :until) "
    f"OR EXISTS (SELECT 1 FROM log WHERE user_id = :user_id AND {BESIDE_HISTORY} AND sequence <= :until)"
)
_HEAD: Final = f"SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'log'), {LAST_ERASED}"
_NAMED: Final = "SELECT EXISTS (SELECT 1 FROM user_links WHERE canonical_id = :user_id AND since <= :until)"
_CHANGES: Final = f"{SELECT_LOG} WHERE {BESIDE_HISTORY} AND kind <> 'event' AND user_id"


POSITION: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'log'"


def position(db: Database) -> int:
    """The last number that the log gave out. It never goes back, also when the newest rows were erased."""
    row = db.execute(POSITION).fetchone()
    return int(row[0]) if row else 0


def head(db: sqlite3.Connection) -> tuple[int, int | None]:
    """The position, and when the latest erasure was; one statement, since each costs more than what it reads."""
    position, mark = db.execute(_HEAD).fetchone()
    return position or 0, erased_before(mark)


def user_state(
    db: sqlite3.Connection, user_id: str, *, limit: int, until: int | None = None, features: str | None = None
) -> UserState:
    """Attributes and latest events of a user in the snapshot that `db` has open."""
    now = position(db)
    if until is None or until >= now:
        until = now
        group = group_now(db, user_id)
    else:
        group = _group_at(db, user_id, until)
    ids = [member.user_id for member in group] or [user_id]
    events = _events(db, ids, until, limit) if limit else ()
    known = bool(events) or _is_known(db, user_id, until)
    rows = None if features is None else folded(db, features, ids, until)
    return UserState(user_id, until, events, merged_properties(group), known, rows)


def impressions(db: sqlite3.Connection, user_id: str, *, since: int, until: int, limit: int) -> list[tuple[str, int]]:
    """What was seen lately, in the snapshot that `db` has open; see `protocols.EventLog.impressions`."""
    group = group_now(db, user_id) if until >= position(db) else _group_at(db, user_id, until)
    rows: list[tuple[int, int, str | None]] = []
    for name in [member.user_id for member in group] or [user_id]:
        rows += db.execute(_IMPRESSIONS, (name, since, until, limit)).fetchall()
    rows.sort(key=lambda row: row[:2], reverse=True)
    return items_seen((ts, payload) for ts, _, payload in rows[:limit])


def _is_known(db: sqlite3.Connection, user_id: str, until: int) -> bool:
    """Whether a row of the log up to `until` is the user's, or merged somebody into the user."""
    asked = {"user_id": user_id, "until": until}
    return any(db.execute(sql, asked).fetchone()[0] for sql in (_SEEN, _NAMED))


def _events(db: sqlite3.Connection, ids: list[str], until: int, limit: int) -> tuple[UserEvent, ...]:
    """The latest `limit` events of all ids together, oldest first."""
    rows: list[tuple[Any, ...]] = []
    for name in ids:
        rows += db.execute(_EVENTS, (name, until, limit)).fetchall()
    if len(ids) > 1:
        rows = sorted(rows, key=lambda row: (row[2], row[4]), reverse=True)[:limit]
    rows.reverse()
    return tuple([UserEvent(*row) for row in rows])


def group_now(db: sqlite3.Connection, user_id: str) -> list[User]:
    """The user and all that are merged with it; empty if nothing but events is known."""
    row = db.execute(f"{SELECT_USER} WHERE user_id = ?", (user_id,)).fetchone()
    if row is None:
        return []
    root = row[1] or user_id
    rows = db.execute(f"{SELECT_USER} WHERE user_id = ? UNION ALL {SELECT_USER} WHERE canonical_id = ?", (root, root))
    return People(map(user, rows.fetchall())).group(root)


def _group_at(db: sqlite3.Connection, user_id: str, until: int) -> list[User]:
    """The merged users as they were at a position: by the links of then, attributes folded from their own rows."""
    found = db.execute(f"{LINKS_AT} AND user_id = :user_id", {"at": until, "user_id": user_id}).fetchone()
    root = found[1] if found else user_id
    pointing = db.execute(f"{LINKS_AT} AND canonical_id = :root ORDER BY user_id", {"at": until, "root": root}).fetchall()
    names = [name for name, _ in pointing]
    rows = (row for row in map(log_row, select_in(db, _CHANGES, [*names, root])) if row.sequence <= until)
    return group_then(root, names, sorted(rows, key=attrgetter("sequence")))
