"""The seams between processes on the same data: the queue of jobs, heartbeats, leases."""

from collections.abc import Collection
from typing import Protocol

from honeyguide.types import Job, Json, Leadership, Process


class JobTable(Protocol):
    """Long-running actions: a queue that any process may put into and take from, and how each ended.

    Whether a worker is still there is judged by the database's clock."""

    def create(self, kind: str, params: Json, *, alone: bool = False) -> Job:
        """A queued job; with `alone` raises `Conflict` while another of its kind waits or runs."""

    def claim(self, worker: str, kinds: Collection[str]) -> Job | None:
        """Take the job of these kinds that has waited longest: it is running, and nobody else gets it."""

    def update(self, job: Job) -> Job:
        """Store state, progress, message and result of a running job, if it still is `job.worker`'s; returns the row.

        There, `cancel` means that somebody wants it to end; another `worker`, or a state that is not the job's, that it was
        taken away and nothing was stored. Raises `NotFound`."""

    def put_back(self, job: Job, message: str) -> None:
        """Queue a job again that `job.worker` will not finish; nothing happens if it is no longer that worker's."""

    def cancel(self, job_id: str) -> Job:
        """End a job that waits, ask a running one to end; returns the row. Raises `NotFound`, `Conflict` if it has ended."""

    def abandoned(self, dead: Collection[str], silent: float, again: Collection[str]) -> list[Job]:
        """Take running jobs away from these workers, and from those not heard of for `silent` seconds; returns the rows.

        Those of the kinds `again` are queued once more, a few times; others have failed."""

    def get(self, job_id: str) -> Job:
        """One job; raises `NotFound`."""

    def page(self, *, limit: int, after: str | None = None) -> list[Job]:
        """Jobs, newest first, after the id `after`."""

    def unfinished(self, kind: str) -> list[Job]:
        """Jobs of a kind that are queued or running, oldest first."""

    def amend(self, job_id: str, params: Json) -> None:
        """Put other parameters in the place of a job's own; raises `NotFound`."""


class Heartbeats(Protocol):
    """Which processes there are. Ages are by the database's clock, so nodes whose clocks differ agree."""

    def enter(self, process: Process, *, apart_from: Collection[str], within: float) -> Process | None:
        """Note a process that starts, unless another of the roles `apart_from` was heard of in the last `within` seconds:
        then that one is returned, and nothing is noted. Of two that enter at once, one meets the other."""

    def beat(self, process: Process) -> None:
        """Note that a process is still there."""

    def leave(self, process_id: str) -> None:
        """Forget a process that ends."""

    def processes(self) -> list[Process]:
        """All processes that have not left, oldest first; those that died are `silent`, and forgotten after a day."""


class Leases(Protocol):
    """Who does what only one may do. A lease runs out by the database's clock unless its holder prolongs it."""

    def acquire(self, name: str, holder: str, ttl: float) -> bool:
        """Take a lease that is free or has run out, or prolong one's own, for `ttl` seconds; whether `holder` has it."""

    def release(self, name: str, holder: str) -> None:
        """Give a lease back; nothing happens if it is another's by now."""

    def leadership(self, name: str) -> Leadership | None:
        """Who has a lease, or had it last; None if nobody ever did or it was given back."""


class Checkpoints(Protocol):
    """How far imports have come, so that one that was interrupted can go on."""

    def rows_done(self, source: str) -> int:
        """How many rows of `source` (a fingerprint of file and mapping) are in the log; 0 for one never begun."""

    def record(self, source: str, rows: int) -> None:
        """Note that the first `rows` rows of `source` are in the log."""

    def forget(self, source: str) -> None:
        """Begin anew with `source` next time."""
