"""`honeyguide train`: fit, compare, and let the best one serve."""

from typing import Annotated

import typer

from honeyguide.cli.metrics import show_comparison
from honeyguide.cli.output import Json, Out
from honeyguide.cli.progress import ProgressMode, progress
from honeyguide.cli.storage import storage
from honeyguide.train import train as train_models

app = typer.Typer(add_completion=False)

Models = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Which ones; else models.train.")]


@app.command()
def train(context: typer.Context, models: Models = None, mode: ProgressMode = "auto", json: Json = False) -> None:
    """Fit the models on the log, compare them on later events, publish them, and serve the best one.

    A running server switches without a failed request. Ends with exit code 3, and the version that serves stays, if
    no model is better than what is popular; ctrl-C leaves everything as it was."""
    out = Out(json)
    with storage(context) as stored:
        settings = stored.loaded.settings
        with progress(mode, stored.clock) as tell:
            report = train_models(
                stored.store,
                stored.artefacts,
                settings,
                stored.clock,
                models=models or None,
                progress=lambda stage, share: tell(stage, share, ""),
            )
    out.result(report)
    show_comparison(out, report, settings.training)
    out.show("champion", report.champion, style="bold")
    out.show("because", report.reason)
    if report.margin is not None:
        mean, low, high = report.margin
        out.show("gain", f"{mean:+.4f} per user over popularity (95 %: {low:+.4f} to {high:+.4f})")
    out.show("time", f"{report.seconds:.1f} s")
    out.hint("honeyguide recommend USER --explain, or honeyguide serve")
