"""Item-item neighbours: those who touched this item also touched these.

Item-based collaborative filtering (Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation
algorithms", WWW 2001) with the memory of k neighbours per item (Deshpande, Karypis, "Item-based top-N recommendation
algorithms", TOIS 2004). `users` = 1 divides each user's row by the square root of its length, so that somebody with
1,000 items does not outvote everybody else; `source` = `target` = 0.5 is then the cosine, `source` = 1 and `target` = 0
a random walk item -> user -> item (Cooper, Lee, Radinsky, Siantos, "Random walks in recommender systems", WWW 2014).
"""

from dataclasses import dataclass
from typing import ClassVar

from honeyguide.models.trained import Trained, setting, state
from honeyguide.types import FloatArray, IntArray

_BLOCK = 512


@dataclass(kw_only=True, eq=False)
class Knn(Trained):
    """Scores are sums over the history of w * similarity; only the k strongest links of an item are kept."""

    name: ClassVar[str] = "knn"

    k: int = setting(200, 1, 100_000, "Links kept per item.")
    users: float = setting(1.0, 0.0, 2.0, "Exponent of a user's number of items in the denominator.")
    source: float = setting(0.5, 0.0, 2.0, "Exponent of the history item's popularity in the denominator.")
    target: float = setting(0.5, 0.0, 2.0, "Exponent of the candidate's popularity in the denominator.")
    shrinkage: float = setting(0.0, 0.0, 1e9, "Added to the denominator: links seen rarely weigh less.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their summed weights as they are.")
    _indptr: IntArray = state()
    _indices: IntArray = state()
    _data: FloatArray = state()
    _scale: FloatArray = state()
