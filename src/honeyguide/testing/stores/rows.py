"""Rows and slates for the suites, with ids of their own."""

import asyncio
import json
from collections.abc import Coroutine
from itertools import count
from typing import Any, TypeVar

import numpy as np

from honeyguide.protocols import Store
from honeyguide.types import Item, LogRow, RowKind, ServedSlate, UserState

T = TypeVar("T")
ODD_IDS = [
    " ",
    " leading and trailing ",
    "a/b?c=d&e#f",
    "100%_*",
    "quote'\"`;--",
    "line\nfeed\tand\\n",
    "\u00e9",
    "e\u0301",  # looks like the one before, is another id
    "\U0001f36f\U0001f426",
    "\u0645\u0631\u062d\u0628\u0627",
    "Upper",
    "upper",
    "0",
    "00",
    "null",
    "x" * 256,
    "\U0001f36f" * 64,
]
_numbers = count(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, on an event loop of its own."""
    return asyncio.run(work)


def event(user: str, item: str | None, *, ts: int = 0, type: str = "view", **fields: Any) -> LogRow:
    """An event with a new id; times are small numbers, so that they can be read."""
    return LogRow(
        **{"event_id": f"e{next(_numbers)}", "received_at": ts, **fields}, ts=ts, user_id=user, item_id=item, type=type
    )


def change(kind: RowKind, subject: str, *, ts: int = 0, imported: bool = False, **fields: Any) -> LogRow:
    """A change of the item or user `subject`; `fields` become its payload."""
    row = LogRow(kind=kind, event_id=f"e{next(_numbers)}", ts=ts, received_at=ts + 1, imported=imported)
    row.payload = json.dumps(fields) if fields else None
    if kind.startswith("item"):
        row.item_id = subject
    else:
        row.user_id = subject
    return row


def slate(request_id: str, user: str = "u") -> ServedSlate:
    """A served slate."""
    return ServedSlate(
        request_id=request_id, ts=5, user_id=user, surface="home", items=["a", "b/\U0001f36f"], n=10, served_from="l1",
        rung="personal", model="ease@3", as_of=17, computed_at=4, seed=9, config="c0ffee", propensities=[1.0, 0.25],
        degraded=["state"], context={"filters": {"category": ["x"]}},
    )  # fmt: skip


def some_history(seed: int, rows: int) -> list[LogRow]:
    """Rows of every kind on few ids, so that merges, deletes and late events meet."""
    rng = np.random.default_rng(seed)
    users, items = ["ann", "bob", "cy", "d/\U0001f36f"], ["i1", "i2", "i3"]
    made: list[LogRow] = []
    for user_number, item_number, ts, value, turn in rng.integers(0, [4, 3, 20, 4, 11], (rows, 5)).tolist():
        user, item, other = users[user_number], items[item_number], [None, *users][(ts + value) % 5]
        choices = [
            event(user, item, ts=ts, type="view", value=value or None),
            event(user, item, ts=ts, type="purchase"),
            event(user, item, ts=ts, type="impression"),
            event(user, None, ts=ts, type="profile_update"),
            change("user_patch", user, properties={"ab"[ts % 2]: value or None}),
            change("user_put", user, properties={"c": value}),
            change("user_merge", user, canonical_id=other),
            change("user_delete", user),
            change("item_put", item, ts=ts, title=f"t{value}", categories=["x", f"c{value}"]),
            change("item_patch", item, ts=ts, price=value or None, properties={"p": {"q": value or None}}),
            change("item_delete", item, ts=ts),
        ]
        made.append(choices[turn])
    return made


def all_items(store: Store) -> list[Item]:
    """Every item, in order of first sight."""
    return [item for batch in store.catalogue.scan_items() for item in batch]


def history(state: UserState) -> list[tuple[str, str, int]]:
    """The events of a state in short."""
    return [(entry.item_id, entry.type, entry.ts) for entry in state.events]
