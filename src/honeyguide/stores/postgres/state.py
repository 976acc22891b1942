"""The hot read: what is known of a user, at the end of the log or at an earlier position of it, in one statement.

One statement is one round trip and one snapshot. What may be many rows comes as arrays, which are quicker to read."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.fold import People, merged_properties
from honeyguide.stores.postgres.position import POSITION
from honeyguide.stores.sql.features import FOLD, MOST_TAIL, folded_rows
from honeyguide.stores.sql.impressions import IMPRESSIONS
from honeyguide.stores.sql.past import group_then
from honeyguide.stores.sql.rows import LOG_COLUMNS, SELECT_LOG, SELECT_USER, log_row, user
from honeyguide.types import Folded, LogRow, UserEvent, UserState

_AT: Final = "(SELECT at FROM now)"
_ROOT: Final = "(SELECT id FROM root)"
_LINKED: Final = f"since <= {_AT} AND (until IS NULL OR until > {_AT})"
_SINCE: Final = f"kind = 'event' AND sequence > (SELECT after FROM folded) AND sequence <= {_AT}"
_OWN_EVENT: Final = ("item_id", "type", "ts", "value", "sequence")


def _arrays(columns: Sequence[str]) -> str:
    return ", ".join(f"array_agg({name})" for name in columns)


_PEOPLE: Final = f"""
root AS MATERIALIZED (SELECT coalesce((SELECT canonical_id FROM users WHERE user_id = %(user)s), %(user)s) AS id),
people AS MATERIALIZED ({SELECT_USER} WHERE user_id = {_ROOT} UNION ALL {SELECT_USER} WHERE canonical_id = {_ROOT})"""
PERSON: Final = f"WITH {_PEOPLE} SELECT * FROM people"
"""The rows of all users that are one person with `user` now."""

# Who the user is at which position: the ids in `ids`, and their attributes, or what these are folded from, in `told`.
_NOW: Final = f"""
WITH now AS MATERIALIZED (SELECT {POSITION} AS at), {_PEOPLE},
ids AS (SELECT %(user)s AS id UNION SELECT user_id FROM people),
told AS (SELECT {_arrays(("user_id", "canonical_id", "properties", "sequence"))} FROM people)"""
_THEN: Final = f"""
WITH now AS MATERIALIZED (SELECT least({POSITION}, %(until)s::bigint) AS at),
root AS MATERIALIZED (
    SELECT coalesce((SELECT canonical_id FROM user_links WHERE user_id = %(user)s AND {_LINKED}), %(user)s) AS id
),
pointing AS MATERIALIZED (SELECT user_id FROM user_links WHERE canonical_id = {_ROOT} AND {_LINKED}),
ids AS (SELECT id FROM root UNION SELECT user_id FROM pointing),
changes AS (
    SELECT changed.* FROM ids CROSS JOIN LATERAL (
        SELECT kind, user_id, payload, sequence FROM log
        WHERE user_id = ids.id AND {BESIDE_HISTORY} AND kind <> 'event' AND sequence <= {_AT}
    ) AS changed ORDER BY sequence
),
told AS (
    SELECT {_ROOT}, (SELECT array_agg(user_id ORDER BY user_id) FROM pointing), {_arrays(("kind", "user_id", "payload"))}
    FROM changes
)"""

_EVENTS: Final = f"""
events AS (
    SELECT latest.* FROM ids CROSS JOIN LATERAL (
        SELECT {", ".join(_OWN_EVENT)} FROM log
        WHERE user_id = ids.id AND {HISTORY} AND kind = 'event' AND sequence <= {_AT}
        ORDER BY ts DESC, sequence DESC LIMIT %(limit)s
    ) AS latest ORDER BY ts DESC, sequence DESC LIMIT %(limit)s
),
history AS (SELECT {_arrays(_OWN_EVENT)} FROM (SELECT * FROM events ORDER BY ts, sequence) AS oldest_first)"""
_SEEN: Final = f"""(SELECT EXISTS (SELECT 1 FROM events)
    OR EXISTS (SELECT 1 FROM log WHERE user_id = %(user)s AND {HISTORY} AND sequence <= {_AT})
    OR EXISTS (SELECT 1 FROM log WHERE user_id = %(user)s AND {BESIDE_HISTORY} AND sequence <= {_AT})
    OR EXISTS (SELECT 1 FROM user_links WHERE canonical_id = %(user)s AND since <= {_AT}))"""
_FOLDED: Final = f"""
folded AS MATERIALIZED (
    SELECT coalesce((SELECT sequence FROM folds WHERE fold = %(fold)s AND sequence <= {_AT}), 0) AS after
),
states AS (
    SELECT array_agg(state ORDER BY id = {_ROOT}, id) FROM ids JOIN feature_states ON view = %(group)s AND entity_id = id
    WHERE (SELECT after FROM folded) > 0
),
since AS (
    SELECT later.* FROM ids CROSS JOIN LATERAL (
        {SELECT_LOG} WHERE user_id = ids.id AND {HISTORY} AND {_SINCE}
        UNION ALL {SELECT_LOG} WHERE user_id = ids.id AND {BESIDE_HISTORY} AND {_SINCE}
    ) AS later ORDER BY sequence LIMIT {MOST_TAIL + 1}
),
tail AS (SELECT {_arrays(LOG_COLUMNS)} FROM (SELECT * FROM since ORDER BY sequence) AS in_order)"""


IMPRESSIONS_SEEN: Final = f"""{_THEN}
SELECT seen.ts, seen.payload FROM ids CROSS JOIN LATERAL (
    SELECT ts, sequence, payload FROM log
    WHERE user_id = ids.id AND {IMPRESSIONS} AND ts > %(since)s AND sequence <= {_AT}
    ORDER BY ts DESC, sequence DESC LIMIT %(limit)s
) AS seen ORDER BY seen.ts DESC, seen.sequence DESC LIMIT %(limit)s"""
"""The latest impressions of `user` and of those merged with it, up to position `until`."""


def _statement(then: bool, folded: bool) -> str:
    parts = ", ".join([_THEN if then else _NOW, _EVENTS, *([_FOLDED] if folded else [])])
    tables = ", ".join(["history", "told", *(["states", "tail"] if folded else [])])
    return f"{parts}\nSELECT {_AT}, {_SEEN}, {tables.replace(', ', '.*, ')}.* FROM {tables}"


_STATEMENTS: Final = {kind: _statement(*kind) for kind in product((False, True), repeat=2)}


def question(
    user_id: str, *, limit: int, until: int | None = None, features: str | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement that reads a user, and its values; `answer` reads what it gives."""
    values = {"user": user_id, "limit": limit, "until": until, "group": features, "fold": f"{FOLD}{features}"}
    return _STATEMENTS[until is not None, features is not None], values


