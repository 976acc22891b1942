"""How the lineage of a version is shown."""

from datetime import UTC, datetime

from honeyguide.cli.output import Out, count
from honeyguide.train.lineage import Lineage
from honeyguide.types import Json


def show_lineage(out: Out, lineage: Lineage) -> None:
    """The data, code and configuration that a version was made of, what served then, and what it gains."""
    if lineage.first is not None and lineage.last is not None:
        what = f"{count(lineage.interactions or 0, 'event')} of {count(lineage.users or 0, 'user')}"
        items = count(lineage.items or 0, "item")
        out.show("data", f"{what} on {items}, {_moment(lineage.first)} to {_moment(lineage.last)}")
    if lineage.release:
        out.show("made by", f"honeyguide {lineage.release}, configuration {lineage.config}, seed {lineage.seed}")
    if lineage.parent:
        warm = ", hyper-parameters from the search before" if lineage.warm_start else ""
        out.show("after", f"{lineage.parent} served then{warm}")
    if lineage.companions:
        out.show("with", ", ".join(lineage.companions.values()))
    for surface, rows in lineage.rankers.items():
        out.show("rows", f"the ranker of {surface} learned from {_rows(rows)}")
    if lineage.gain is not None:
        mean, low, high = lineage.gain
        chance = "" if low > 0 else "; it may be chance"
        told = f"{mean:+.4f} {lineage.gain_metric} per user over popularity (95 %: {low:+.4f} to {high:+.4f}){chance}"
        out.show("gain", told, style="" if low > 0 else "yellow")


def _rows(rows: Json) -> str:
    """What a ranker was fitted on."""
    lists = count(rows["lists"], "list")
    if rows["from"] == "history":
        return f"{lists} made again from history, since {rows['no_slates']}"
    drawn = f"{rows['drawn']:,} of them drawn by chance"
    return f"{lists} that were served, {drawn}, {_moment(rows['window'][0])} to {_moment(rows['window'][1])}"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
