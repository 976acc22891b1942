"""Follows the log for what other processes wrote, so that this one reflects it within 100 ms.

The store tells cheaply whether anybody has committed; only then are the new rows read. Rows that this process
appended itself were told to the same subscribers when they were acknowledged, and are passed over here.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

import structlog

from honeyguide.errors import HoneyguideError
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, LogWatch
from honeyguide.types import Appended, LogRow

DELIVERIES = 5
"""How often a batch that cannot be told is tried as a whole."""
_ROWS_PER_ROUND = 20_000
_BATCH = 1_000

log = structlog.get_logger(__name__)


class Follow:
    """Keeps subscribers at the end of the log. `position` is the last sequence that they have seen; set it before the
    first round."""

    def __init__(
        self,
        log: EventLog,
        subscribers: Iterable[Callable[[Sequence[LogRow]], Awaitable[object]]],
        metrics: Metrics,
    ) -> None:
        self._log = log
        self._watch: LogWatch = log.watch()
        self._subscribers = tuple(subscribers)
        self._gauge = metrics.log_position
        self._passed_over = metrics.log_rows_passed_over
        self._own: dict[int, int] = {}
        self._failed_at = self._failures = 0
        self._behind = False
        self.position = 0

    @property
    def behind(self) -> bool:
        """Whether the last round left something to the next one."""
        return self._behind

    async def appended_here(self, rows: Sequence[LogRow], appended: Appended) -> None:
        """Remember what this process wrote, once its subscribers have it; what they failed to hear is followed again."""
        fresh = [row.sequence for row in rows if row.sequence > self.position]
        if fresh:
            self._own[fresh[0]] = fresh[-1]
            self._skip_own()

    async def round(self) -> None:
        """Tell the subscribers of all that others have committed since the last round.

        A round that fails is taken up again by the next one, where it stopped."""
        if not (await self._watch.changed() or self._behind):
            return
        self._behind = True
        seen = 0
        while seen < _ROWS_PER_ROUND:
            self._skip_own()
            batch = await self._log.rows_after(self.position, limit=_BATCH)
            if not batch:
                break
            await self._tell(batch)
            seen += len(batch)
        self._gauge.set(self.position)
        self._behind = seen >= _ROWS_PER_ROUND

    def _skip_own(self) -> None:
        while (end := self._own.pop(self.position + 1, None)) is not None:
            self.position = end

    async def _tell(self, batch: Sequence[LogRow]) -> None:
        own = sorted(self._own.items())
        strangers = [row for row in batch if not any(first <= row.sequence <= last for first, last in own)]
        if strangers:
            await self._tell_all(strangers)
        self.position = batch[-1].sequence
        self._own = {first: last for first, last in self._own.items() if last > self.position}

    async def _tell_all(self, rows: Sequence[LogRow]) -> None:
        """Tell rows together; where that fails again and again and nothing is away, one after another, without the one that
        cannot be told: it must not keep the process from all that comes after it."""
        try:
            for subscriber in self._subscribers:
                await subscriber(rows)
        except HoneyguideError:  # something is away: nothing is wrong with the rows
            raise
        except Exception:  # counted by the round that it fails, until there is no point in another one
            self._failures = self._failures + 1 if self._failed_at == self.position else 1
            self._failed_at = self.position
            if self._failures < DELIVERIES:
                raise
            for row in rows:
                await self._tell_one(row)

    async def _tell_one(self, row: LogRow) -> None:
        for subscriber in self._subscribers:
            try:
                await subscriber([row])
            except HoneyguideError:
                raise
            except Exception:  # counted: the row stays in the log, and is read again at the next start
                self._passed_over.inc()
                log.exception("a row of the log is passed over", sequence=row.sequence, kind=row.kind, type=row.type)
