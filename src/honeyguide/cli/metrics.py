"""How the metrics of models are shown: which ones, in which order, with how many digits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from honeyguide.cli.output import Cell, Out, count, table
from honeyguide.config.settings import Training
from honeyguide.train import ModelReport, TrainReport

_FIRST = (
    "served_ndcg",
    "ndcg",
    "served_recall",
    "recall",
    "hit_rate",
    "mrr",
    "precision",
    "map",
    "coverage",
    "novelty",
    "diversity",
    "popularity_lift",
)
_MAIN = ("served_ndcg", "ndcg", "recall", "coverage")


def metric_names(all_metrics: Iterable[Mapping[str, Any]], *, main: bool = False) -> list[str]:
    """The names of the qualities in some versions' metrics, the usual ones first; `main` are those that a table shows."""
    names = {name for metrics in all_metrics for name, value in metrics.items() if _is_number(value)}
    wanted = (name for name in names if name.startswith(_MAIN if main else _FIRST))
    return sorted(wanted, key=lambda name: (_place(name), name))


def metric_text(value: Any) -> str:
    """A metric for people; empty where it was not measured."""
    if not _is_number(value):
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def show_comparison(out: Out, report: TrainReport, training: Training) -> None:
    """The data and one line per model, the best first, with 95 % intervals over users."""
    if out.json:
        return
    span = " to ".join(datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d") for ms in report.window)
    data = f"{count(report.interactions, 'interaction')} of {count(report.users, 'user')} on {count(report.items, 'item')}"
    out.show("data", f"{data} · {span}")
    best = f"served_{training.metric}@{training.k}"
    models = sorted(report.models, key=lambda model: model.metrics.get(best, -1.0), reverse=True)
    if any(best in model.metrics for model in models):
        asked = max(model.metrics.get("users", 0) for model in models)
        out.show("asked", f"{count(asked, 'user')} for their latest {training.test_share:.0%}, ranking all items")
    if any(best in model.metrics or model.failed for model in models):
        out.lines(["", *table(_rows(models, report, training.k, best), right=(2, 4, 5, 6, 7), width=out.width), ""])


def _rows(models: Sequence[ModelReport], report: TrainReport, k: int, best: str) -> list[list[Cell]]:
    rows: list[list[Cell]] = [["", "model", "served", f"ndcg@{k}", f"recall@{k}", "hit rate", "coverage", "fit"]]
    for model in models:
        label = f"{model.name}@{model.version}" if model.version else model.name
        champion = label == report.champion
        name = Text(label, style="bold green" if champion else "bold")
        mark = Text("→" if champion else " ", style="green")
        if model.failed:
            rows.append([mark, name, "", Text(f"not fitted: {model.failed}", style="yellow"), "", "", "", ""])
            continue
        found = model.metrics
        seconds = found.get("fit_seconds")
        rows.append(
            [
                mark,
                name,
                metric_text(found.get(best)),
                with_interval(found, f"ndcg@{k}"),
                metric_text(found.get(f"recall@{k}")),
                metric_text(found.get(f"hit_rate@{k}")),
                metric_text(found.get("coverage")),
                "" if seconds is None else f"{seconds:.1f} s",
            ]
        )
    return rows


def with_interval(metrics: Mapping[str, Any], name: str) -> Text:
    """`0.3110 [0.302 0.320]`."""
    interval = metrics.get(f"{name}_interval")
    told = f" [{interval[0]:.3f} {interval[1]:.3f}]" if interval else ""
    return Text.assemble(metric_text(metrics.get(name)), (told, "dim"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(name: str) -> int:
    return next((place for place, start in enumerate(_FIRST) if name.startswith(start)), len(_FIRST))
