"""Makes sure that the shared cache has the tokens of every row of the log.

Who takes an event sets its tokens at once, before the acknowledgement, if the server takes them in time (`tell`). The
relay goes over the log once more and repeats all of them until they are taken: repeating changes nothing. How far it has
come is noted in the shared cache itself, so that a server that comes back with an older copy says by itself where to go
on from; and since a server that replaced another may have lost the latest writes, ten minutes are repeated then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, SharedCache
from honeyguide.types import Invalidation, LogRow, Noted

log = structlog.get_logger(__name__)

_CAP: Final = 0.02
_BATCH: Final = 1_000
_BATCHES_PER_ROUND: Final = 20
_BACK_MS: Final = 600_000


class Teller(Protocol):
    """Tells of tokens under the names that subjects have in the shared cache now."""

    @property
    def salt(self) -> bytes | None:
        """Part of each name; None before the shared cache has said it."""

    async def pull(self) -> bool:
        """Hear what is new, another salt included; whether there was an answer."""

    async def replace(self, changes: Sequence[Invalidation]) -> None:
        """Tell of events. Raises `Unavailable` unless all were taken."""


Changes = Callable[[Sequence[LogRow]], Awaitable[Sequence[Invalidation]]]
"""Rows of the log -> what they do to subjects."""


class TokenRelay:
    """One process runs the rounds; `tell` is for all that take events."""

    def __init__(
        self, shared: SharedCache, teller: Teller, events: EventLog, changes: Changes, clock: Clock, metrics: Metrics
    ) -> None:
        self._shared, self._teller, self._log, self._changes, self._clock = shared, teller, events, changes, clock
        self._untold = metrics.invalidations_untold
        self._telling: set[asyncio.Task[None]] = set()
        self._position: int | None = None
        self._behind_since: int | None = None
        metrics.invalidation_lag.set_function(self.lag)

    def lag(self) -> float:
        """Seconds for which the oldest row that the relay has not told of has waited."""
        return 0.0 if self._behind_since is None else max(0, self._clock.now_ms() - self._behind_since) / 1000

    async def tell(self, changes: Sequence[Invalidation]) -> None:
        """Set tokens now if that takes no longer than 20 ms; what is not taken is left to the rounds."""
        if changes:
            task = asyncio.get_running_loop().create_task(self._tell(changes))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
            await asyncio.wait({task}, timeout=_CAP)

    async def _tell(self, changes: Sequence[Invalidation]) -> None:
        try:
            await self._teller.replace(changes)
        except Unavailable:
            self._untold.inc(len(changes))

    async def round(self) -> None:
        """Tell of all rows that were committed since the last round; a row that is not taken is tried again."""
        try:
            noted = await self._shared.told()
            if noted.salt != self._teller.salt or not noted.salt:
                await self._teller.pull()
                noted = await self._shared.told()
            self._position = await self._begin(noted)
            for _ in range(_BATCHES_PER_ROUND):
                rows = await self._log.rows_after(self._position, limit=_BATCH)
                self._behind_since = rows[0].received_at if rows else None
                if not rows:
                    break
                await self._teller.replace(await self._changes(rows))
                self._position = rows[-1].sequence
            if self._teller.salt != noted.salt:
                raise Unavailable("Subjects have got other names.", cure="The next round tells of all again.")
            if self._position != noted.position or not noted.same:
                await self._shared.tell(self._position, noted.salt)
        except Unavailable:
            await self._note_lag()

    async def _begin(self, noted: Noted) -> int:
        """Where to go on from."""
        end = await self._log.position()
        if noted.position is not None and noted.position > end:
            log.warning("the log is shorter than it was: the shared cache is emptied", position=end, noted=noted.position)
            await self._shared.clear()
            await self._shared.tell(end, noted.salt)
            raise Unavailable("The shared cache was emptied.", cure="The next round goes on.")
        if noted.position is not None and noted.same:
            return noted.position
        back = await self._position_at(self._clock.now_ms() - _BACK_MS, end)
        return back if noted.position is None else min(noted.position, back)

    async def _position_at(self, ms: int, end: int) -> int:
        """A log position before all rows received at or after `ms`, by halving: rows are received in about the order of the
        log."""
        low, high = 0, end
        while low < high:
            middle = (low + high) // 2
            row = await self._log.rows_after(middle, limit=1)
            if row and row[0].received_at < ms:
                low = row[0].sequence
            else:
                high = middle
        return low

    async def _note_lag(self) -> None:
        if self._behind_since is None and self._position is not None:
            rows = await self._log.rows_after(self._position, limit=1)
            self._behind_since = rows[0].received_at if rows else None

    async def drain(self) -> None:
        """Wait for what is being told."""
        if self._telling:
            await asyncio.wait(list(self._telling))
