"""How an explanation is shown: each item with the figures that have put it where it is."""

from collections.abc import Iterator, Sequence
from math import prod

from rich.text import Text

from honeyguide.cli.output import Out, clean
from honeyguide.cli.slates import item_lines
from honeyguide.library import Honeyguide
from honeyguide.messages import SlateItem
from honeyguide.types import Json

_INDENT = " " * 6
_NAME = 10


def account_lines(out: Out, project: Honeyguide, items: Sequence[SlateItem], trace: Json) -> list[Text]:
    """The items as a table, and under each what it owes its place to."""
    told = {account["item_id"]: account for account in trace.get("items", [])}
    chances = trace.get("exploration", {}).get("propensities", [])
    lines: list[Text] = []
    for place, (item, line) in enumerate(zip(items, item_lines(out, project, items, sources=False), strict=True)):
        chance = chances[place] if place < len(chances) else 1.0
        lines += [line, *_under(told.get(item.item_id), chance)]
    return lines


def _under(account: Json | None, chance: float) -> Iterator[Text]:
    """The lines under an item."""
    if account is not None:
        yield _line("sources", " · ".join(_source(source) for source in account["sources"]))
        if account.get("ranker"):
            yield _line("ranker", _signals(account["ranker"]))
        if account.get("placed"):
            yield _line("placed", f"{_ordinal(account['placed']['place'])} by its sources: the ranker cannot judge it yet")
        if account["history"]:
            yield _line("history", _sum(account["history"]))
        if account.get("rules"):
            yield _line("rules", _product(account["rules"], account["score"]))
        if account.get("pinned"):
            yield _line("pinned", f"to slot {account['pinned']}")
        if account["moves"]:
            yield _line("moved", " · ".join(f"{move:+d} by {name}" for name, move in account["moves"].items()))
    if chance < 1:
        yield _line("drawn", f"with probability {chance:.3g}", style="yellow")


def _source(source: Json) -> str:
    return f"{source['source']} {_ordinal(source['place'])} → {source['speaks_for']:.3f}"


def _sum(history: Json) -> str:
    """`tea +0.41 · pot +0.12 · others +0.03 · without +0.00 = 0.56`."""
    parts = [f"{clean(each['item_id'])} {each['adds']:+.3g}" for each in history["items"]]
    parts += [f"{name} {value:+.3g}" for name, value in _rest(history) if abs(value) > 1e-9]
    return f"{' · '.join(parts)} = {history['model_score']:.3g}"


def _signals(ranker: Json) -> str:
    """`blend +0.8 · price +0.1 · others -0.2 · base +0.3 = 1`, the logit of the score."""
    parts = [f"{each['signal']} {each['adds']:+.3g}" for each in ranker["signals"]]
    parts += [f"{name} {ranker[name]:+.3g}" for name in ("others", "base")]
    return f"{' · '.join(parts)} = {ranker['logit']:.3g}"


def _product(rules: Json, score: float) -> str:
    """`0.31 x 1.5 by winter x 0.5 by old = 0.2325`; with what the factors come to, where that is beyond what is allowed."""
    parts = [f"x {each['factor']:g} by {clean(each['rule'])}" for each in rules["factors"]]
    product = prod(each["factor"] for each in rules["factors"])
    if abs(product - rules["weight"]) > 1e-6 * product:
        parts.append(f"(at most {rules['weight']:g})" if product > rules["weight"] else f"(at least {rules['weight']:g})")
    return f"{rules['score_before']:.3g} {' '.join(parts)} = {score:.3g}"


def _rest(history: Json) -> list[tuple[str, float]]:
    return [("others", history["others"]), ("without any", history["without_history"])]


def _ordinal(number: int) -> str:
    """`1st`, `2nd`, `13th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _line(name: str, text: str, style: str = "dim") -> Text:
    return Text.assemble(_INDENT, (f"{name:<{_NAME}}", "dim"), (text, style))
