"""Candidate sources: what might be worth showing to this user now."""

from honeyguide.retrieval.learned import LearnedSource, SimilarSource
from honeyguide.retrieval.sources import CatalogueSource, InterestSource, NewItemSource, PopularSource

__all__ = ["CatalogueSource", "InterestSource", "LearnedSource", "NewItemSource", "PopularSource", "SimilarSource"]
