"""Candidate sources: what might be worth showing to this user now."""

from honeyguide.retrieval.alike import AlikeSource
from honeyguide.retrieval.content import ContentSource
from honeyguide.retrieval.learned import LearnedSource, SimilarSource, VoiceSource
from honeyguide.retrieval.sources import CatalogueSource, FavouriteSource, InterestSource, NewItemSource, PopularSource
from honeyguide.retrieval.standing import GivenSource, TrendingSource
from honeyguide.retrieval.together import TogetherSource

__all__ = [
    "AlikeSource",
    "CatalogueSource",
    "ContentSource",
    "FavouriteSource",
    "GivenSource",
    "InterestSource",
    "LearnedSource",
    "NewItemSource",
    "PopularSource",
    "SimilarSource",
    "TogetherSource",
    "TrendingSource",
    "VoiceSource",
]
