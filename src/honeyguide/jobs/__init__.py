"""What runs beside the requests. One file per job; `Jobs` starts and stops them with the process.

An embedded server runs all of them: follow the log for what other processes wrote (`follow`), write served slates
(`slates`), count popularity while nothing is trained (`baseline`), train on request (`training`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from honeyguide.monitoring.metrics import Metrics

__all__ = ["Rounds"]

log = structlog.get_logger(__name__)


class Rounds:
    """A job that does one short round again and again, `every` seconds apart, until it is stopped.

    A round that fails is counted and tried again at the next turn: a background job never ends the process."""

    def __init__(self, name: str, every: float, round: Callable[[], Awaitable[object]], metrics: Metrics) -> None:
        self._name, self._every, self._round = name, every, round
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin on the running event loop."""
        self._stopping = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._forever(), name=f"honeyguide-{self._name}")

    async def stop(self) -> None:
        """End after the round under way."""
        if self._task is not None:
            self._stopping.set()
            await asyncio.wait([self._task])
            self._task = None

    async def _forever(self) -> None:
        while not self._stopping.is_set():
            await self.once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every)

    async def once(self) -> None:
        """One round."""
        try:
            await self._round()
        except Exception:  # counted; tried again at the next turn
            self._metrics.background_errors.labels(self._name).inc()
            log.exception("background job failed, it is tried again", job=self._name)
