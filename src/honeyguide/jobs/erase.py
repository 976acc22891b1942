"""Erases persons: everything that is held about one, in small steps beside the traffic, until nothing is left.

The order matters. The tombstone comes first, so that nothing old can come in any more. Then all nodes are told, then rows
go, table by table, and all nodes are told again: a list that was made meanwhile is served no longer. Then go the slates,
and at last what is left of all this in the free space of files. Each step may be repeated, and what was done is noted in
the job, so that a process that dies is followed by one that goes on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import FieldError, InvalidInput, Unavailable
from honeyguide.jobs.queue import Tell
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.types import Job, Json, id_fault

log = structlog.get_logger(__name__)

KIND: Final = "erase"
_NOTED: Final = 20
"""Steps between two notes of how many rows were removed."""
_TRIES: Final = 60
_PAUSE: Final = 0.05
"""Tries to wipe files that somebody reads, and seconds between them; together they outlast any read of ours."""
_AGAIN: Final = 1.0
"""Seconds after which what failed is tried again."""
_JOBS: Final = 200
_LATE: Final = 2.0
"""Seconds after which the slates that other processes had in hand have been written."""


class Task(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a job has to do and how far it is; its `params`. `users` are pseudonyms.

    `user_ids`, and the `items` that they did something with, stand here until everything else about them is gone. `at`
    (ms) and `until` (log position) divide the time before from the time after. `resumed` says that `removed` may lack what a
    process that died had removed last."""

    users: list[str]
    user_ids: list[str] = []
    at: int = 0
    until: int = 0
    items: list[str] = []
    removed: dict[str, int] = {}
    resumed: bool = False

    def add(self, removed: Mapping[str, int]) -> None:
        """Count what a step has removed."""
        self.removed = dict(Counter(self.removed) + Counter(removed))


class Announce(Protocol):
    """Appends the row that tells of an erasure (`Ingest.tell_erased`)."""

    async def __call__(self, pseudonyms: list[str], event_id: str) -> int:
        """Returns its log position."""


