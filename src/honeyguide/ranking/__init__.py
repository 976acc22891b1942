"""From candidates to a list: what may be shown, in which order, with which variety, and why."""

from honeyguide.ranking.calibration import Calibrated
from honeyguide.ranking.caps import Caps
from honeyguide.ranking.diversity import Diverse
from honeyguide.ranking.fame import Fames, Lesser, Tail
from honeyguide.ranking.filters import Anchor, Blocked, Conditional, Disliked, Excluded, InBasket, Named, Requested
from honeyguide.ranking.reasons import reasons_for
from honeyguide.ranking.rotation import Rotated
from honeyguide.ranking.rules import PinSource, PromotedSource, RuleFilter
from honeyguide.ranking.scorers import BlendedRanks
from honeyguide.ranking.selection import Reranking

__all__ = [
    "Anchor",
    "BlendedRanks",
    "Blocked",
    "Calibrated",
    "Caps",
    "Conditional",
    "Disliked",
    "Diverse",
    "Excluded",
    "Fames",
    "InBasket",
    "Lesser",
    "Named",
    "PinSource",
    "PromotedSource",
    "Requested",
    "Reranking",
    "Rotated",
    "RuleFilter",
    "Tail",
    "reasons_for",
]
