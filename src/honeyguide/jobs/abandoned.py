"""Takes jobs away from processes that have died, so that none stays `running` for ever."""

import asyncio
from collections.abc import Collection

import structlog

from honeyguide.jobs.leader import Leader
from honeyguide.jobs.presence import SILENT, Presence
from honeyguide.protocols import JobTable

log = structlog.get_logger(__name__)


class Abandoned:
    """The leader's duty. Jobs of the kinds `again` are safely begun anew by another process; others fail, saying why."""

    def __init__(self, table: JobTable, presence: Presence, leader: Leader, again: Collection[str]) -> None:
        self._table, self._presence, self._leader, self._again = table, presence, leader, again

    async def round(self) -> None:
        """Look once. Silence counts only when the database has answered for as long: after an outage all were silent."""
        silent = SILENT if self._leader.leads_for() > SILENT else float(10**9)
        for job in await asyncio.to_thread(self._table.abandoned, self._presence.ended(), silent, self._again):
            log.warning("a job's process has died", job=job.job_id, kind=job.kind, state=job.state)
