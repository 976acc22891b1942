"""`honeyguide doctor`: what is wrong, worst first, each with the line that mends it."""

import typer
from rich.text import Text

from honeyguide.cli.findings import Data, Finding, data_findings
from honeyguide.cli.opening import configuration, require_data
from honeyguide.cli.output import LABEL, Json, Out, clean, count
from honeyguide.cli.processes import crew_of, process_findings
from honeyguide.cli.reading import read_data
from honeyguide.cli.rule_findings import rule_findings
from honeyguide.cli.surroundings import (
    config_faults,
    config_findings,
    disk_findings,
    erasure_findings,
    item_findings,
    model_findings,
    ranker_findings,
)
from honeyguide.clock import SystemClock
from honeyguide.config import LoadedConfig
from honeyguide.errors import ConfigError, GateNotMet, NotFound
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store

app = typer.Typer(add_completion=False)

_JOBS = 1_000
_LATEST = 1_000
ERRORS_FOUND = GateNotMet.exit_code
_ACCENTS = {"error": "bold red", "warning": "yellow"}


@app.command()
def doctor(context: typer.Context, json: Json = False) -> None:
    """Look for what is wrong with configuration, data and models; each finding says what mends it.

    Ends with exit code 3 if any finding is an error."""
    out = Out(json)
    found, data = _examine(context)
    errors = sum(finding.level == "error" for finding in found)
    warnings = len(found) - errors
    counts = {} if data is None else {"events": data.events.height, "items": data.items.height}
    out.result({"ok": not errors, "errors": errors, "warnings": warnings, "findings": found, "data": counts})
    for finding in sorted(found, key=lambda finding: finding.level):
        out.show(finding.level, _told(finding), accent=_ACCENTS[finding.level])
    if data is not None:
        users = count(data.events["user_id"].n_unique(), "user")
        looked_at = f"{count(data.events.height, 'event')} of {users} on {count(data.items.height, 'item')}"
        out.show("looked at", looked_at)
    out.show("verdict", _verdict(errors, warnings))
    if errors:
        raise typer.Exit(ERRORS_FOUND)


def _examine(context: typer.Context) -> tuple[list[Finding], Data | None]:
    """Every finding, and the data if there are any."""
    try:
        loaded = configuration(context)
    except ConfigError as error:
        return config_faults(error), None
    found = [*config_findings(loaded), *disk_findings(loaded.settings)]
    try:
        require_data(loaded)
    except NotFound as error:
        return [*found, Finding("error", "no_data", error.detail, error.cure)], None
    more, data = _examine_data(loaded)
    return [*found, *more], data


def _examine_data(loaded: LoadedConfig) -> tuple[list[Finding], Data]:
    settings, clock = loaded.settings, SystemClock()
    store = open_store(settings, clock)
    try:
        data, position = read_data(store, clock.now_ms())
        artefacts = FileArtefacts(settings.project.data_dir / "models")
        models = model_findings(store.registry, artefacts, position, clock.now_ms())
        rankers = ranker_findings(store.registry, settings)
        latest = data.events.tail(_LATEST)["item_id"].unique().to_list()
        items = item_findings(store.registry, artefacts, store.catalogue.item_ids(), latest, settings.training)
        erasures = erasure_findings(store.jobs.page(limit=_JOBS), store.registry, clock.now_ms())
        processes = process_findings(crew_of(store, position), clock.now_ms())
        rules = rule_findings(store, clock.now_ms())
        return [*data_findings(data, settings), *models, *rankers, *items, *erasures, *processes, *rules], data
    finally:
        store.close()


def _told(finding: Finding) -> Text:
    return Text.assemble(clean(finding.what), "\n", " " * (LABEL + 2), ("fix  ", "dim"), clean(finding.fix))


def _verdict(errors: int, warnings: int) -> Text:
    if not errors and not warnings:
        return Text("nothing is wrong", style="green")
    told = [count(errors, "error")] if errors else []
    told += [count(warnings, "warning")] if warnings else []
    return Text(" and ".join(told), style="bold red" if errors else "yellow")
