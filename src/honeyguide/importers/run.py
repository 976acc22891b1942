"""One import: reading, naming, sending in batches, and counting what became of each row."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.importers.columns import ColumnMap
from honeyguide.importers.quarantine import Quarantine
from honeyguide.importers.report import ImportOptions, ImportReport, Progress
from honeyguide.importers.sources import Broken, Chunk, Row
from honeyguide.ingest import ERASED, Ingest
from honeyguide.ingest.faults import Fault
from honeyguide.messages import IngestReport, Rejected
from honeyguide.protocols import Store

M = TypeVar("M")

IN_FLIGHT: Final = 4
"""Batches sent and not yet acknowledged: the log writes one while the next ones are read."""


class Project(Protocol):
    """What an import needs of a runtime."""

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    @property
    def ingest(self) -> Ingest:
        """The way in."""

    @property
    def store(self) -> Store:
        """The project's storage."""


class Placed(NamedTuple, Generic[M]):
    """A message and where it came from: the row's number in its source, and the row as it was read."""

    number: int
    raw: Row | str
    message: M


def split(chunk: Chunk, read: Callable[[Row], M | Fault]) -> tuple[list[Placed[M]], list[Placed[Fault]]]:
    """The messages of a chunk, and the rows that are none."""
    placed: list[Placed[M]] = []
    faulty: list[Placed[Fault]] = []
    for number, row in enumerate(chunk.rows, chunk.first):
        if isinstance(row, Broken):
            faulty.append(Placed(number, row.raw, Fault(row.code, "", row.detail)))
        elif isinstance(message := read(row), Fault):
            faulty.append(Placed(number, row, message))
        else:
            placed.append(Placed(number, row, message))
    return placed, faulty


def sound_rows(chunk: Chunk) -> list[Row]:
    """The rows that could be read."""
    return [row for row in chunk.rows if not isinstance(row, Broken)]


def cells_of(rows: Sequence[Row], columns: ColumnMap, name: str) -> list[Any]:
    """What stands for a field in these rows."""
    if name in columns.constants:
        return [columns.constants[name]]
    return [row.get(columns.columns.get(name, "")) for row in rows]


def decimal_ids(rows: Sequence[Row], columns: ColumnMap) -> list[str]:
    """What to know about ids that a table has made decimals of."""
    notes = []
    for name in ("user_id", "item_id"):
        values = [value for value in cells_of(rows, columns, name) if value is not None and value != ""]
        if any(isinstance(value, float) for value in values):
            notes.append(f"{name} comes from a column of decimals: 17.0 is taken as the id 17.")
        elif values and all(isinstance(value, str) and value.endswith(".0") for value in values):
            notes.append(f"{name} looks like whole numbers written as decimals ({values[0]}); ids are kept exactly so.")
    return notes


class Run:
    """What one import shares between its sources: the project, the options, the quarantine and the report."""

    def __init__(
        self,
        project: Project,
        options: ImportOptions,
        report: ImportReport,
        quarantine: Quarantine,
        progress: Progress | None = None,
        total: int | None = None,
    ) -> None:
        self.project, self.options, self.report, self.quarantine = project, options, report, quarantine
        self._progress, self._total, self._before = progress, total, 0

    def sort(self, source: str, chunk: Chunk, read: Callable[[Row], M | Fault]) -> list[Placed[M]]:
        """The messages of a chunk; rows that are none go to the quarantine."""
        placed, faulty = split(chunk, read)
        for each in faulty:
            self._put_away(source, each.number, each.raw, each.message)
        self.report.rows += len(chunk.rows)
        return placed

    def refuse(self, source: str, placed: Sequence[Placed[Any]], rejected: Iterable[Rejected]) -> None:
        """Put those of a batch into the quarantine that INGEST refused; what erased users did is only counted, since a
        quarantine would be one more place that keeps it."""
        for entry in rejected:
            if entry.code == ERASED:
                self.report.erased += 1
                continue
            where, fault = placed[entry.index], Fault(entry.code, entry.pointer.removeprefix("/"), entry.detail)
            self._put_away(source, where.number, where.raw, fault)

    def _put_away(self, source: str, number: int, raw: Row | str, fault: Fault) -> None:
        self.quarantine.add(source, number, raw, fault)
        self.report.quarantined[fault.code] = self.report.quarantined.get(fault.code, 0) + 1
        self.report.quarantine_file = self.quarantine.written

    def done_with(self, number: int) -> None:
        """Tell the progress: the rows of the present source up to this number have come to their end."""
        if self._progress is not None:
            self._progress(self._before + number, self._total)

    def close_source(self) -> None:
        """The present source is at its end."""
        self._before = self.report.rows
        self.done_with(0)


class InFlight(Generic[M]):
    """Batches under way, settled in the order in which they were sent."""

    def __init__(
        self,
        send: Callable[[Sequence[M]], Coroutine[Any, Any, IngestReport]],
        settle: Callable[[Sequence[Placed[M]], IngestReport], Awaitable[None]],
    ) -> None:
        self._send, self._settle = send, settle
        self._waiting: deque[tuple[asyncio.Task[IngestReport], Sequence[Placed[M]]]] = deque()

    async def add(self, batch: Sequence[Placed[M]]) -> None:
        """Send a batch; waits while as many as may be are under way."""
        while len(self._waiting) >= IN_FLIGHT:
            await self._settle_oldest()
        self._waiting.append((asyncio.ensure_future(self._send([each.message for each in batch])), batch))
        await asyncio.sleep(0)  # lets the batch set out before the next rows are read

    async def finish(self) -> None:
        """Settle what is under way."""
        while self._waiting:
            await self._settle_oldest()

    async def abandon(self) -> None:
        """After an error: let what was sent come to its end, unsettled."""
        await asyncio.gather(*(task for task, _ in self._waiting), return_exceptions=True)

    async def _settle_oldest(self) -> None:
        task, batch = self._waiting[0]
        report = await task
        self._waiting.popleft()
        await self._settle(batch, report)
