"""Writes served slates off the request, in groups."""

import asyncio

from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import SlateLog
from honeyguide.types import ServedSlate

_MOST_WAITING = 100_000


class SlateWriter:
    """A `SlateSink` that holds slates for one round. What does not fit into memory or the spool is counted as lost."""

    def __init__(self, slates: SlateLog, metrics: Metrics) -> None:
        self._slates = slates
        self._metrics = metrics
        self._waiting: list[ServedSlate] = []
        self._writing = asyncio.Lock()

    def add(self, slate: ServedSlate) -> None:
        """Take a slate; returns at once and never fails."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(slate)
        else:
            self._metrics.slates_lost.inc()

    async def round(self) -> None:
        """Write what has come in since the last round; what the database does not take waits in the store's spool."""
        async with self._writing:
            group, self._waiting = self._waiting, []
            if group:
                try:
                    logged = await asyncio.to_thread(self._slates.append, group)
                except BaseException:
                    self._metrics.slates_lost.inc(len(group))
                    raise
                self._metrics.slates_logged.inc(logged.stored)
                self._metrics.slates_lost.inc(logged.lost)
