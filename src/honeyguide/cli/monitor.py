"""`honeyguide monitor`: measure how good the lists are, and show it beside the targets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from honeyguide.cli.figures import between, change, course, name_of, told
from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.opening import short
from honeyguide.cli.output import Cell, Json, Out, ago, count, table
from honeyguide.cli.report.quality import quality_page, rates
from honeyguide.cli.storage import Stored, storage
from honeyguide.config.values import parse_duration
from honeyguide.errors import InvalidInput
from honeyguide.features import ItemBlock
from honeyguide.jobs.quality import REACH, QualityMonitors
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.report import DAY, QualityReport, Reports, Target
from honeyguide.protocols.quality import Slice

app = typer.Typer(add_completion=False, help="Measure how good the lists are; show it beside the targets.", cls=HelpfulGroup)

Window = Annotated[str, typer.Option("--window", metavar="TIME", help="How far back, such as 1h, 24h or 7d.")]
SurfaceName = Annotated[str, typer.Option("--surface", metavar="NAME", help="Lists of this surface only.")]
Arm = Annotated[str, typer.Option("--arm", metavar="ARM", help="Of this arm of an experiment on the surface.")]
Model = Annotated[str, typer.Option("--model", metavar="NAME@VERSION", help="Of this model version.")]
Page = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with all of it: one HTML file.")]
Anew = Annotated[bool, typer.Option("--all", help="Measure all hours of the last eight days again, due or not.")]


@app.command()
def run(context: typer.Context, anew: Anew = False, json: Json = False) -> None:
    """Measure the hours that are due. A server or worker does it by itself; doing it twice changes nothing."""
    out = Out(json)
    with storage(context) as stored:
        now, started = stored.clock.now_ms(), stored.clock.monotonic()
        hours = _monitors(stored).work(most=10_000, since=now - REACH if anew else None)
        seconds = round(stored.clock.monotonic() - started, 3)
        out.result({"hours": hours, "seconds": seconds})
        out.show("measured", f"{count(hours, 'hour')} in {seconds:.1f} s")
        out.hint("honeyguide monitor report")


@app.command()
def report(
    context: typer.Context,
    window: Window = "24h",
    surface: SurfaceName = "",
    arm: Arm = "",
    model: Model = "",
    html: Page = None,
    json: Json = False,
) -> None:
    """The targets with value, change and course; all measures; model versions and positions."""
    out = Out(json)
    if arm and (model or not surface):
        raise InvalidInput("An arm is one of a surface.", cure="Give --surface with --arm, and no --model.")
    with storage(context) as stored:
        found = _found(stored, Slice(surface, arm, model), _length(window))
        out.result(found)
        _show(out, found, stored.clock.now_ms())
        if html is not None:
            made = datetime.fromtimestamp(stored.clock.now_ms() / 1000, UTC)
            _write(html, quality_page(found, project=stored.loaded.settings.project.name, made=made))
            out.note("page", f"{short(html.absolute())}: open it in a browser")
        if found.computed_at is None:
            out.hint("honeyguide monitor run")


def _monitors(stored: Stored) -> QualityMonitors:
    block = ItemBlock()

    def load() -> None:
        for batch in stored.store.catalogue.scan_items():
            block.put(batch)

    return QualityMonitors(stored.store, block, stored.loaded.settings, stored.clock, Metrics(), load=load)


def _found(stored: Stored, chosen: Slice, length: int) -> QualityReport:
    now, registry = stored.clock.now_ms(), stored.store.registry
    eligible = {
        item.item_id
        for batch in stored.store.catalogue.scan_items()
        for item in batch
        if item.available and not item.hidden and item.deleted_at is None
    }
    return Reports(stored.store.quality, stored.loaded.settings).report(
        chosen,
        since=now - length,
        until=now,
        per="hour" if length <= 3 * DAY else "day",
        eligible=eligible,
        versions=registry.versions(),
        serving=registry.aliases().get("champion"),
    )


def _length(window: str) -> int:
    try:
        length = round(1000 * parse_duration(window))
    except ValueError as error:
        raise InvalidInput(f"--window: {error}.", cure="Write 1h, 24h or 7d.") from None
    if not 0 < length <= 400 * DAY:
        raise InvalidInput(f"--window {window} is not possible.", cure="Ask for up to 400 days.")
    return length


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The page cannot be written to {path} ({error.strerror}).", cure="Name a file in a folder that is there."
        ) from error


def _show(out: Out, found: QualityReport, now: int) -> None:
    """Everything on one screen."""
    figures = {each.name: each for each in found.measures}
    lists, shown = figures["requests"], figures["shown"]
    measured = "nothing measured yet" if found.computed_at is None else f"measured {ago(found.computed_at, now)}"
    basis = {"served": "as served", "impressions": "as seen", "both": "as seen, where that is told"}[found.basis]
    out.show(
        "lists", f"{count(int(lists.value or 0), 'list')} · {count(int(shown.value or 0), 'item')} {basis} · {measured}"
    )
    rows: list[list[Cell]] = [["", "", "value", "target", "before", "course"], *(_target(each) for each in found.targets)]
    out.lines(["", *table(rows, right=(2, 3, 4), width=out.width), ""])
    aimed = {each.name for each in found.targets}
    rest: list[list[Cell]] = [["measure", "value", "95 % interval", "before", "n"]]
    rest += [
        [name_of(each.name), told(each.value, each.unit), between(each), change(each.value, each.before), f"{each.n:,}"]
        for each in found.measures
        if each.name not in aimed and each.value is not None
    ]
    out.lines([*table(rest, right=(1, 3, 4), width=out.width), ""])
    _show_parts(out, found)


def _show_parts(out: Out, found: QualityReport) -> None:
    for title, parts in (("surface", found.surfaces), ("arm", found.arms), ("model", found.models)):
        if len(parts) > (title != "model"):
            rows: list[list[Cell]] = [[title, "lists", "CTR", "95 % interval", "conversion", "p95", "coverage", "offline"]]
            rows += [[each.name, f"{each.requests:,}", *rates(each)] for each in parts]
            out.lines([*table(rows, right=(1, 2, 4, 5, 6, 7), width=out.width), ""])
    if found.positions:
        places = found.positions[:20]
        bars = course([place.ctr for place in places], 20)
        out.show(
            "positions",
            f"{bars}  CTR {told(places[0].ctr, 'share')} at 1 … {told(places[-1].ctr, 'share')} at {len(places)}",
        )
    for each in (each for each in [*found.features, *found.scores] if each.moved):
        out.show("moved", Text(f"{each.name}: PSI {each.psi:.2f} (by chance {each.floor:.2f})", style="yellow"))


def _target(each: Target) -> list[Cell]:
    mark = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}[each.met]
    sign = "≤" if each.at_most else "≥"
    value: Any = Text(told(each.value, each.unit), style="bold")
    return [
        Text(*mark),
        name_of(each.name),
        value,
        f"{sign} {told(each.target, each.unit)}",
        change(each.value, each.before),
        course(each.trend),
    ]
