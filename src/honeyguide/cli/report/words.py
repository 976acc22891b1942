"""What the numbers of a report mean, in one sentence each."""

from collections.abc import Mapping
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "ndcg": "NDCG",
    "recall": "Recall",
    "precision": "Precision",
    "hit_rate": "Hit rate",
    "mrr": "MRR",
    "map": "MAP",
    "coverage": "Coverage",
    "novelty": "Novelty",
    "diversity": "Diversity",
    "popularity_lift": "Popularity lift",
}
"""Metric -> how people call it, in the order of a table."""

MEANINGS: Final[Mapping[str, str]] = {
    "ndcg": "How near a list is to the best possible one: hits near the top count more than later ones; 1 is perfect.",
    "recall": "The share of what a user chose next that stands in their list.",
    "precision": "The share of a list that the user chose next.",
    "hit_rate": "The share of users whose list holds at least one thing that they chose next.",
    "mrr": "1 over the position of the first hit: 1 if it is on top, a half if it comes second; 0 without one.",
    "map": "Precision at every hit, summed and divided by what there was to find: rewards lists whose hits come early.",
    "coverage": "The share of the catalogue that stands in anybody's list; the rest is never recommended.",
    "novelty": "How few users know the items of a list, in bits: one more bit means half as many.",
    "diversity": "How little the categories of two items of a list overlap: 1 if they never do, 0 if they are the same.",
    "popularity_lift": "How much more popular items shown are than those that the same users chose: +1 is twice as popular.",
}
"""Metric -> a sentence for somebody who hears of it for the first time."""
