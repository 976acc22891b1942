"""What an import was asked to do, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from honeyguide.importers.columns import Kind
from honeyguide.importers.sources import PLAIN, Reading

Progress = Callable[[int, int | None], None]
"""Called with the rows done so far, and how many there are where that is known."""

REASONS: Final = {
    "missing_user": "no user_id",
    "missing_item": "no item_id",
    "missing_time": "no time",
    "missing_type": "no type",
    "missing_value": "no value",
    "undeclared_type": "undeclared type",
    "future_time": "future time",
    "before_1970": "before 1970",
    "bad_time": "unreadable time",
    "negative_quantity": "negative quantity",
    "negative_value": "negative value",
    "too_small": "negative price",
    "bad_number": "unreadable number",
    "wrong_columns": "wrong number of fields",
    "stray_quote": "stray quotation mark",
    "not_utf8": "not UTF-8",
    "not_json": "not JSON",
    "id_too_long": "id too long",
    "properties_too_large": "properties too large",
}
"""Codes of faults in words for a line of a report; others are shown as they are."""


@dataclass(frozen=True)
class ImportOptions:
    """How to import.

    `map` are arguments as for --map (see `read_map`); `reading` says how files are read; `time_format` how times are
    written (as for strptime); `separator` what stands between the categories in a cell. Rows that do not fit go to the
    file `quarantine` with their reason (`on_error="quarantine"`) or end the import (`"fail"`). `resume` passes over
    the rows that an interrupted import of the same file has already brought in. A `dry_run` writes nothing at all."""

    map: tuple[str, ...] = ()
    reading: Reading = PLAIN
    time_format: str | None = None
    separator: str | None = None
    quarantine: Path = Path("quarantine.jsonl")
    on_error: Literal["quarantine", "fail"] = "quarantine"
    resume: bool = False
    dry_run: bool = False


DEFAULTS: Final = ImportOptions()


class ImportReport(msgspec.Struct, kw_only=True):
    """What became of the rows: `rows` = `new` + `duplicates` + `superseded` + `erased` + the sum of `quarantined`.

    `duplicates` were there already (events by id, items and users by value); `resumed` of them were passed over by a
    checkpoint. `superseded` are earlier rows of an item or user that a later one of the same source replaces.
    `erased` are rows of users who were erased since: they are kept nowhere, in the quarantine neither.
    `mapping` is field -> column (`=text` for a constant), `guessed` the fields among them that nobody told, `ignored`
    the columns that nothing was taken from. `types` counts the events that are in the log now, `undeclared` those of
    types that the configuration does not know. `first_ts` and `last_ts` are ms. `next` is the command to go on with.
    """

    kind: Kind
    sources: list[str]
    rows: int = 0
    new: int = 0
    duplicates: int = 0
    resumed: int = 0
    superseded: int = 0
    erased: int = 0
    quarantined: dict[str, int] = msgspec.field(default_factory=dict)
    quarantine_file: str | None = None
    types: dict[str, int] = msgspec.field(default_factory=dict)
    undeclared: dict[str, int] = msgspec.field(default_factory=dict)
    mapping: dict[str, str] = msgspec.field(default_factory=dict)
    guessed: list[str] = msgspec.field(default_factory=list)
    ignored: list[str] = msgspec.field(default_factory=list)
    time_unit: str = ""
    first_ts: int | None = None
    last_ts: int | None = None
    seconds: float = 0.0
    dry_run: bool = False
    sequence: int = 0
    notes: list[str] = msgspec.field(default_factory=list)
    next: str = ""

    @property
    def refused(self) -> int:
        """How many rows were quarantined."""
        return sum(self.quarantined.values())

    def reasons(self) -> str:
        """`450 no item_id, 14 future time`: why rows were quarantined, most frequent first."""
        counts = sorted(self.quarantined.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{count:,} {REASONS.get(code, code.replace('_', ' '))}" for code, count in counts)
