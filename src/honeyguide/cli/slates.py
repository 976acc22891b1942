"""How lists are shown: ranks, titles, scores, reasons, and the funnel that led to them."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from honeyguide.cli.output import Cell, Out, clean, count, fit, table
from honeyguide.library import Honeyguide
from honeyguide.messages import Ranking, Slate, SlateItem
from honeyguide.types import Json

_TITLE = 34
_SHOWN = 5
_KEPT = 50  # entries that a trace keeps of a history


def show_slate(out: Out, project: Honeyguide, slate: Slate, *, seconds: float, explain: bool) -> None:
    """A slate as a table on stdout; how it was made, and what to do with it, on stderr."""
    out.result(slate)
    if out.json:
        return
    if slate.items:
        out.lines(item_lines(out, project, slate.items, sources=explain))
    else:
        out.note("empty", _why_empty(project, slate))
    if explain and slate.trace:
        out.lines([""])
        show_funnel(out, slate.trace)
    model = slate.model or "no model"
    out.note("served", f"{slate.served_from} in {seconds * 1000:.0f} ms · {model} · surface {slate.surface} · {slate.rung}")
    if slate.degraded:
        out.note("degraded", ", ".join(slate.degraded), style="yellow")
    if slate.items:
        out.hint(f"honeyguide explain {slate.request_id}")


def show_left(out: Out, ranked: Ranking) -> None:
    """What of the given items does not stand in the order, and why."""
    if ranked.unknown:
        out.note("unknown", clean(", ".join(ranked.unknown)), style="yellow")
    if ranked.left_out:
        out.note("left out", clean(", ".join(ranked.left_out)) + "  (not available, hidden or filtered)", style="yellow")


def item_lines(out: Out, project: Honeyguide, items: Sequence[SlateItem], *, sources: bool) -> list[Text]:
    """One line per item: rank, id, title, score, sources if wanted, reason."""
    titles = titles_of(project, [item.item_id for item in items])
    width = min(_TITLE, max(len(title) for title in titles)) if any(titles) else 0
    rows: list[list[Cell]] = []
    for item, title in zip(items, titles, strict=True):
        row: list[Cell] = [Text(str(item.rank), style="dim"), Text(clean(item.item_id), style="bold")]
        row += [fit(title, width)] if width else []
        row += [Text(f"{item.score:.3f}", style="cyan")]
        row += [Text("+".join(item.sources), style="dim")] if sources else []
        rows.append([*row, item.reason.text])
    score = 3 if width else 2
    return table(rows, right=(0, score), head=False, width=out.width)


def titles_of(project: Honeyguide, item_ids: Iterable[str]) -> list[str]:
    """The titles of items, cleaned for a terminal; empty for an item without one."""
    items = project.runtime.items
    numbers = [items.number(item_id) for item_id in item_ids]
    return [clean(items.titles[number]) if number >= 0 else "" for number in numbers]


def show_funnel(out: Out, trace: Json) -> None:
    """What went in, what was removed and why, what moved for variety."""
    history = trace.get("history", [])
    if history:
        latest = ", ".join(f"{entry['type']} {entry['item_id']}" for entry in reversed(history[-_SHOWN:]))
        out.show(
            "history", f"{count(len(history), 'event')}{' or more' if len(history) >= _KEPT else ''}, the latest: {latest}"
        )
    if trace.get("segment"):
        out.show("segment", str(trace["segment"]))
    found = " · ".join(f"{name} {step['found']:,}" for name, step in trace.get("sources", {}).items())
    out.show("found", found or "nothing")
    if trace.get("missed"):
        out.show("missed", f"{', '.join(trace['missed'])} did not answer in time", style="yellow")
    for name, step in trace.get("removed", {}).items():
        some = ", ".join(step["items"][:_SHOWN]) + (", ..." if step["count"] > _SHOWN else "")
        out.show("removed", f"{step['count']:,} by {name}: {some}")
    for step in trace.get("reranked", []):
        moved = ", ".join(f"{item_id} {move:+d}" for item_id, move in list(step["moved"].items())[:_SHOWN])
        if moved:
            out.show("moved", f"by {step['pass']}, for {step['given_up']:.2%} of the relevance: {moved}")
    drawn = trace.get("exploration", {})
    if drawn.get("how", "none") != "none":
        out.show("drawn", _drawn(drawn), style="yellow")
    if trace.get("stages_ms"):
        out.show("time", " · ".join(f"{name} {ms:.1f} ms" for name, ms in trace["stages_ms"].items()))


def _drawn(exploration: Json) -> str:
    """How chance had a part in it."""
    ways = {"all": "the whole list, each candidate alike", "thompson": "by click rates", "softmax": "by score and chance"}
    places = [str(place) for place, chance in enumerate(exploration["propensities"], start=1) if chance < 1]
    where = "" if exploration["how"] == "all" else f"position {', '.join(places) or 'none of this page'} "
    return f"{where}{ways[exploration['how']]} · seed {exploration['seed']}"


def _why_empty(project: Honeyguide, slate: Slate) -> str:
    if not len(project.runtime.items):
        return "there are no items yet; bring some in with 'honeyguide import'"
    return (
        slate.empty_because
        or "nothing is left after the filters; 'honeyguide recommend USER --explain' shows what was removed"
    )
