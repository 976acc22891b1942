"""From candidates to a list: what may be shown, in which order, with which variety, and why."""

from honeyguide.ranking.diversity import WINDOW, CategoryCap
from honeyguide.ranking.filters import Anchor, Blocked, Disliked, Excluded, Named, Requested
from honeyguide.ranking.reasons import reasons_for
from honeyguide.ranking.scorers import BlendedRanks

__all__ = [
    "WINDOW",
    "Anchor",
    "BlendedRanks",
    "Blocked",
    "CategoryCap",
    "Disliked",
    "Excluded",
    "Named",
    "Requested",
    "reasons_for",
]
