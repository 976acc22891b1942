"""Recipes: a surface is a list of stages. Adding a stage to a product is a line here."""

from honeyguide.protocols import Recipe
from honeyguide.ranking import Anchor, BlendedRanks, Blocked, CategoryCap, Disliked, Excluded, Named, Requested
from honeyguide.retrieval import InterestSource, LearnedSource, NewItemSource, PopularSource, SimilarSource

FILTERS = (Blocked(), Disliked(), Excluded(), Anchor(), Named(), Requested())

WEIGHTS = {"model": 1.0, "similar": 1.0, "interests": 0.9, "popular": 0.3, "new": 0.15}


def recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    scorer, selector = BlendedRanks(WEIGHTS), CategoryCap()
    popular, interests, new = PopularSource(), InterestSource(), NewItemSource()
    return {
        "personal": Recipe(FILTERS, (LearnedSource(), interests, popular, new), scorer, selector),
        "similar": Recipe(FILTERS, (SimilarSource(), popular), scorer, selector),
        "popular": Recipe(FILTERS, (popular, new), scorer, selector),
    }
