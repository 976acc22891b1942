"""Candidate sources: what might be worth showing to this user now."""

from honeyguide.retrieval.content import ContentSource
from honeyguide.retrieval.learned import LearnedSource, SimilarSource
from honeyguide.retrieval.sources import CatalogueSource, InterestSource, NewItemSource, PopularSource

__all__ = [
    "CatalogueSource",
    "ContentSource",
    "InterestSource",
    "LearnedSource",
    "NewItemSource",
    "PopularSource",
    "SimilarSource",
]
