"""`honeyguide evaluate`: all models on the same later events, nothing published."""

from typing import Annotated

import typer

from honeyguide.cli.metrics import show_comparison
from honeyguide.cli.opening import configuration, require_data
from honeyguide.cli.output import Json, Out
from honeyguide.cli.progress import ProgressMode, progress
from honeyguide.cli.storage import opened
from honeyguide.cli.train import Models
from honeyguide.train import compare_models

app = typer.Typer(add_completion=False)

K = Annotated[int | None, typer.Option("--k", metavar="K", help="Length of the lists; else training.k.")]


@app.command()
def evaluate(
    context: typer.Context, models: Models = None, k: K = None, mode: ProgressMode = "auto", json: Json = False
) -> None:
    """Fit every model on the earlier part of each history and ask it for the later one; what serves does not change.

    Intervals are 95 % over users. All items are ranked, those that a user knows already are left out."""
    out = Out(json)
    loaded = configuration(context, training__k=k)
    require_data(loaded)
    with opened(loaded) as stored, progress(mode, stored.clock) as tell:
        report = compare_models(
            stored.store,
            loaded.settings,
            stored.clock,
            models=models or None,
            progress=lambda stage, share: tell(stage, share, ""),
        )
    out.result(report)
    show_comparison(out, report, loaded.settings.training)
    out.show("best", report.reason)
    out.show("time", f"{report.seconds:.1f} s")
    out.hint("honeyguide train   publishes these models on the whole history and serves the best")