class Erase:
    """The job kind `erase`.

    `settle` ends what is being made for requests and writes its slates; `others_answer` says whether other processes may
    have slates in hand; `files` takes ids out of other files of the project and returns how many lines, by what they are;
    `features` takes users (id -> log position) and what they did with items out of the feature states."""

    alone = False
    again = True
    final = True

    def __init__(
        self,
        store: Store,
        announce: Announce,
        settle: Callable[[], Awaitable[None]],
        others_answer: Callable[[], bool],
        files: Callable[[Collection[str]], Mapping[str, int]],
        features: Callable[[Mapping[str, int], Collection[str]], None],
        clock: Clock,
        metrics: Metrics,
        *,
        models_within: float,
    ) -> None:
        """`models_within` (seconds): by when after an erasure models must have been trained anew."""
        self._store, self._announce, self._settle, self._files = store, announce, settle, files
        self._others_answer, self._features = others_answer, features
        self._clock, self._metrics, self._models_within = clock, metrics, models_within

    async def ask(self, user_id: str) -> tuple[Job | None, Json]:
        """The job that erases this person already, if there is one, and the parameters for one that does: for this id and
        all that are one with it now.

        Whoever is unknown may be erased too: what they did may be on its way. Raises InvalidInput for what is no id."""
        if fault := id_fault(user_id):
            raise InvalidInput("There is no such user.", errors=[FieldError("/user_id", f"user_id {fault}.")])
        jobs = await asyncio.to_thread(self._store.jobs.unfinished, KIND)
        under_way = next((job for job in jobs if user_id in job.params.get("user_ids", ())), None)
        ids = [user.user_id for user in await self._store.catalogue.person(user_id)] or [user_id]
        task = Task(users=[self._store.people.pseudonyms.of(name) for name in ids], user_ids=ids)
        return under_way, msgspec.to_builtins(task)

    def check(self, params: Json) -> None:
        """Only what `ask` has made."""
        try:
            msgspec.convert(params, Task)
        except msgspec.ValidationError as error:
            raise InvalidInput("This is no erasure.", cure="Ask for one with DELETE /v1/users/{user_id}.") from error

    async def run(self, job: Job, tell: Tell) -> Json:
        """The receipt. What fails on the way is tried again for as long as it takes: nobody who asked to be forgotten is
        left half forgotten."""
        task = msgspec.convert(job.params, Task)
        task.resumed = task.resumed or task.at > 0
        while True:
            try:
                await self._remove(job, task, tell)
                return self._receipt(task)
            except (Unavailable, OSError) as error:
                self._metrics.background_errors.labels(KIND).inc()
                log.warning("an erasure waits", job=job.job_id, stage=job.message, reason=str(error))
                tell(job.progress, f"tried again: {error}")
                task.resumed = True
                await asyncio.sleep(_AGAIN)

    async def _remove(self, job: Job, task: Task, tell: Tell) -> None:
        """All steps; nothing but the last is left to do for a task that has come further."""
        store = self._store
        if task.user_ids:
            tell(0.0, "tombstone")
            await self._bury(job, task)
            await self._announce(task.users, f"erase-{job.job_id}-begins")
            tell(0.1, "rows")
            await self._drain(job, task, store.people.erase(task.user_ids, until=task.until))
            tell(0.4, "features")
            users = dict.fromkeys(task.user_ids, task.until)
            await asyncio.to_thread(self._features, users, task.items)
            await self._announce(task.users, f"erase-{job.job_id}-ends")
            tell(0.6, "slates")
            await self._settle()
            if self._others_answer():
                await asyncio.sleep(_LATE)
            removed = store.slates.remove_users(users)
            await self._drain(job, task, ({"slates": sum(numbers.values())} for numbers in removed if numbers))
            tell(0.8, "files")
            task.add(await asyncio.to_thread(self._files, task.user_ids))
            await asyncio.to_thread(self._conceal, job, task)
        tell(0.9, "free space")
        for scrub in (store.people.scrub, store.slates.scrub):
            await self._until_done(scrub)

    async def _bury(self, job: Job, task: Task) -> None:
        """Set the tombstones; once, so that what the id does afterwards is of its new life."""
        if not task.at:
            at = self._clock.now_ms()
            until = await asyncio.to_thread(self._store.people.bury, task.user_ids, at)
            items = await asyncio.to_thread(self._items, task.user_ids, until)
            task.at, task.until, task.items = at, until, items
            await self._note(job, task)

    def _items(self, user_ids: Sequence[str], until: int) -> list[str]:
        """The items that rows of these users are about: what is counted of them is to be counted again."""
        held = self._store.people.held(user_ids, until=until)
        rows = (row for table, rows in held if table == "log" for row in rows)
        return sorted({item_id for row in rows for item_id in _items_of(row)})

    async def _drain(self, job: Job, task: Task, steps: Iterator[Mapping[str, int]]) -> None:
        """Take steps one by one, each in a thread, with a turn of the event loop between them."""
        taken = 0
        while (removed := await asyncio.to_thread(next, steps, None)) is not None:
            taken += 1
            task.add(removed)
            if taken % _NOTED == 0:
                await self._note(job, task)
        await self._note(job, task)

    def _conceal(self, job: Job, task: Task) -> None:
        """Let no job name these ids any more, this one included: others may have failed to erase them."""
        gone, after = frozenset(task.user_ids), None
        task.user_ids, task.items = [], []
        while page := self._store.jobs.page(limit=_JOBS, after=after):
            for other in page:
                if other.kind == KIND and not gone.isdisjoint(other.params.get("user_ids", ())):
                    kept = task if other.job_id == job.job_id else Task(users=other.params["users"])
                    self._store.jobs.amend(other.job_id, msgspec.to_builtins(kept))
            after = page[-1].job_id

    async def _until_done(self, scrub: Callable[[], bool]) -> None:
        for _ in range(_TRIES):
            if await asyncio.to_thread(scrub):
                return
            await asyncio.sleep(_PAUSE)
        raise Unavailable("Somebody reads the database without a pause.", cure="End long reads.")

    async def _note(self, job: Job, task: Task) -> None:
        await asyncio.to_thread(self._store.jobs.amend, job.job_id, msgspec.to_builtins(task))

    def _receipt(self, task: Task) -> Json:
        """What was done; names nobody."""
        trained = [version.label for version in self._store.registry.versions() if version.created_at <= task.at]
        receipt: Json = {
            "users": task.users,
            "erased_at": _iso(task.at),
            "removed": task.removed,
            "models_by": _iso(task.at + round(self._models_within * 1000)),
            "models": trained,
        }
        return receipt | ({"resumed": True} if task.resumed else {})


def _items_of(row: Json) -> Iterator[str]:
    """The items that a row is about: its own, or those that an impression says were seen."""
    if row["item_id"] is not None:
        yield row["item_id"]
    elif row["type"] == "impression":
        seen = (row["payload"] or {}).get("items")
        yield from (name for name in (seen if isinstance(seen, list) else ()) if isinstance(name, str))


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def shown(params: Json) -> Json:
    """The parameters of a job as they may be shown: whom an erasure under way is about is nobody's business."""
    return {name: value for name, value in params.items() if name not in ("user_ids", "items")}
