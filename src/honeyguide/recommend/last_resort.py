"""The ladder's last rung: what was popular when something was last known. Below it is only an error."""

from collections.abc import Sequence

from honeyguide.errors import Unavailable
from honeyguide.messages import Reason, SlateItem
from honeyguide.protocols import Recipe, Request
from honeyguide.ranking.rules import OF_RULES
from honeyguide.recommend.pipeline import Outcome, Pipeline


def last_resort(
    pipeline: Pipeline, recipe: Recipe, request: Request, outcome: Outcome, length: int, last_known: Sequence[str]
) -> None:
    """Fill an outcome without items from what is last known to be popular, best first; nothing happens where popularity is
    known and some source has answered. Raises `Unavailable` where none has and nothing was ever popular."""
    silent = {source.name for source in recipe.sources} <= {*outcome.missed, *OF_RULES}
    if request.popular is not None and not silent:
        return
    allowed = pipeline.allowed(recipe.filters, request, [])
    rows = request.items.numbers_of(last_known)
    ids = [request.items.ids[row] for row in rows[allowed[rows]][:length].tolist()]
    if ids:
        outcome.rung = "disk"
        reason = Reason("popular", "popular with other shoppers")
        outcome.items = [SlateItem(item_id, 0.0, rank, ["disk"], reason) for rank, item_id in enumerate(ids, start=1)]
    elif silent and not outcome.failed:
        raise Unavailable("No list can be made now: no source answers.", cure="Ask again in a moment; the log says why.")
