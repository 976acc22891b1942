"""One process leads: it holds a lease and does what only one may do, such as folding the log.

A leader that is killed or frozen does not prolong its lease, and another takes it within seconds. One that wakes up
again finds its time over by its own clock, before it does anything: the time counts from before it asked for the lease,
so the database ends it no earlier than the leader does.
"""

import asyncio
from typing import Final

import structlog

from honeyguide.clock import Clock
from honeyguide.jobs.presence import Presence
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Leases

LEASE: Final = "leader"
LEASE_SECONDS: Final = 4.0

log = structlog.get_logger(__name__)


class Leader:
    """The part of one process in the election."""

    def __init__(self, leases: Leases, presence: Presence, clock: Clock, metrics: Metrics) -> None:
        self._leases, self._presence, self._clock = leases, presence, clock
        self._until = self._since = float("-inf")
        metrics.leader.set_function(lambda: float(self.leads()))

    def leads(self) -> bool:
        """Whether this process is the leader at this moment; to be asked before every step that only one may do."""
        return self._clock.monotonic() < self._until

    def leads_for(self) -> float:
        """For how many seconds it has been the leader without a gap; 0 if it is not."""
        return self._clock.monotonic() - self._since if self.leads() else 0.0

    async def round(self) -> None:
        """Take the lease, prolong it, or give it back to one that should rather lead."""
        if not self._presence.may_lead():
            await self.resign()
            return
        asked, led = self._clock.monotonic(), self.leads()
        got = await asyncio.to_thread(self._leases.acquire, LEASE, self._presence.me.process_id, LEASE_SECONDS)
        self._until = asked + LEASE_SECONDS if got else float("-inf")
        if got and not led:
            self._since = asked
        if got != led:
            self._tell("leads now" if got else "leads no longer")

    async def resign(self) -> None:
        """Lead no longer, and let another begin at once."""
        if self.leads():
            self._until = float("-inf")
            await asyncio.to_thread(self._leases.release, LEASE, self._presence.me.process_id)
            self._tell("leads no longer")

    def _tell(self, what: str) -> None:
        if self._presence.role != "library":  # whose log is its caller's
            log.info(what, process=self._presence.me.process_id)
