"""IMPORTERS: files, frames and queries -> events, items and users, by way of INGEST.

`import_events(project, ["clicks.csv.gz"])` guesses which column is which and in what unit times are, and tells it;
it puts rows that do not fit into a file with the reason, and can be killed and repeated: what is in counts once.
"""

from collections.abc import Awaitable, Sequence
from pathlib import Path

import polars as pl

from honeyguide.errors import InvalidInput
from honeyguide.importers.columns import Kind
from honeyguide.importers.events import EventImport
from honeyguide.importers.movielens import movielens_parts
from honeyguide.importers.quarantine import Quarantine
from honeyguide.importers.queries import Select
from honeyguide.importers.report import DEFAULTS, ImportOptions, ImportReport, Progress
from honeyguide.importers.run import Project, Run
from honeyguide.importers.sources import Reading, count_rows, name_of
from honeyguide.importers.things import load_table

__all__ = [
    "ImportOptions",
    "ImportReport",
    "Progress",
    "Project",
    "Reading",
    "Select",
    "import_events",
    "import_items",
    "import_movielens",
    "import_users",
]

Sources = Sequence[str | Path | pl.DataFrame | Select]


async def import_events(
    project: Project, sources: Sources, options: ImportOptions = DEFAULTS, progress: Progress | None = None
) -> ImportReport:
    """Bring events in. Raises InvalidInput if a source or option does not fit, `StorageFull` or `Unavailable` if the log
    cannot be written; what was acknowledged until then is in, and importing again goes on from there."""
    return await _import_tables("events", project, sources, options, progress)


async def import_items(
    project: Project, sources: Sources, options: ImportOptions = DEFAULTS, progress: Progress | None = None
) -> ImportReport:
    """Bring items in: the last row of each counts, and only what changes is written. Raises as `import_events`."""
    return await _import_tables("items", project, sources, options, progress)


async def import_users(
    project: Project, sources: Sources, options: ImportOptions = DEFAULTS, progress: Progress | None = None
) -> ImportReport:
    """Bring users in, like items: columns without a field become their properties. Raises as `import_events`."""
    return await _import_tables("users", project, sources, options, progress)


async def import_movielens(
    project: Project, folder: str | Path, options: ImportOptions = DEFAULTS, progress: Progress | None = None
) -> list[ImportReport]:
    """Bring a MovieLens folder in (ml-latest-small or ml-100k): a report each for items, users where known, and events."""
    reports = []
    with _quarantine(options) as quarantine:
        for part in movielens_parts(Path(folder), options):
            report = ImportReport(kind=part.kind, sources=[part.path.name], dry_run=options.dry_run)
            total = count_rows(part.path, part.options.reading)
            run = Run(project, part.options, report, quarantine, progress, total)
            await _timed(run, part.load(run))
            reports.append(report)
    return reports


async def _import_tables(
    kind: Kind, project: Project, sources: Sources, options: ImportOptions, progress: Progress | None
) -> ImportReport:
    tables = [Path(source) if isinstance(source, str) else source for source in sources]
    if not tables:
        raise InvalidInput("There is nothing to import.", cure="Name at least one file.")
    counts = [count_rows(table, options.reading) for table in tables]
    total = None if None in counts else sum(count or 0 for count in counts)
    report = ImportReport(kind=kind, sources=[name_of(table) for table in tables], dry_run=options.dry_run)
    with _quarantine(options) as quarantine:
        run = Run(project, options, report, quarantine, progress, total)
        for table in tables:
            await _timed(run, EventImport(run, table).load() if kind == "events" else load_table(run, kind, table))
    return report


def _quarantine(options: ImportOptions) -> Quarantine:
    return Quarantine(None if options.dry_run else options.quarantine, options.on_error)


async def _timed(run: Run, loading: Awaitable[None]) -> None:
    """Load, and say how long it took and what comes next."""
    report, clock = run.report, run.project.clock
    started = clock.monotonic()
    await loading
    run.close_source()
    report.seconds += clock.monotonic() - started
    report.next = _next(report)


def _next(report: ImportReport) -> str:
    if report.dry_run:
        return "the same without --dry-run"
    if not report.new and not report.duplicates:
        return f"correct the rows in {report.quarantine_file}" if report.quarantine_file else "name a file with rows"
    return "honeyguide train" if report.kind == "events" else "honeyguide import events FILE"
