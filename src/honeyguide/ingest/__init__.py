"""INGEST, the first of the three verbs: validate, dedupe, append to the log, tell the subscribers, acknowledge.

`Ingest.events` is the main path. Items and users go the same way: their changes are rows of the same log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

import structlog

from honeyguide.clock import Clock, RequestIds
from honeyguide.config.settings import Settings
from honeyguide.ingest import persons
from honeyguide.ingest.catalogue import change_rows, delete_rows, payload, valid_ids
from honeyguide.ingest.events import EventRules
from honeyguide.ingest.faults import Fault
from honeyguide.messages import EventIn, IngestReport, ItemIn, Merged, Rejected, UserIn
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import CatalogueTable, EventLog
from honeyguide.types import MAX_BATCH, Appended, LogRow, RowKind

__all__ = ["ERASED", "Ingest", "Subscriber"]

ERASED: Final = "erased"
"""The code of what users did before they were erased."""
_ERASED_FAULT: Final = Fault(
    ERASED, "user_id", "The user was erased after this happened, so it is not kept. What the id does from then on is taken."
)

Subscriber = Callable[[Sequence[LogRow], Appended], Awaitable[None] | None]
"""Is told what was committed, before it is acknowledged; `Appended.duplicates` are places in the rows that were not,
because they had been before: perhaps unheard by this process, whose connection broke over the commit."""

_logger: Final = structlog.get_logger(__name__)


class Ingest:
    """Takes events, and changes of items and users. What is acknowledged is durable, and counts once per `event_id`.

    Rows that do not fit are reported and the others taken. Lists may have any length: up to 1,000 rows are one commit,
    longer ones are committed in parts of 1,000. All methods raise `StorageFull` or `Unavailable` when the log cannot be
    written; the part under way was then not kept, and whoever sends the rows again counts nothing twice that has an
    `event_id`.
    """

    def __init__(
        self,
        log: EventLog,
        catalogue: CatalogueTable,
        settings: Settings,
        clock: Clock,
        ids: RequestIds,
        subscribers: Sequence[Subscriber] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self._log, self._catalogue, self._clock, self._ids = log, catalogue, clock, ids
        self._subscribers = tuple(subscribers)
        self._merging = asyncio.Lock()
        self._under_way: set[asyncio.Task[Appended]] = set()
        self._metrics = metrics or Metrics()
        self.rules = EventRules(settings.events)
        self.vector_size = settings.content.vector_size

    async def events(self, events: Sequence[EventIn | Rejected], *, imported: bool = False) -> IngestReport:
        """Take events. A `Rejected` among them (a row that could not be decoded) is passed on to the report.

        `imported` marks history: point-in-time reads do not ask when it was received."""
        rows, rejected = self.rules.check(events, now=self._clock.now_ms(), stem=self._ids.next(), imported=imported)
        return await self._take(rows, rejected)

    async def put_items(self, items: Sequence[ItemIn | Rejected], *, imported: bool = False) -> IngestReport:
        """Create or replace items: a field that is not given gets its default."""
        return await self._change("item_put", items, imported)

    async def patch_items(self, items: Sequence[ItemIn | Rejected], *, imported: bool = False) -> IngestReport:
        """Change the given fields of items; one that does not exist, or is deleted, is rejected as `not_found`."""
        deleted = await self._deleted(item.item_id for item in items if isinstance(item, ItemIn))
        return await self._change("item_patch", items, imported, {name for name, gone in deleted.items() if not gone})

    async def delete_items(self, item_ids: Sequence[str]) -> IngestReport:
        """Delete items. One that is deleted already is a duplicate; one that never was is rejected as `not_found`."""
        deleted = await self._deleted(item_ids)
        rows, rejected = delete_rows(item_ids, deleted, now=self._clock.now_ms(), stem=self._ids.next())
        report = await self._take(rows, rejected)
        report.duplicates += len(item_ids) - len(rows) - len(rejected)
        return report

    async def put_users(self, users: Sequence[UserIn | Rejected], *, imported: bool = False) -> IngestReport:
        """Create users or replace their properties."""
        return await self._change("user_put", users, imported)

    async def patch_users(self, users: Sequence[UserIn | Rejected], *, imported: bool = False) -> IngestReport:
        """Change the given properties of users; a user who is not known yet is created."""
        return await self._change("user_patch", users, imported)

    async def merge_users(self, user_id: str, into: str) -> Merged:
        """Make `user_id` one person with `into`, whose id both go by from now on. Nothing happens if they are one already.

        Raises InvalidInput for what is no id or the same id, `Conflict` (`merged_elsewhere`) for a user who was merged
        into somebody else, NotFound (`unknown_users`) if nothing is known of either."""
        persons.check_ids(user_id, into)
        async with self._merging:
            person, log = self._catalogue.person, self._log
            accepted = 0
            unknown = [name for name in (user_id, into) if not (await log.user_state(name, limit=0)).known]
            if not persons.are_one(user_id, await person(user_id), into, await person(into)):
                persons.check_known(user_id, into, unknown)
                said = payload({"canonical_id": into})
                row = persons.merge_row(user_id, said, now=self._clock.now_ms(), stem=self._ids.next())
                accepted = (await self._take([row], [])).accepted
            ids = [user.user_id for user in await person(into)]
            sequence = await log.position()
        return Merged(canonical_id=ids[-1], user_ids=ids, accepted=accepted, sequence=sequence, unknown=unknown)

    async def tell_erased(self, pseudonyms: Sequence[str], event_id: str) -> int:
        """Tell all who follow the log that users were erased, by their pseudonyms; returns the log position of it.

        The row stays, and names nobody. Under an `event_id` that was told before nothing happens."""
        row = persons.erased_row(payload({"erased": list(pseudonyms)}), event_id, now=self._clock.now_ms())
        return (await self._take([row], [])).sequence

    async def drain(self) -> None:
        """Wait for appends whose callers have gone away."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _deleted(self, item_ids: Iterable[object]) -> dict[str, bool]:
        """Of those items that there are: whether they are deleted."""
        wanted = sorted(valid_ids(item_ids))
        found: dict[str, bool] = {}
        for start in range(0, len(wanted), MAX_BATCH):
            for item in await self._catalogue.items_by_id(wanted[start : start + MAX_BATCH]):
                found[item.item_id] = item.deleted_at is not None
        return found

    async def _change(
        self,
        kind: RowKind,
        messages: Sequence[ItemIn | UserIn | Rejected],
        imported: bool,
        known: set[str] | None = None,
    ) -> IngestReport:
        now, stem = self._clock.now_ms(), self._ids.next()
        size = self.vector_size
        rows, rejected = change_rows(kind, messages, now=now, stem=stem, imported=imported, known=known, vector_size=size)
        return await self._take(rows, rejected)

    async def _take(self, rows: Sequence[LogRow], rejected: list[Rejected]) -> IngestReport:
        """Append in parts of one commit each, and add up what became of them."""
        report, erased = IngestReport(rejected=rejected), list[int]()
        for entry in rejected:
            self._metrics.events_rejected.labels(entry.code).inc()
        for start in range(0, len(rows), MAX_BATCH):
            appended = await self._commit(rows[start : start + MAX_BATCH])
            erased += [start + place for place in appended.erased]
            report.accepted += appended.accepted
            report.duplicates += len(appended.duplicates)
            report.sequence = max(report.sequence, appended.sequence)
        if erased:
            self._metrics.events_rejected.labels(ERASED).inc(len(erased))
            report.rejected = sorted([*rejected, *_erased_at(erased, len(rows), rejected)], key=attrgetter("index"))
        return report

    async def _commit(self, rows: Sequence[LogRow]) -> Appended:
        """Append and tell. A caller that goes away meanwhile does not keep the subscribers from hearing of the commit."""
        task = asyncio.ensure_future(self._append_and_tell(rows))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _append_and_tell(self, rows: Sequence[LogRow]) -> Appended:
        appended = await self._log.append(rows)
        written, told = _without_erased(rows, appended) if appended.erased else (rows, appended)
        for subscriber in self._subscribers:
            try:
                if (telling := subscriber(written, told)) is not None:
                    await telling
            except Exception:  # what is committed is acknowledged, whatever a subscriber does
                self._metrics.background_errors.labels("subscriber").inc()
                _logger.exception("subscriber_failed", sequence=appended.sequence)
        return appended


def _erased_at(places: Iterable[int], rows: int, rejected: Sequence[Rejected]) -> Iterator[Rejected]:
    """The report's entries on rows that a tombstone kept out; `places` are places among the rows that were appended."""
    before = {entry.index for entry in rejected}
    index_of = [index for index in range(rows + len(before)) if index not in before]
    return (_ERASED_FAULT.at(index_of[place]) for place in places)


def _without_erased(rows: Sequence[LogRow], appended: Appended) -> tuple[list[LogRow], Appended]:
    """What subscribers hear of: as if the others had never been sent."""
    erased = set(appended.erased)
    kept = [place for place in range(len(rows)) if place not in erased]
    duplicates = tuple(kept.index(place) for place in appended.duplicates)
    return [rows[place] for place in kept], Appended(appended.sequence, appended.accepted, duplicates, held=appended.held)
