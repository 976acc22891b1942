"""What imports say: what was guessed, what became of the rows, and which file holds what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from honeyguide.cli.output import Out, count
from honeyguide.errors import InvalidInput
from honeyguide.importers import ImportReport, Reading
from honeyguide.importers.columns import Kind, map_columns, read_map
from honeyguide.importers.columns import Told as ToldMap
from honeyguide.importers.sources import chunks

_OF_ITEMS = ("title", "categories", "price", "image_url", "vector")


@dataclass(frozen=True, slots=True)
class Told:
    """All reports together: the command to go on with, and whether every row was refused."""

    next: str
    nothing_taken: bool

    @classmethod
    def of(cls, reports: Sequence[ImportReport]) -> "Told":
        """What to say after these."""
        refused = sum(report.refused for report in reports)
        taken = sum(report.new + report.duplicates + report.superseded for report in reports)
        events = [report for report in reports if report.kind == "events"]
        last = (events or list(reports))[-1:]
        return cls(last[0].next if last else "", refused > 0 and not taken)


def show_report(out: Out, report: ImportReport) -> None:
    """One report: how it was read on stderr, what became of it on stdout."""
    guessed = "  ".join(_pair(field, report.mapping[field]) for field in report.guessed if field in report.mapping)
    if guessed and not out.json:
        out.note("guessed", f"{guessed}   (change: --map)")
    if report.ignored and not out.json:
        out.note("ignored", ", ".join(report.ignored))
    out.show(report.kind, _counts(report))
    if report.types:
        types = sorted(report.types.items(), key=lambda pair: -pair[1])
        out.show("types", " · ".join(f"{name} {number:,}" for name, number in types))
    if report.first_ts is not None and report.last_ts is not None:
        unit = f"   (read as {report.time_unit})" if report.time_unit else ""
        out.show("span", f"{_day(report.first_ts)} to {_day(report.last_ts)}{unit}")
    for note in report.notes:
        out.note("note", note)


def _pair(field: str, column: str) -> str:
    """`user_id←uid`, `type=rating` for a constant, and only the name where both are the same."""
    return field if field == column else f"{field}{column}" if column.startswith("=") else f"{field}←{column}"


def _counts(report: ImportReport) -> str:
    verb = "would be new" if report.dry_run else "new"
    parts = [f"{report.new:,} {verb}"]
    parts += [f"{count(report.duplicates, 'duplicate')}"] if report.duplicates else []
    parts += [f"{report.superseded:,} replaced by later rows"] if report.superseded else []
    parts += [f"{report.erased:,} of erased users, not kept"] if report.erased else []
    if report.refused:
        where = f" → {report.quarantine_file}" if report.quarantine_file else ""
        parts.append(f"{report.refused:,} {'do not fit' if report.dry_run else 'quarantined'}{where} ({report.reasons()})")
    speed = f" · {report.rows / report.seconds:,.0f} rows/s" if report.seconds > 1 else ""
    return " · ".join(parts) + speed


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")


def guess_kind(source: Path) -> Kind:
    """What a file holds, by the names of its columns. Raises InvalidInput where they do not tell."""
    chunk = next(chunks(source, Reading()), None)
    columns = list(dict.fromkeys(name for row in (chunk.rows if chunk else []) if isinstance(row, dict) for name in row))
    if _fits("events", columns, ToldMap(constants={"ts": "0", "type": "view"})):
        return "events"
    item, user = _fits("items", columns), _fits("users", columns)
    if item and (item["item_id"] != (user or {}).get("user_id") or any(name in item for name in _OF_ITEMS)):
        return "items"
    if user and not item:
        return "users"
    cure = "Say it: honeyguide import events FILE (or items, or users)."
    raise InvalidInput(f"The columns of {source} do not tell what it holds: {', '.join(columns) or 'none'}.", cure=cure)


def _fits(kind: Kind, columns: list[str], told: ToldMap | None = None) -> dict[str, str]:
    """Field -> column if the columns are enough for this kind, else nothing."""
    try:
        return dict(map_columns(kind, columns, told or read_map(kind, ())).columns)
    except InvalidInput:
        return {}
