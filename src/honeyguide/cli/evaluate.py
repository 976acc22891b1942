"""`honeyguide evaluate`: all models on the same later events, nothing published."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from honeyguide.cli.metrics import metric_text, with_interval
from honeyguide.cli.opening import configuration, require_data, short
from honeyguide.cli.output import Cell, Json, Out, count, table
from honeyguide.cli.progress import ProgressMode, progress
from honeyguide.cli.report import page
from honeyguide.cli.storage import opened
from honeyguide.cli.train import Models
from honeyguide.errors import InvalidInput
from honeyguide.train.evaluation import EvaluationReport, ModelFigures, evaluate_models

app = typer.Typer(add_completion=False)

SplitName = Literal["time", "moment", "last", "random", "cold-users", "cold-items"]
Ks = Annotated[str | None, typer.Option("--k", metavar="K,K,...", help="Lengths of the lists; 5, 10 and training.k.")]
SplitOption = Annotated[SplitName, typer.Option("--split", help="What is held out; 'honeyguide train' judges by time.")]
Segments = Annotated[bool, typer.Option("--segments", help="Also for new and heavy users, popular and rare items.")]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write a page with plots: one HTML file, nothing else needed."),
]


@app.command()
def evaluate(
    context: typer.Context,
    models: Models = None,
    split: SplitOption = "time",
    k: Ks = None,
    segments: Segments = False,
    report: ReportFile = None,
    mode: ProgressMode = "auto",
    json: Json = False,
) -> None:
    """Fit every model on one part of the history and ask it for the other; what serves does not change.

    Intervals are 95 % over users. All items are ranked, those that a user knows already are left out."""
    out = Out(json)
    lengths = _lengths(k)
    loaded = configuration(context)
    require_data(loaded)
    with opened(loaded) as stored, progress(mode, stored.clock) as tell:
        found = evaluate_models(
            stored.store,
            loaded.settings,
            stored.clock,
            models=models or None,
            split=split,
            ks=lengths,
            progress=lambda stage, share: tell(stage, share, ""),
        )
        made = datetime.fromtimestamp(stored.clock.now_ms() / 1000, UTC)
    out.result(found)
    _show(out, found, segments=segments)
    if report is not None:
        written = page(found, project=loaded.settings.project.name, made=made)
        _write(report, written)
        out.note("report", f"{short(report.absolute())} ({len(written.encode()) / 1000:.0f} kB): open it in a browser")
    out.hint("honeyguide train   publishes these models on the whole history and serves the best")


def _lengths(text: str | None) -> list[int]:
    parts = (text or "").replace(" ", "").split(",") if text is not None else []
    if not all(part.isdecimal() and 0 < int(part[:9]) <= 500 for part in parts):
        raise InvalidInput(f"--k {text} is no length of lists.", cure="Give numbers from 1 to 500, such as 5,10,20.")
    return [int(part) for part in parts]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The report cannot be written to {path} ({error.strerror}).", cure="Name a file in a folder that is there."
        ) from error


def _show(out: Out, found: EvaluationReport, *, segments: bool) -> None:
    """The data, one line per model, and one per group and model."""
    span = " to ".join(datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d") for ms in found.window)
    data = f"{count(found.interactions, 'interaction')} of {count(found.users, 'user')} on {count(found.items, 'item')}"
    out.show("data", f"{data} · {span}")
    out.show("split", f"{found.split}: {found.about}")
    out.show("asked", f"{count(found.asked, 'user')} for {count(found.held_out, 'item')}, all items ranked")
    out.lines(["", *table(_rows(found), right=range(2, 6 + len(found.ks)), width=out.width), ""])
    if segments:
        rows = _group_rows(found)
        out.lines([*table(rows, right=range(1, len(rows[0])), width=out.width), ""])
    out.show("best", _verdict(found))
    out.show("time", f"{found.seconds:.1f} s")


def _rows(found: EvaluationReport) -> list[list[Cell]]:
    main = f"served_{found.metric}@{found.k}"
    heads = [f"recall@{k}" for k in found.ks]
    rows: list[list[Cell]] = [
        ["", "model", f"served {found.metric}@{found.k}", *heads, "coverage", "lift", "fit", "to the best"]
    ]
    for model in found.models:
        best = model.name == found.best
        mark, name = Text("→" if best else " ", style="green"), Text(model.name, style="bold green" if best else "bold")
        if model.failed:
            rows.append([mark, name, *[""] * (4 + len(heads)), Text(f"not fitted: {model.failed}", style="yellow")])
            continue
        recalls = [metric_text(model.metrics.get(f"served_{head}")) for head in heads]
        lift = model.metrics.get(f"served_popularity_lift@{found.k}")
        rows.append(
            [
                mark,
                name,
                with_interval(model.metrics, main),
                *recalls,
                f"{model.metrics[f'served_coverage@{found.k}']:.1%}",
                "" if lift is None else f"{lift:+.1f}",
                f"{model.fit_seconds:.1f} s",
                _behind(model),
            ]
        )
    return rows


def _behind(model: ModelFigures) -> Text:
    if model.behind is None:
        return Text("")
    mean, low, high = model.behind
    return Text.assemble(f"{mean:+.4f}", (f" [{low:+.3f} {high:+.3f}]", "dim"))


def _group_rows(found: EvaluationReport) -> list[list[Cell]]:
    """A row per model, a column per group."""
    name = f"served_{found.metric}@{found.k}"
    rows: list[list[Cell]] = [[f"{found.metric}@{found.k}", *(group.name for group in found.groups)]]
    rows.append(["", *(Text(f"{group.users:,} asked", style="dim") for group in found.groups)])
    for model in found.models:
        if not model.failed:
            cells: list[Any] = [with_interval(model.groups.get(group.name, {}), name) for group in found.groups]
            rows.append([Text(model.name, style="bold"), *cells])
    return rows


def _verdict(found: EvaluationReport) -> str:
    """The best model, and whether the next one is surely worse."""
    best, name = found.models[0], f"served_{found.metric}@{found.k}"
    told = f"{best.name} has {found.metric}@{found.k} {best.metrics[name]:.4f}"
    others = [model for model in found.models[1:] if model.behind is not None]
    if not others or others[0].behind is None:
        return told
    mean, low, high = others[0].behind
    sure = "a difference beyond chance" if high < 0 else "chance alone may make such a difference"
    return f"{told}, {-mean:.4f} more than {others[0].name} ({sure}: {-high:.4f} to {-low:.4f} per user)"
