"""Recipes: a surface is a list of stages. Adding a stage to a product is a line here."""

from collections.abc import Mapping

from honeyguide.protocols import Recipe
from honeyguide.ranking import (
    Anchor,
    BlendedRanks,
    Blocked,
    Calibrated,
    Caps,
    Disliked,
    Diverse,
    Excluded,
    Fames,
    Lesser,
    Named,
    Requested,
    Reranking,
    Rotated,
    Tail,
)
from honeyguide.retrieval import (
    CatalogueSource,
    ContentSource,
    InterestSource,
    LearnedSource,
    NewItemSource,
    PopularSource,
    SimilarSource,
)

LADDER = ("popular", "new", "catalogue")
FILTERS = (Blocked(), Disliked(), Excluded(), Anchor(), Named(), Requested())


def reranking() -> Reranking:
    """The passes of re-ranking in their order: first what changes how relevant an item is, last what must hold."""
    fames = Fames()
    return Reranking((Rotated(), Lesser(fames), Calibrated(), Diverse(), Tail(fames), Caps()))


def recipes() -> dict[str, Recipe]:
    """All recipes by name."""
    scorer, selector = BlendedRanks(), reranking()
    popular, interests, new, rest = PopularSource(), InterestSource(), NewItemSource(), CatalogueSource()
    content = ContentSource()
    return {
        "personal": Recipe(FILTERS, (LearnedSource(), content, interests, popular, new, rest), scorer, selector, LADDER),
        "similar": Recipe(FILTERS, (SimilarSource(), content, popular, rest), scorer, selector, LADDER),
        "popular": Recipe(FILTERS, (popular, new, rest), scorer, selector, LADDER[-1:]),
    }


def source_names(made: Mapping[str, Recipe] | None = None) -> list[str]:
    """The names of all sources that a surface may choose from."""
    return sorted({source.name for recipe in (made or recipes()).values() for source in recipe.sources})
