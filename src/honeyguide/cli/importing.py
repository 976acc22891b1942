"""`honeyguide import`: files of events, items or users, MovieLens folders, or whatever the files turn out to be."""

import contextlib
import tempfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.imported import Told, guess_kind, show_report
from honeyguide.cli.opening import configuration, require_data
from honeyguide.cli.output import Json, Out
from honeyguide.cli.progress import Mode, ProgressMode, progress
from honeyguide.cli.project import project
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.importers import (
    ImportOptions,
    ImportReport,
    Progress,
    Reading,
    Select,
    import_events,
    import_items,
    import_movielens,
    import_users,
)
from honeyguide.importers.columns import Kind
from honeyguide.library import Honeyguide

KINDS: dict[str, Any] = {"users": import_users, "items": import_items, "events": import_events}
"""In the order in which they are brought in together: events last, so that what they name is known."""


_ABOUT = """Bring in events, items or users from files; what is in already counts once.

'honeyguide import FILE' alone finds out by the columns what a file holds; a folder is one of MovieLens."""


class ImportGroup(HelpfulGroup):
    """`import FILE` without a kind means `import auto FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the hidden command where a path or one of its options stands first."""
        known = {*self.commands, "-h", "--help"}
        return super().parse_args(ctx, ["auto", *args] if args and not known.intersection(args[:1]) else args)


app = typer.Typer(add_completion=False, cls=ImportGroup, help=_ABOUT)

