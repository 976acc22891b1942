"""One process among the others on the same data: its heartbeat, who else is there, and what follows from it.

Whether another is alive is judged by the database's clock; only for a process of this machine that is gone already the
operating system is asked, which is sooner.
"""

import asyncio
from typing import Final, Literal

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.protocols import Heartbeats
from honeyguide.stores.lock import is_running
from honeyguide.types import Process, ProcessRole

SILENT: Final = 10.0
"""Seconds without a heartbeat after which a process counts as dead."""
_MISSED: Final = 5.0
"""Seconds after which one has missed a heartbeat: then a look at whether its process still runs settles it."""
_LOOK_AGAIN: Final = 0.2
_STAND_IN: Final = 5.0
"""Seconds that a process without a heartbeat stands by before it does what it would do alone."""
_BESIDE: Final[dict[ProcessRole, tuple[ProcessRole, ...]]] = {"api": ("alone",), "alone": ("alone", "api"), "worker": ()}

log = structlog.get_logger(__name__)

Role = ProcessRole | Literal["library"]


class Presence:
    """The process `me`. A library's has no heartbeat: it comes and goes, and leaves the work to whoever is there."""

    def __init__(self, heartbeats: Heartbeats, me: Process, role: Role, clock: Clock) -> None:
        self._heartbeats, self._clock = heartbeats, clock
        self._others: list[Process] = []
        self._looked_at: float | None = None
        self.me, self.role = me, role

    async def enter(self, *, guarded: bool) -> None:
        """Join the others. Raises `Conflict` where this process must not run beside one of them.

        `guarded`: something else sees to it already that there is no such other. One that died just now is waited for."""
        if self.role != "library":
            before: Process | None = None
            while (met := await asyncio.to_thread(self._enter, guarded)) is not None:
                if before is not None and met.process_id == before.process_id and met.silent < before.silent:
                    raise _in_the_way(self.me, met)  # it was heard of since we look
                if before is None:
                    log.info("waiting to see whether another server is alive", process=met.pid, host=met.host)
                before = met
                await asyncio.sleep(_LOOK_AGAIN)
        await self.look()

    def _enter(self, guarded: bool) -> Process | None:
        apart_from = () if guarded else _BESIDE[self.me.role]
        met = self._heartbeats.enter(self.me, apart_from=apart_from, within=SILENT)
        if met is not None and self._has_ended(met):
            self._heartbeats.leave(met.process_id)
            return self._enter(guarded)
        return met

    async def round(self) -> None:
        """Say that this process is there, and see who else is."""
        if self.role != "library":
            await asyncio.to_thread(self._heartbeats.beat, self.me)
        await self.look()

    async def look(self) -> None:
        """See who else is there."""
        found = await asyncio.to_thread(self._heartbeats.processes)
        self._others = [process for process in found if process.process_id != self.me.process_id]
        self._looked_at = self._looked_at if self._looked_at is not None else self._clock.monotonic()

    async def leave(self) -> None:
        """Be gone in order: nobody has to wait for the silence."""
        if self.role != "library":
            await asyncio.to_thread(self._heartbeats.leave, self.me.process_id)

    def ended(self) -> list[str]:
        """Ids of processes of this machine that are certainly gone."""
        return [process.process_id for process in self._others if self._has_ended(process)]

    def runs_jobs(self) -> bool:
        """Whether this process takes jobs up: a worker does, and who answers where no worker is."""
        return self.role == "worker" or (self.role != "library" and not self._there("worker"))

    def others_run_jobs(self) -> bool:
        """Whether some other process takes jobs up."""
        return self._there("worker", "api", "alone")

    def others_answer(self) -> bool:
        """Whether some other process serves lists."""
        return self._there("api", "alone")

    def may_lead(self) -> bool:
        """Whether this process may be the leader: workers before those that answer, libraries last and not at once."""
        if self.role == "library":
            alone_for = self._clock.monotonic() - (self._looked_at or 0.0) if self._looked_at is not None else 0.0
            return alone_for >= _STAND_IN and not self._there("worker", "api", "alone")
        return self.runs_jobs()

    def _there(self, *roles: ProcessRole) -> bool:
        return any(process.role in roles and process.silent < SILENT for process in self._others)

    def _has_ended(self, process: Process) -> bool:
        here = process.host == self.me.host and process.silent > _MISSED
        return here and (process.pid == self.me.pid or not is_running(process.pid))


def _in_the_way(me: Process, met: Process) -> Conflict:
    port = f" on port {met.port}" if met.port else ""
    who = f"Process {met.pid} of {met.host} already serves this data{port}"
    which = "it has no redis.url" if met.role == "alone" else "this one has no redis.url"
    told = f"{who}, and {which}: without Redis a second one would not know what the first has made invalid."
    cure = 'Give both redis.url = "redis://127.0.0.1:6379/0", or stop one of them.'
    return Conflict(told, cure=cure, code="second_server")
