"""What experiments must know of users beside their ids: in memory, under the same tokens as their lists."""

import asyncio
from collections.abc import Callable, Collection, Mapping

import msgspec
import structlog

from honeyguide.cache import Cache, Computed, Epoch, Want
from honeyguide.errors import Unavailable
from honeyguide.messages import Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, ExperimentTable
from honeyguide.recommend.query import subject_of
from honeyguide.types import Json

log = structlog.get_logger(__name__)


class Person(msgspec.Struct, array_like=True, gc=False):
    """Properties of the user, and by experiment the arm that the request's unit is to keep."""

    properties: Json = msgspec.field(default_factory=dict)
    kept: dict[str, str] = msgspec.field(default_factory=dict)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Person).decode


class Persons:
    """Reads persons once, and again when something that matters has happened to them."""

    def __init__(
        self,
        cache: Cache,
        events: EventLog,
        table: ExperimentTable,
        subject: Callable[[str, str], str],
        patience: Callable[[str], float],
        metrics: Metrics,
    ) -> None:
        self._cache, self._log, self._table, self._subject = cache, events, table, subject
        self._patience, self._metrics = patience, metrics

    def at_once(self, query: Query, units: Mapping[str, str], epoch: bytes) -> Person | None:
        """The person of a request, if it is in memory. `units` are those whose arms may be kept, by experiment."""
        want = self._want(query, units, epoch)
        found = self._cache.get(want.key, want.subject, epoch)
        return None if found is None else _decode(found.payload)

    async def of(self, query: Query, units: Mapping[str, str], epoch: bytes) -> Person | None:
        """The person of a request; None where it cannot be read in the time that the surface has."""
        try:
            async with asyncio.timeout(self._patience(query.surface)):
                want = self._want(query, units, epoch)
                found = await self._cache.fetch(want, lambda: self._read(subject_of(query), units))
                return _decode(found.payload)
        except (Unavailable, TimeoutError) as error:
            self._metrics.recommend_fallbacks.labels(query.surface, "experiments").inc()
            log.warning("what experiments look at cannot be read", reason=str(error) or "late")
            return None

    def _want(self, query: Query, units: Mapping[str, str], epoch: bytes) -> Want:
        user_id = subject_of(query)
        return Want(("person", epoch, user_id, *units.values()), self._subject(query.surface, user_id), Epoch(epoch))

    async def _read(self, user_id: str, units: Mapping[str, str]) -> Computed:
        properties = (await self._log.user_state(user_id, limit=1)).properties if user_id else {}
        kept = await asyncio.to_thread(self._kept, units) if units else {}
        return Computed(_encode(Person(properties, kept)))

    def _kept(self, units: Mapping[str, str]) -> dict[str, str]:
        by_unit: dict[str, Collection[str]] = {}
        for name, unit in units.items():
            by_unit[unit] = [*by_unit.get(unit, ()), name]
        found: dict[str, str] = {}
        for unit, names in by_unit.items():
            found |= self._table.first_arms(unit, names)
        return found
