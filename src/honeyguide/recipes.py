"""Recipes: a surface is a list of stages. Adding a stage to a product is a line here."""

from honeyguide.protocols import Recipe
from honeyguide.ranking import Anchor, BlendedRanks, Blocked, CategoryCap, Disliked, Excluded, Named, Requested
from honeyguide.retrieval import CatalogueSource, InterestSource, LearnedSource, NewItemSource, PopularSource, SimilarSource

FILTERS = (Blocked(), Disliked(), Excluded(), Anchor(), Named(), Requested())

WEIGHTS = {"model": 1.0, "similar": 1.0, "interests": 0.9, "popular": 0.7, "new": 0.5, "catalogue": 0.01}
"""With these a source's first item stands where the model's list has place 1, 8, 27, 61 and its end."""


def recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    scorer, selector = BlendedRanks(WEIGHTS), CategoryCap()
    popular, interests, new, rest = PopularSource(), InterestSource(), NewItemSource(), CatalogueSource()
    return {
        "personal": Recipe(FILTERS, (LearnedSource(), interests, popular, new, rest), scorer, selector),
        "similar": Recipe(FILTERS, (SimilarSource(), popular, rest), scorer, selector),
        "popular": Recipe(FILTERS, (popular, new, rest), scorer, selector),
    }
