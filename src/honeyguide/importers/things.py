"""Items and users of a source -> the catalogue: the last row of each counts, and only what changes is written.

So the same file imported twice adds nothing, and an older one imported again brings the older state back.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import msgspec

from honeyguide.importers.cells import number_columns
from honeyguide.importers.columns import map_columns, read_map
from honeyguide.importers.moments import TimeUnit, find_unit
from honeyguide.importers.rows import ItemReader, UserReader
from honeyguide.importers.run import Placed, Run, cells_of, sound_rows, split
from honeyguide.importers.sources import Chunk, Row, Table, chunks, name_of
from honeyguide.ingest.catalogue import change_rows
from honeyguide.ingest.faults import Fault
from honeyguide.messages import ItemIn, Rejected, UserIn
from honeyguide.stores.fold import fold_item
from honeyguide.types import MAX_BATCH, Item, LogRow, RowKind

ThingKind = Literal["items", "users"]
ReadThing = Callable[[Row], ItemIn | Fault] | Callable[[Row], UserIn | Fault]


async def load_table(run: Run, kind: ThingKind, source: Table) -> None:
    """Bring a whole source of items or users in."""
    name, reading = name_of(source), run.options.reading
    if (first := next(chunks(source, reading), None)) is None:
        run.report.notes.append(f"{name} holds no rows.")
        return
    await ThingImport(run, kind, name, _reader(run, kind, first), lambda: chunks(source, reading)).load()


def _reader(run: Run, kind: ThingKind, first: Chunk) -> ReadThing:
    """Decide by the first rows what each column is, and tell it."""
    options, report, rows = run.options, run.report, sound_rows(first)
    columns = map_columns(kind, list(dict.fromkeys(chain.from_iterable(rows))), read_map(kind, options.map))
    numeric = number_columns(rows, [*columns.properties.values(), *columns.rest])
    report.mapping, report.guessed = columns.shown(), list(columns.guessed)
    if columns.keeps_rest and columns.rest:
        report.mapping["properties"] = ", ".join(filter(None, [report.mapping.get("properties"), *columns.rest]))
    else:
        report.ignored = list(columns.rest)
    if kind == "users":
        return UserReader(columns, numeric)
    unit: TimeUnit | None = None
    if "created_at" in report.mapping:
        unit = find_unit(cells_of(rows, columns, "created_at"), options.time_format)
        report.time_unit = unit.name
    return ItemReader(columns, unit, numeric, options.separator)


class ThingImport:
    """The import of one source of items or users; `again` reads it from the start, and is called twice."""

    def __init__(self, run: Run, kind: ThingKind, name: str, read: ReadThing, again: Callable[[], Iterator[Chunk]]) -> None:
        self._run, self._kind, self._name, self._read, self._again = run, kind, name, read, again
        self._put: RowKind = "item_put" if kind == "items" else "user_put"

    async def load(self) -> None:
        """Bring the whole source in."""
        last: dict[str, int] = {}
        for chunk in self._again():
            placed, _ = split(chunk, self._read)
            last |= {_id_of(each.message): each.number for each, _ in self._checked(placed)[0]}
        for chunk in self._again():
            placed = self._run.sort(self._name, chunk, self._read)
            good, rejected = self._checked(placed)
            self._run.refuse(self._name, placed, rejected)
            kept = [(each, row) for each, row in good if last[_id_of(each.message)] == each.number]
            self._run.report.superseded += len(good) - len(kept)
            for start in range(0, len(kept), MAX_BATCH):
                await self._load_batch(kept[start : start + MAX_BATCH])
            self._run.done_with(chunk.first + len(chunk.rows) - 1)

    def _checked(self, placed: Sequence[Placed[Any]]) -> tuple[list[tuple[Placed[Any], LogRow]], list[Rejected]]:
        """The messages that are in order, each with the row that it would be, and those that are not."""
        now = self._run.project.clock.now_ms()
        messages, size = [each.message for each in placed], self._run.project.ingest.vector_size
        rows, rejected = change_rows(self._put, messages, now=now, stem="", imported=True, vector_size=size)
        unfit = {entry.index for entry in rejected}
        good = [each for index, each in enumerate(placed) if index not in unfit]
        return list(zip(good, rows, strict=True)), rejected

    async def _load_batch(self, batch: Sequence[tuple[Placed[Any], LogRow]]) -> None:
        """Put those that differ from what is there."""
        report = self._run.report
        if self._run.options.dry_run:
            report.new += len(batch)
            return
        differs = await (self._items_differ(batch) if self._kind == "items" else self._users_differ(batch))
        changed = [each for (each, _), differ in zip(batch, differs, strict=True) if differ]
        report.duplicates += len(batch) - len(changed)
        if changed:
            ingest, messages = self._run.project.ingest, [each.message for each in changed]
            put = await (ingest.put_items if self._kind == "items" else ingest.put_users)(messages, imported=True)
            self._run.refuse(self._name, changed, put.rejected)
            report.new += put.accepted
            report.sequence = max(report.sequence, put.sequence)

    async def _items_differ(self, batch: Sequence[tuple[Placed[Any], LogRow]]) -> list[bool]:
        """Whether each item would be another after its row, by the rule that the catalogue itself goes by."""
        found = await self._run.project.store.catalogue.items_by_id([_id_of(each.message) for each, _ in batch])
        present = {item.item_id: item for item in found}
        return [_is_another(present.get(_id_of(each.message)), row) for each, row in batch]

    async def _users_differ(self, batch: Sequence[tuple[Placed[Any], LogRow]]) -> list[bool]:
        user = self._run.project.store.catalogue.user
        present = await asyncio.gather(*(user(_id_of(each.message)) for each, _ in batch))
        given = [each.message.properties or {} for each, _ in batch]
        return [before is None or before.properties != after for before, after in zip(present, given, strict=True)]


def _is_another(before: Item | None, row: LogRow) -> bool:
    if before is None:
        return True
    after = fold_item(before, row)
    return msgspec.structs.replace(after, sequence=before.sequence) != before


def _id_of(message: ItemIn | UserIn) -> str:
    return message.item_id if isinstance(message, ItemIn) else message.user_id