def answer(row: Sequence[Any], user_id: str, *, until: int | None = None, features: str | None = None) -> UserState:
    """The state of a user from the one row that `question` finds."""
    as_of, known, items, types, times, values, sequences, *rest = row
    events = tuple(map(UserEvent, items, types, times, values, sequences)) if items else ()
    if until is None:
        properties, rest = _properties_now(user_id, *rest[:4]), rest[4:]
    else:
        properties, rest = _properties_then(*rest[:5]), rest[5:]
    folded = None if features is None else _folded(rest, as_of)
    return UserState(user_id, as_of, events, properties, known, folded)


def _properties_now(user_id: str, *columns: Any) -> dict[str, Any]:
    if columns[0] is None:
        return {}
    return merged_properties(People(map(user, zip(*columns, strict=True))).group(user_id))


def _properties_then(root: str, pointing: Any, kinds: Any, users: Any, payloads: Any) -> dict[str, Any]:
    rows = [
        LogRow(kind=kind, event_id="", ts=0, received_at=0, user_id=name, payload=payload)
        for kind, name, payload in zip(kinds or (), users or (), payloads or (), strict=True)
    ]
    return merged_properties(group_then(root, pointing or (), rows))


def _folded(columns: Sequence[Any], as_of: int) -> Folded:
    states, *tail = columns
    rows = [log_row(values) for values in zip(*tail, strict=True)] if tail[0] else []
    return folded_rows(states or (), rows, as_of)
