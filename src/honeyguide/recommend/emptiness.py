"""Why a list is empty: the first stage that left nothing."""

from typing import Final

import numpy as np

from honeyguide.protocols import Recipe, Request
from honeyguide.ranking.rules import passing
from honeyguide.ranking.seen import seen_by
from honeyguide.recommend.pipeline import Pipeline
from honeyguide.types import BoolArray

_TOLD: Final = {
    "blocked": "all items are hidden, deleted or not available",
    "disliked": "the user wants to see none of what is left",
    "excluded": "the user has had everything that is left (exclude of the surface)",
    "named": "none of the candidates may be shown",
    "filters": "no item meets the filters of the request",
    "filter": "no item meets the filter of the request",
}


def why_empty(pipeline: Pipeline, recipe: Recipe, request: Request) -> str:
    """A sentence for people."""
    if not len(request.items):
        return "there are no items"
    allowed = np.ones(len(request.items), np.bool_)
    for each in recipe.filters:
        mask = pipeline.mask(each, request, [])
        if mask is None:
            continue
        left = allowed & mask[: len(allowed)]
        if not left.any():
            return _of_rules(request, allowed) if each.name == "rules" else _TOLD.get(each.name, each.name)
        allowed = left
    return "no source found anything"


def _of_rules(request: Request, allowed: BoolArray) -> str:
    """Which rule it was, the first that leaves nothing after those before it."""
    seen = seen_by(request)
    for each in request.rules.filters:
        allowed = allowed & passing([each], seen)
        if not allowed.any():
            return f"the rule {each.rule.name!r} leaves no item"
    return "the rules leave no item"
