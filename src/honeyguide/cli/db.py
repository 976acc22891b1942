"""`honeyguide db`: the schema of the project's database, and moving the project to another database."""

from pathlib import Path
from typing import Annotated, Any

import typer

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.opening import configuration, short
from honeyguide.cli.output import Json, Out, count
from honeyguide.cli.progress import ProgressMode, progress
from honeyguide.clock import SystemClock
from honeyguide.config import Settings
from honeyguide.errors import Conflict, InvalidInput, NotFound
from honeyguide.stores.copying import Copying, CopyReport, End
from honeyguide.stores.migrations import VERSIONS, pending
from honeyguide.stores.urls import open_store, open_tools

app = typer.Typer(add_completion=False, cls=HelpfulGroup, help="Migrate the database, or move the project to another one.")

_URL = "sqlite:///FOLDER, postgresql://..., or @FILE for a file that holds the URL."
Source = Annotated[str, typer.Argument(metavar="SOURCE", help=f"Where the project is: {_URL}")]
Target = Annotated[str, typer.Argument(metavar="TARGET", help=f"Where it goes; empty, or filled from there before: {_URL}")]


@app.command()
def current(context: typer.Context, json: Json = False) -> None:
    """Show which version of the schema the database has, and which one this release wants; nothing is changed."""
    out = Out(json)
    tools = open_tools(configuration(context).settings)
    out.result({"database": tools.where, **_versions(tools)})
    out.show("database", tools.where)
    _show(out, tools)


@app.command()
def upgrade(context: typer.Context, json: Json = False) -> None:
    """Bring the database to the schema of this release, creating what is not there.

    Servers do it when they start; this is for when their user may not create tables."""
    out = Out(json)
    settings = configuration(context).settings
    tools = open_tools(settings)
    before = tools.versions()
    open_store(settings, SystemClock()).close()
    out.result({"database": tools.where, "before": before, **_versions(tools)})
    out.show("database", tools.where)
    _show(out, tools)
    out.show("changed", ", ".join(line for line, found in tools.versions().items() if found != before[line]) or "nothing")


@app.command()
def copy(context: typer.Context, source: Source, target: Target, mode: ProgressMode = "auto", json: Json = False) -> None:
    """Copy the whole project to another database, while it is in use; run it again to catch up.

    All tables come along, the log with its numbers, and everything is read back and compared. A run that was interrupted
    is gone on with. A target that holds anything else, or that was used since, is refused."""
    out, clock = Out(json), SystemClock()
    settings = configuration(context).settings
    there, here = _settings(settings, source), _settings(settings, target)
    source_end, target_end = open_tools(there), open_tools(here)
    _check(source_end, target_end)
    open_store(here, clock).close()  # makes the tables
    with progress(mode, clock) as tell:
        report = Copying(source_end, target_end, clock.now_ms(), lambda what, share: tell(what, share, "")).run()
    out.result(report)
    _told(out, report)
    out.show(
        "models", f"their files stay in {short(settings.project.data_dir / 'models')}: keep project.data_dir, or copy it"
    )
    out.hint("stop the servers, run this again for what came meanwhile, set storage.url to the target, start them")


def _told(out: Out, report: CopyReport) -> None:
    out.show("from", report.source)
    out.show("to", report.target)
    out.show("log", f"{count(report.added, 'row')} copied, up to {report.position:,}")
    held = {name: rows for name, rows in report.tables.items() if rows}
    out.show("tables", ", ".join(f"{name} {rows:,}" for name, rows in held.items()) or "all empty")
    out.show("checksum", f"{report.checksum}, the same on both sides")


def _versions(tools: End) -> dict[str, Any]:
    found = tools.versions()
    wanted = {line: VERSIONS[line][-1] for line in found}
    return {"schema": found, "release": wanted, "pending": found != wanted}


def _show(out: Out, tools: End) -> None:
    for line, version in tools.versions().items():
        state = "needs: honeyguide db upgrade" if pending(line, version, tools.where) else "up to date"
        out.show(line, f"{version or 'not made yet'} · {state}")


def _settings(settings: Settings, url: str) -> Settings:
    """The settings with another database."""
    if url.startswith("@"):
        try:
            url = Path(url[1:]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotFound(f"The file {url[1:]} cannot be read: {error.strerror}.", code="no_file") from error
    if not url:
        raise InvalidInput("A URL is empty.", cure=f"Write {_URL}")
    return settings.model_copy(update={"storage": settings.storage.model_copy(update={"url": url})})


def _check(source: End, target: End) -> None:
    if source.where == target.where:
        raise InvalidInput(f"{source.where} is both source and target.", cure="Name two databases.")
    for line, version in source.versions().items():
        if version is None:
            raise NotFound(f"There is no project in {source.where}.", cure="Correct the first URL.", code="no_data")
        if pending(line, version, source.where):
            raise Conflict(
                f"{source.where} has the schema of an older release.",
                cure="Bring it up to date first: honeyguide db upgrade, with storage.url set to it.",
                code="schema_too_old",
            )
