"""`honeyguide train`: fit, compare, and let the best one serve."""

from typing import Annotated

import typer

from honeyguide.cli.metrics import show_comparison
from honeyguide.cli.opening import configuration, require_data
from honeyguide.cli.output import Json, Out
from honeyguide.cli.progress import ProgressMode, noted, progress
from honeyguide.cli.searched import show_search
from honeyguide.cli.storage import opened
from honeyguide.train import train as train_models

app = typer.Typer(add_completion=False)

Models = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Which ones; else models.train.")]
Budget = Annotated[
    str | None,
    typer.Option("--budget", metavar="TIME", help="Search for so long (2m, 1h); else training.budget."),
]


@app.command()
def train(
    context: typer.Context, models: Models = None, budget: Budget = None, mode: ProgressMode = "auto", json: Json = False
) -> None:
    """Fit the models on the log, compare them on later events, publish them, and serve the best one.

    With a budget, hyper-parameters are searched for first; the same command again goes on where it was stopped. A running
    server switches without a failed request. Ends with exit code 3, and the version that serves stays, if
    no model is better than what is popular; ctrl-C leaves everything as it was."""
    out = Out(json)
    loaded = configuration(context, training__budget=budget)
    require_data(loaded)
    settings = loaded.settings
    with opened(loaded) as stored, progress(mode, stored.clock) as tell:
        report = train_models(
            stored.store,
            stored.artefacts,
            settings,
            stored.clock,
            models=models or None,
            searches=stored.searches,
            progress=noted(tell),
        )
    out.result(report)
    show_comparison(out, report, settings.training)
    if report.search:
        show_search(out, report.search)
    for note in report.notes:
        out.note("note", note, style="yellow")
    out.show("champion", report.champion, style="bold")
    out.show("because", report.reason)
    if report.margin is not None:
        mean, low, high = report.margin
        out.show("gain", f"{mean:+.4f} per user over popularity (95 %: {low:+.4f} to {high:+.4f})")
    out.show("time", f"{report.seconds:.1f} s")
    out.hint("honeyguide recommend USER --explain, or honeyguide serve")
