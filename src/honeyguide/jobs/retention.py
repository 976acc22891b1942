"""Removes what is older than it may be: events, served slates, answers by idempotency key; in small steps, beside the
traffic."""

import asyncio
from typing import Final

import structlog

from honeyguide.clock import Clock
from honeyguide.config.settings import Retention as Limits
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store

log = structlog.get_logger(__name__)

_STEPS: Final = 200
"""Steps of one round of each kind; what is left waits for the next."""


class Retention:
    """The leader's duty. Events go by when they came in, so that history which is imported today is kept as long as what
    happens today."""

    def __init__(self, store: Store, limits: Limits, clock: Clock, metrics: Metrics) -> None:
        self._store, self._limits, self._clock, self._metrics = store, limits, clock, metrics
        self._through = 0

    async def round(self) -> None:
        """Remove a part of what is too old."""
        now = self._clock.now_ms()
        events = await self._events(now - round(self._limits.events * 1000))
        slates = await self._slates(now - round(self._limits.slates * 1000))
        answers = await self._answers(now)
        for table, removed in (("log", events), ("slates", slates), ("idempotency_keys", answers)):
            self._metrics.retention_removed.labels(table).inc(removed)
        if events or slates or answers:
            log.info("what is too old was removed", events=events, slates=slates, answers=answers)
        self._metrics.job_last_success.labels("retention").set(now / 1000)

    async def _events(self, before: int) -> int:
        removed = 0
        for _ in range(_STEPS):
            found = await asyncio.to_thread(self._store.people.expire, before, after=self._through)
            removed, self._through = removed + found.removed, found.through
            if not found.more:
                break
        return removed

    async def _slates(self, before: int) -> int:
        removed = 0
        for _ in range(_STEPS):
            found = await asyncio.to_thread(self._store.slates.expire, before)
            removed += found
            if not found:
                break
        return removed

    async def _answers(self, now: int) -> int:
        removed = 0
        for _ in range(_STEPS):
            found = await self._store.idempotency.sweep(now=now)
            removed += found
            if not found:
                break
        return removed
