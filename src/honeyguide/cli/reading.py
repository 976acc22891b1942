"""A store's data as the frames that `doctor` looks at."""

import asyncio

import polars as pl

from honeyguide.cli.findings import Data
from honeyguide.protocols import Store
from honeyguide.types import Item, LogRow

_RECENT = 20_000
_ITEMS = {"item_id": pl.String, "title": pl.String, "categories": pl.Int64, "shown": pl.Boolean}
_TIMES = {"ts": pl.Int64, "received_at": pl.Int64}


def read_data(store: Store, now: int) -> tuple[Data, int]:
    """The data of a store at this moment, and its log position."""
    position = asyncio.run(store.log.position())
    events = store.log.interactions(until=position)
    latest = [row for batch in store.log.scan(after=max(0, position - _RECENT), until=position) for row in batch]
    items = [item for batch in store.catalogue.scan_items() for item in batch]
    return Data(events, _recent(latest), _items(items), now), position


def _recent(rows: list[LogRow]) -> pl.DataFrame:
    live = [(row.ts, row.received_at) for row in rows if row.kind == "event" and not row.imported]
    return pl.DataFrame(live, schema=_TIMES, orient="row")


def _items(items: list[Item]) -> pl.DataFrame:
    rows = [
        (item.item_id, item.title, len(item.categories), item.available and not item.hidden)
        for item in items
        if item.deleted_at is None
    ]
    return pl.DataFrame(rows, schema=_ITEMS, orient="row")
