"""How a search for hyper-parameters is shown: what was chosen, why, and how far each model got."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from honeyguide.cli.output import Cell, Out, count, table

_DIGITS = 4


def show_search(out: Out, search: Mapping[str, Any]) -> None:
    """The table of models by their best score on the validation part, then the choice and the reason for it."""
    chosen = search["chosen"]
    rows: list[list[Cell]] = [["", "searched", search["metric"], "trials", "time", "not as by default"]]
    models = sorted(search["models"].items(), key=lambda entry: -entry[1]["score"])
    for name, found in models:
        best = name == chosen["model"]
        rows.append(
            [
                Text("→" if best else " ", style="green"),
                Text(name, style="bold green" if best else "bold"),
                f"{found['score']:.{_DIGITS}f}",
                f"{found['trials']}",
                f"{found['seconds']:.1f} s",
                _params(found["changed"]) or Text("none", style="dim"),
            ]
        )
    for name, why in search["left_out"].items():
        rows.append(["", Text(name, style="bold"), "", "", "", Text(f"left out: {why}", style="yellow")])
    out.lines([*table(rows, right=(2, 3, 4), width=out.width), ""])
    asked = f"asking {count(search['users'], 'user')} of the past"
    out.show("search", f"{count(search['trials'], 'trial')} in {search['seconds']:.1f} s, {asked}; {search['ended']}")
    out.show("chosen", search["reason"])
    other, gain = search["runner_up"], search["difference"]
    if other and gain:
        mean, low, high = gain
        told = f"{mean:+.4f} per user over {other['model']} on the test part (95 %: {low:+.4f} to {high:+.4f})"
        out.show("runner-up", told)


def _params(params: Mapping[str, Any]) -> str:
    """`l2 300, power 0.25`; of a blend its parts: `bayes (kappa 2), markov`."""
    if "parts" in params:
        return ", ".join(f"{part} ({own})" if (own := _params(of)) else part for part, of in params["parts"].items())
    told = ((name, f"{value:g}" if isinstance(value, float) else f"{value}") for name, value in params.items())
    return ", ".join(f"{name} {value}" for name, value in told)
