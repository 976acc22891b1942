"""Events of a source -> the log: named by what they say, sent in batches, and noted how far they have come."""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Final

from honeyguide.importers.cells import number_columns
from honeyguide.importers.columns import ColumnMap, map_columns, read_map
from honeyguide.importers.identity import Ordinals, digest_of, event_id, key_of
from honeyguide.importers.moments import TimeUnit, find_unit
from honeyguide.importers.rows import EventReader, snake
from honeyguide.importers.run import InFlight, Placed, Run, cells_of, decimal_ids, sound_rows
from honeyguide.importers.sources import Chunk, Table, chunks, content_hash, name_of
from honeyguide.ingest.events import declaration
from honeyguide.ingest.times import from_iso
from honeyguide.ingest.validate import encode_json
from honeyguide.messages import EventIn, IngestReport
from honeyguide.types import MAX_BATCH

RECORD_EVERY: Final = 20_000
"""Rows between two notes of how far an import has come: a note is a commit of its own."""


class EventImport:
    """The import of one source of events."""

    def __init__(self, run: Run, source: Table) -> None:
        self._run, self._source, self._name = run, source, name_of(source)
        self._rules = run.project.ingest.rules
        self._ordinals = Ordinals()
        self._checkpoint = ""
        self._noted = 0

    async def load(self) -> None:
        """Bring the whole source in."""
        parts = chunks(self._source, self._run.options.reading)
        if (first := next(parts, None)) is None:
            self._run.report.notes.append(f"{self._name} holds no rows.")
            return
        read = self._reader(first)
        skip = self._noted
        flight = InFlight[EventIn](self._send, self._settle)
        try:
            for chunk in chain([first], parts):
                placed = self._run.sort(self._name, chunk, read)
                self._name_events([each.message for each in placed])
                done = [each for each in placed if each.number <= skip]
                self._pass_over(done)
                for start in range(len(done), len(placed), MAX_BATCH):
                    await flight.add(placed[start : start + MAX_BATCH])
            await flight.finish()
        finally:
            await flight.abandon()
        await self._close(read)

    def _reader(self, first: Chunk) -> EventReader:
        """Decide columns and unit by the first rows, tell them, and find out where an interrupted import stopped."""
        run, options = self._run, self._run.options
        rows = sound_rows(first)
        columns = map_columns("events", list(dict.fromkeys(chain.from_iterable(rows))), read_map("events", options.map))
        unit = find_unit(cells_of(rows, columns, "ts"), options.time_format)
        run.report.mapping, run.report.time_unit = columns.shown(), unit.name
        run.report.guessed, run.report.ignored = list(columns.guessed), list(columns.rest)
        run.report.notes += decimal_ids(rows, columns)
        self._open_checkpoint(columns, unit)
        return EventReader(columns, unit, self._rules.types, number_columns(rows, columns.properties.values()))

    def _open_checkpoint(self, columns: ColumnMap, unit: TimeUnit) -> None:
        """A checkpoint is of the same bytes, read in the same way; whatever differs is read from the start."""
        options = self._run.options
        if options.dry_run or not isinstance(self._source, Path):
            return
        way = (columns.shown(), dict(columns.types), unit.name, sorted(self._rules.types), options.reading)
        self._checkpoint = blake2b(encode_json((content_hash(self._source), way)), digest_size=16).hexdigest()
        if options.resume:
            self._noted = self._run.project.store.checkpoints.rows_done(self._checkpoint)

    def _name_events(self, events: Sequence[EventIn]) -> None:
        """Give events that bring no id one that follows from what they say."""
        nameless = [event for event in events if event.event_id is None]
        said = [(_ms(event), digest_of(event)) for event in nameless]
        for event, (ts, digest), ordinal in zip(
            nameless, said, self._ordinals.take([key_of(*each) for each in said]), strict=True
        ):
            event.event_id = event_id(ts, digest, ordinal)

    def _pass_over(self, placed: Sequence[Placed[EventIn]]) -> None:
        """Count rows that an earlier import brought in; those that INGEST refuses were not among them."""
        if placed:
            report = self._check([each.message for each in placed])
            report.duplicates, report.accepted = report.accepted, 0
            self._run.report.resumed += report.duplicates
            self._count(placed, report)

    async def _send(self, events: Sequence[EventIn]) -> IngestReport:
        if self._run.options.dry_run:
            return self._check(events)
        return await self._run.project.ingest.events(events, imported=True)

    def _check(self, events: Sequence[EventIn]) -> IngestReport:
        rows, rejected = self._rules.check(events, now=self._run.project.clock.now_ms(), stem="", imported=True)
        return IngestReport(accepted=len(rows), rejected=rejected)

    async def _settle(self, placed: Sequence[Placed[EventIn]], report: IngestReport) -> None:
        self._count(placed, report)
        done = placed[-1].number
        if self._checkpoint and done - self._noted >= RECORD_EVERY:
            await asyncio.to_thread(self._run.project.store.checkpoints.record, self._checkpoint, done)
            self._noted = done

    def _count(self, placed: Sequence[Placed[EventIn]], report: IngestReport) -> None:
        total = self._run.report
        self._run.refuse(self._name, placed, report.rejected)
        total.new += report.accepted
        total.duplicates += report.duplicates
        total.sequence = max(total.sequence, report.sequence)
        self._run.done_with(placed[-1].number)
        refused = {entry.index for entry in report.rejected}
        taken = [each.message for index, each in enumerate(placed) if index not in refused]
        for event in taken:
            total.types[event.type] = total.types.get(event.type, 0) + 1
        if taken:
            times = [_ms(event) for event in taken]
            total.first_ts = min(times) if total.first_ts is None else min(*times, total.first_ts)
            total.last_ts = max(times) if total.last_ts is None else max(*times, total.last_ts)

    async def _close(self, read: EventReader) -> None:
        """The source is in: there is nothing to go on with, and what was missing can be told in whole."""
        if self._checkpoint:
            await asyncio.to_thread(self._run.project.store.checkpoints.forget, self._checkpoint)
        report = self._run.report
        for word, count in read.undeclared.items():
            report.undeclared[word] = report.undeclared.get(word, 0) + count
        if report.undeclared:
            lines = ", ".join(declaration(snake(word)) for word in list(report.undeclared)[:5])
            report.notes.append(f"To keep the undeclared types, add to honeyguide.toml and import again: {lines}")


def _ms(event: EventIn) -> int:
    return from_iso(event.ts) if isinstance(event.ts, str) else int(event.ts or 0)
