"""`honeyguide features`: list, get, refresh, backfill."""

import asyncio
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.output import Cell, Json, Out, ago, count, table
from honeyguide.cli.progress import Mode, ProgressMode, progress
from honeyguide.cli.project import project
from honeyguide.cli.storage import Stored, storage
from honeyguide.config.settings import FeatureView
from honeyguide.config.values import format_duration, format_window
from honeyguide.features.custom import plans_of
from honeyguide.features.plan import Plan
from honeyguide.jobs.features import FeatureFolding
from honeyguide.monitoring.metrics import Metrics

app = typer.Typer(
    add_completion=False, help="List feature views, read their values, fold them from the log.", cls=HelpfulGroup
)

View = Annotated[str, typer.Argument(metavar="VIEW", help="The name of a feature view.")]
Entity = Annotated[str, typer.Argument(metavar="ENTITY", help="The id of a user or an item, as the view is of one.")]
_STATUS = {"present": "green", "stale": "yellow", "missing": "dim"}


@app.command("list")
def list_views(context: typer.Context, json: Json = False) -> None:
    """All views, how far the log is folded for them, and how served values compare with it."""
    out = Out(json)
    with storage(context) as stored:
        plans, position = plans_of(stored.loaded.settings), asyncio.run(stored.store.log.position())
        check = stored.store.features.checked()
        through = {entity: _through(stored, plan) for entity, plan in plans.items()}
        views = [view for plan in plans.values() for view in plan.views]
        told = [
            _plain(view) | dict(zip(("compared", "mismatches"), check.views.get(view.name, (0, 0)), strict=True))
            for view in views
        ]
        out.result({"views": told, "position": position, "folded": through, "checked_at": check.checked_at or None})
        rows: list[list[Cell]] = [["view", "of", "kind", "window", "differs", "made of"]]
        for view in views:
            compared, wrong = check.views.get(view.name, (0, 0))
            differs = Text(f"{wrong / compared:.1%}", style="red" if wrong else "") if compared else Text("")
            rows.append([Text(view.name, style="bold"), view.entity, view.kind, _window(view), differs, _made_of(view)])
        out.lines(table(rows, right=(4,), width=out.width))
        for entity, sequence in through.items():
            waiting = position - sequence
            out.show(f"{entity}s", f"folded up to {sequence:,}" + (f" · {count(waiting, 'row')} to go" if waiting else ""))
        if any(sequence < position for sequence in through.values()):
            out.hint("honeyguide features refresh   (a running server does it by itself)")


@app.command()
def get(context: typer.Context, view: View, entity: Entity, json: Json = False) -> None:
    """What a view says of a user or item now, and what it is worth."""
    out = Out(json)
    with project(context) as opened:
        declared = opened.runtime.features.view(view)
        read = opened.features([entity], [], [view]) if declared.entity == "user" else opened.features([], [entity], [view])
        found = (read.users if declared.entity == "user" else read.items)[entity][view]
        now = opened.runtime.clock.now_ms()
        out.result({"entity": declared.entity, "entity_id": entity, **msgspec.to_builtins(found)})
        out.show("value", Text(msgspec.json.encode(found.value).decode(), style="bold"))
        out.show("status", found.status, style=_STATUS[found.status])
        out.show("event", "none yet" if found.event_at is None else ago(found.event_at, now))
        out.show("exact at", f"log position {found.as_of:,}")


@app.command()
def refresh(context: typer.Context, mode: ProgressMode = "auto", json: Json = False) -> None:
    """Fold what the log holds up to its end; what others fold at the same time counts once."""
    _fold(context, mode, json, anew=False)


@app.command()
def backfill(context: typer.Context, mode: ProgressMode = "auto", json: Json = False) -> None:
    """Throw the folded states away and fold the whole log again. Users are read exactly meanwhile."""
    _fold(context, mode, json, anew=True)


def _fold(context: typer.Context, mode: Mode, json: bool, *, anew: bool) -> None:
    out = Out(json)
    with storage(context) as stored:
        plans = plans_of(stored.loaded.settings)
        folding = FeatureFolding(stored.store.log, stored.store.features, tuple(plans.values()), stored.clock, Metrics())
        started = stored.clock.monotonic()
        end = max(1, asyncio.run(stored.store.log.position()))
        with progress(mode, stored.clock) as report:
            fold = folding.refold if anew else folding.refresh
            fold(lambda entity, at: report(f"fold features of {entity}s", min(1.0, at / end), f"row {at:,}"))
        seconds = stored.clock.monotonic() - started
        through = {entity: _through(stored, plan) for entity, plan in plans.items()}
        out.result({"folded": through, "seconds": round(seconds, 3)})
        for entity, sequence in through.items():
            out.show(f"{entity}s", f"folded up to {sequence:,}")
        out.note("took", f"{seconds:.1f} s")


def _through(stored: Stored, plan: Plan) -> int:
    mark = stored.store.features.mark(plan.group)
    return mark.sequence if mark else 0


def _plain(view: FeatureView) -> dict[str, Any]:
    return view.model_dump(mode="json", exclude={"function"})


def _window(view: FeatureView) -> str:
    return format_window(view.window) if view.events else ""


def _made_of(view: FeatureView) -> str:
    events = ", ".join(view.events) if len(view.events) < 5 else count(len(view.events), "event type")
    over = f" per {', '.join(view.over)}" if view.over else ""
    of = f"{view.of} of " if view.of and events else view.of
    ttl = f" · ttl {format_duration(view.ttl)}" if view.ttl is not None else ""
    return f"{of}{events}{over}{ttl}"