Sources = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="CSV, TSV, JSONL or Parquet; .gz, .zst, .zip too. With --query: a database's URL."),
]
Query = Annotated[
    str | None, typer.Option("--query", metavar="SELECT", help="The rows to read, where FILE is the URL of a database.")
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="An unpacked ml-latest-small, ml-25m or ml-100k.")]
Anything = Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of events, items or users, or a folder.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Say a column; type==purchase says a constant. May be repeated."),
]
Format = Annotated[
    Literal["csv", "tsv", "jsonl", "parquet"] | None, typer.Option("--format", help="Where the name does not say it.")
]
Columns = Annotated[str | None, typer.Option("--columns", metavar="A,B,C", help="The columns of files without a header.")]
Encoding = Annotated[str | None, typer.Option("--encoding", metavar="NAME", help="Where it is not UTF-8, e.g. latin-1.")]
TimeFormat = Annotated[str | None, typer.Option("--time-format", metavar="FORMAT", help="As for strptime: %d.%m.%Y %H:%M")]
Separator = Annotated[str | None, typer.Option("--separator", metavar="TEXT", help="Between the categories in a cell.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted import of the same file stopped.")]
OnError = Annotated[Literal["quarantine", "fail"], typer.Option("--on-error", help="What to do with rows that do not fit.")]
QuarantineFile = Annotated[Path, typer.Option("--quarantine", metavar="FILE", help="Where such rows go, with the reason.")]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an import command: where to, how, and how it is told."""

    context: typer.Context
    options: ImportOptions
    out: Out
    mode: Mode


def _command(kind: Kind) -> None:
    """Register `import events`, `import items` or `import users`: the same options, another importer."""

    def run(
        context: typer.Context,
        sources: Sources,
        query: Query = None,
        map: Map = None,
        format: Format = None,
        columns: Columns = None,
        encoding: Encoding = None,
        time_format: TimeFormat = None,
        separator: Separator = None,
        dry_run: DryRun = False,
        resume: Resume = False,
        on_error: OnError = "quarantine",
        quarantine: QuarantineFile = Path("quarantine.jsonl"),
        mode: ProgressMode = "auto",
        json: Json = False,
    ) -> None:
        names = tuple(name.strip() for name in columns.split(",")) if columns else ()
        options = ImportOptions(
            map=tuple(map or ()),
            reading=Reading(format, names, encoding),
            time_format=time_format,
            separator=separator,
            quarantine=quarantine,
            on_error=on_error,
            resume=resume,
            dry_run=dry_run,
        )
        with _begun(Call(context, options, Out(json), mode)) as (opened, tell):
            report = opened.run(KINDS[kind](opened.runtime, _tables(sources, query), options, tell))
        _tell(Call(context, options, Out(json), mode), [report])

    app.command(kind, help=_HELP[kind])(run)


def _tables(sources: list[str], query: str | None) -> list[Path | Select]:
    """Files, or what a query gives of the databases."""
    urls = [source for source in sources if "://" in source]
    if query is None and urls:
        raise InvalidInput("A database is named and no rows of it.", cure="Say which: --query 'SELECT ... FROM ...'.")
    if query is not None and len(urls) < len(sources):
        raise InvalidInput(
            "--query is for a database.", cure="Name its URL, as postgresql://user@host/shop or sqlite:///shop.db."
        )
    return [Path(source) for source in sources] if query is None else [Select(url, query) for url in sources]


_HELP: dict[Kind, str] = {
    "events": "What users did: user, item, type, time; columns are guessed and told.",
    "items": "The catalogue; columns without a field of their own become properties.",
    "users": "What is known of users; their columns become properties.",
}
for _kind in _HELP:
    _command(_kind)


@app.command()
def movielens(
    context: typer.Context,
    folder: Folder,
    dry_run: DryRun = False,
    resume: Resume = False,
    mode: ProgressMode = "auto",
    json: Json = False,
) -> None:
    """A MovieLens folder as GroupLens gives it out: films, ratings, users where they are known."""
    call = Call(context, ImportOptions(dry_run=dry_run, resume=resume), Out(json), mode)
    with _begun(call) as (opened, tell):
        reports = opened.run(import_movielens(opened.runtime, folder, call.options, tell))
    _tell(call, reports)


@app.command(hidden=True)
def auto(
    context: typer.Context,
    sources: Anything,
    dry_run: DryRun = False,
    resume: Resume = False,
    mode: ProgressMode = "auto",
    json: Json = False,
) -> None:
    """Files of which the columns say what they hold; a MovieLens folder."""
    call = Call(context, ImportOptions(dry_run=dry_run, resume=resume), Out(json), mode)
    kinds = {source: "movielens" if source.is_dir() else guess_kind(source) for source in sources}
    reports: list[ImportReport] = []
    with _begun(call) as (opened, tell):
        for folder in (source for source, kind in kinds.items() if kind == "movielens"):
            reports += opened.run(import_movielens(opened.runtime, folder, call.options, tell))
        for kind, importer in KINDS.items():
            files = [source for source in sources if kinds[source] == kind]
            if files:
                work: Coroutine[Any, Any, ImportReport] = importer(opened.runtime, files, call.options, tell)
                reports.append(opened.run(work))
    _tell(call, reports)


@contextlib.contextmanager
def _begun(call: Call) -> Iterator[tuple[Honeyguide, Progress]]:
    """The project to import into, and who is told how far it is. A dry run on nothing happens beside the data directory."""
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(_opened(call, stack))
        report = stack.enter_context(progress(call.mode, opened.runtime.clock))

        def tell(rows: int, total: int | None) -> None:
            known = f"{rows:,} rows" if total is None else f"{rows:,} of {total:,} rows"
            report("reading", None if total is None else min(1.0, rows / max(total, 1)), known)

        yield opened, tell


def _opened(call: Call, stack: contextlib.ExitStack) -> contextlib.AbstractContextManager[Honeyguide]:
    if not call.options.dry_run:
        return project(call.context, create=True)
    loaded = configuration(call.context)
    try:
        require_data(loaded)
    except NotFound:
        beside = stack.enter_context(tempfile.TemporaryDirectory(prefix="honeyguide-"))
        return Honeyguide.open(loaded.settings, data_dir=beside)
    return Honeyguide.open(loaded.settings)


def _tell(call: Call, reports: list[ImportReport]) -> None:
    """Say what became of the rows; exit code 1 if none of them could be taken."""
    call.out.result(reports)
    for report in reports:
        show_report(call.out, report)
    told = Told.of(reports)
    if told.next:
        call.out.hint(told.next)
    if told.nothing_taken:
        raise typer.Exit(1)
