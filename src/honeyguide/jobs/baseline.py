"""Popularity counted straight from the log, served while nothing is trained: good lists from the first events on."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from honeyguide.config import Settings
from honeyguide.features import ItemBlock
from honeyguide.models.popular import Popular
from honeyguide.offline.dataset import dataset_from
from honeyguide.protocols import ServedModel, Store
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.types import LIVE, Appended, LogRow

_SHORT = 100_000


class Serving(Protocol):
    """Who serves what is counted."""

    def aliases(self) -> dict[str, str]:
        """What is served under each alias."""

    async def set_baseline(self, served: ServedModel) -> None:
        """Serve popularity while nothing is trained."""


class Baseline:
    """Makes the version `live@S` from the log up to sequence S; the same S always gives the same version."""

    def __init__(self, store: Store, items: ItemBlock, settings: Settings) -> None:
        self._store, self._items, self._settings = store, items, settings
        self._serving: Serving | None = None
        self._counted_at = 0

    def serve_on(self, serving: Serving) -> None:
        """Where to put what is counted."""
        self._serving = serving

    def at(self, sequence: int) -> ServedModel:
        """Popularity as it was at a log position."""
        dataset = dataset_from(self._store.log.interactions(until=sequence), self._settings)
        model = Popular().fit(dataset.interactions)
        return tie_to_block(f"{LIVE}@{sequence}", model, dataset.item_ids, [], self._items)

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> None:
        """A subscriber of the log: after an erasure, count again."""
        if any(row.kind == "user_delete" for row in rows):
            self._counted_at = 0

    async def round(self) -> None:
        """Count again if nothing is trained and the log has grown: at all while it is short, by a tenth when it is long."""
        serving = self._serving
        if serving is None or "champion" in serving.aliases():
            return
        position = await self._store.log.position()
        if position > self._counted_at and (position < _SHORT or position > 1.1 * self._counted_at):
            self._counted_at = position
            await serving.set_baseline(await asyncio.to_thread(self.at, position))
