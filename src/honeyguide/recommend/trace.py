"""The funnel of a list: what each source found, what was removed and why, what moved for variety."""

from collections.abc import Sequence

import numpy as np

from honeyguide.protocols import Recipe, Request
from honeyguide.recommend.accounts import accounts
from honeyguide.recommend.pipeline import Outcome, Pipeline
from honeyguide.types import Found, Json

_SHOWN = 50


async def trace(pipeline: Pipeline, recipe: Recipe, request: Request, outcome: Outcome, shown: Sequence[str]) -> Json:
    """The funnel as JSON values, and what each item that is shown owes its place to; ids of at most 50 per step, best first.

    What was removed is found by asking the sources once more without filters, so only an explanation pays for it."""
    unfiltered = Outcome()
    everything = np.ones(len(request.items), dtype=np.bool_)
    sources = [source for source in recipe.sources if source.name not in outcome.missed]
    await pipeline.gather(sources, request, everything, unfiltered)
    ids = request.items.ids
    return {
        "segment": request.segment,
        "history": [
            {"item_id": ids[row], "type": kind, "weight": round(weight, 4)}
            for row, kind, weight in zip(
                request.history_rows.tolist(), request.history_types, request.history_weights.tolist(), strict=True
            )
        ][-_SHOWN:],
        "sources": {
            name: {"found": len(found), "items": [ids[row] for row in found.rows[:_SHOWN].tolist()], **_scores(found)}
            for name, found in outcome.found.items()
        },
        "missed": outcome.missed,
        "rules": {
            "in_force": [each.label for each in request.rules.rules],
            "weights": {item_id: weight for item_id, (_, weight) in outcome.weighed.items()},
            "pins": {item_id: slot for slot, item_id in outcome.pins},
        },
        "removed": _removed(pipeline, recipe, request, unfiltered),
        "beyond_minimum": outcome.beyond_minimum,
        "before_variety": outcome.order_before[:_SHOWN],
        "moved": _moved(outcome),
        "reranked": _reranked(outcome),
        "items": accounts(recipe, request, outcome, shown),
        "stages_ms": {name: round(seconds * 1000, 3) for name, seconds in outcome.stages.items()},
    }


def _scores(found: Found) -> Json:
    """What a source scored the items that are told, where it scores."""
    return {} if found.scores is None else {"scores": [round(score, 6) for score in found.scores[:_SHOWN].tolist()]}


def _removed(pipeline: Pipeline, recipe: Recipe, request: Request, unfiltered: Outcome) -> dict[str, Json]:
    """Per filter, the candidates that it and no filter before it removed."""
    rows = np.unique(np.concatenate([np.empty(0, np.int32), *(found.rows for found in unfiltered.found.values())]))
    removed: dict[str, Json] = {}
    for each in recipe.filters:
        mask = pipeline.mask(each, request, [])
        if mask is None or not len(rows):
            continue
        gone = rows[~mask[rows]]
        if len(gone):
            removed[each.name] = {"count": len(gone), "items": [request.items.ids[row] for row in gone[:_SHOWN].tolist()]}
        rows = rows[mask[rows]]
    return removed


def _moved(outcome: Outcome) -> dict[str, int]:
    """How many places each item rose (positive) or fell for variety, items that stayed left out."""
    return _moves(outcome.order_before, [item.item_id for item in outcome.items])


def _reranked(outcome: Outcome) -> list[Json]:
    """Each pass of re-ranking in turn: the relevance that it gave up, and the items that it moved."""
    told, before = list[Json](), outcome.order_before
    for name, given_up, after in outcome.passes:
        told.append({"pass": name, "given_up": round(given_up, 6), "moved": _moves(before, after)})
        before = after
    return told


def _moves(before: Sequence[str], after: Sequence[str]) -> dict[str, int]:
    """How many places each of the first items rose (positive) or fell; from beyond what is told, at least so many."""
    places = {item_id: place for place, item_id in enumerate(before)}
    moves = {item_id: places.get(item_id, len(places)) - place for place, item_id in enumerate(after[:_SHOWN])}
    return {item_id: move for item_id, move in moves.items() if move}
