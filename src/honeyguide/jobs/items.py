"""Keeps the item block at the state of the item tables."""

from collections.abc import Sequence

from honeyguide.features import ItemBlock
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import CatalogueTable
from honeyguide.types import Appended, LogRow


class ItemRefresh:
    """A subscriber of the log that reads changed and unknown items into the block, before the change is acknowledged."""

    def __init__(self, table: CatalogueTable, items: ItemBlock, metrics: Metrics) -> None:
        self._table, self._items, self._metrics = table, items, metrics

    def load(self) -> None:
        """Read all items; at the start of the process."""
        for batch in self._table.scan_items():
            self._items.put(batch)
        self._count()

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> None:
        """Read the items that the rows changed, and those that they are the first to name."""
        known = self._items.numbers
        wanted = {
            row.item_id for row in rows if row.item_id is not None and (row.kind != "event" or row.item_id not in known)
        }
        if wanted:
            self._items.put(await self._table.items_by_id(wanted))
            self._count()

    def _count(self) -> None:
        self._metrics.catalog_items.labels("blocked").set(len(self._items.denied))
        self._metrics.catalog_items.labels("available").set(len(self._items) - len(self._items.denied))
