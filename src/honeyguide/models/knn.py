"""Item-item neighbours: those who touched this item also touched these.

Item-based collaborative filtering (Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation
algorithms", WWW 2001) with the memory of k neighbours per item (Deshpande, Karypis, "Item-based top-N recommendation
algorithms", TOIS 2004). `users` = 1 divides each user's row by the square root of its length, so that somebody with
1,000 items does not outvote everybody else; `source` = `target` = 0.5 is then the cosine, `source` = 1 and `target` = 0
a random walk item -> user -> item (Cooper, Lee, Radinsky, Siantos, "Random walks in recommender systems", WWW 2014).
Interactions may be weighted first as words of documents are, an item being the document and its users the words: TF-IDF
(Salton, Buckley, "Term-weighting approaches in automatic text retrieval", IPM 1988) or BM25 (Robertson, Walker, "Some simple
effective approximations to the 2-Poisson model", SIGIR 1994), as the library `implicit` has them; BM25 with
`source` = `target` = 0 is its `BM25Recommender`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from scipy.sparse import csr_array, diags_array

from honeyguide.models.links import Linked
from honeyguide.models.rows import LONGEST, strongest_links, user_item_matrix
from honeyguide.models.trained import choice, setting
from honeyguide.types import FloatArray, IntArray, Interactions

_K1, _B = 100.0, 0.8
_WEIGHTINGS: Final = ("plain", "tfidf", "bm25")


@dataclass(kw_only=True, eq=False)
class Knn(Linked):
    """Links are co-occurrence over popularity(source) ** source * popularity(target) ** target + shrinkage."""

    name: ClassVar[str] = "knn"

    weighting: str = choice("plain", _WEIGHTINGS, "How interactions are weighted first: plain, tfidf or bm25.")
    users: float = setting(0.5, 0.0, 2.0, "Exponent of a user's number of items in the denominator.")
    source: float = setting(0.5, 0.0, 2.0, "Exponent of the history item's popularity in the denominator.")
    target: float = setting(0.5, 0.0, 2.0, "Exponent of the candidate's popularity in the denominator.")
    shrinkage: float = setting(0.0, 0.0, 1e9, "Added to the denominator: links seen rarely weigh less.")

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count who touched both, a block of items at a time; `seed` is not used."""
        interactions = self.admitted(interactions)
        matrix, scale = user_item_matrix(interactions, self.power, half_life=self.half_life, longest=LONGEST)
        matrix = _weighted(matrix, self.weighting)
        touched = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        squares = np.bincount(matrix.indices, matrix.data.astype(np.float64) ** 2, minlength=interactions.n_items)
        popularity = np.maximum(squares, 1e-30)
        rows = (diags_array(touched**-self.users) @ matrix).tocsr().astype(np.float32)
        of_target, of_source = popularity**self.target, popularity**self.source

        rank = popularity ** (self.source - 0.5)  # by which a link is kept: else the rarest sources push all others out

        def similarity(product: csr_array, targets: IntArray) -> FloatArray:
            divisor = of_target[targets] * of_source[product.indices] + self.shrinkage
            found: FloatArray = np.where(product.indices == targets, 0.0, product.data / divisor * rank[product.indices])
            return found

        links = strongest_links(matrix.T.tocsr(), rows, self.k, similarity, progress)
        links.data = (links.data / np.repeat(rank, np.diff(links.indptr))).astype(np.float32)
        return self._with_links(links, scale)


def _weighted(matrix: csr_array, weighting: str) -> csr_array:
    """float32 [n_users, n_items]: x as the weight of a word (user) in a document (item)."""
    if weighting == "plain" or not matrix.nnz:
        return matrix
    lengths = np.diff(matrix.indptr)
    rare = np.maximum(np.log(max(matrix.shape[1], 1)) - np.log1p(lengths), 1e-6)
    idf = np.repeat(rare, lengths)
    if weighting == "tfidf":
        values = np.sqrt(matrix.data) * idf
    else:
        sums = np.bincount(matrix.indices, matrix.data, minlength=matrix.shape[1])
        norm = (1.0 - _B) + _B * sums / max(sums.mean(), 1e-30)
        values = matrix.data * (_K1 + 1.0) / (_K1 * norm[matrix.indices] + matrix.data) * idf
    return csr_array((values.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
