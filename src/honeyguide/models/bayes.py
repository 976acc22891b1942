"""What comes next, by witnesses that multiply: naive Bayes over the latest items.

Each of the latest items is a witness for what follows, and independent evidence multiplies (Lewis, "Naive (Bayes) at forty:
the independence assumption in information retrieval", ECML 1998), where `markov` averages it:

    score(j) = prior * log p(j) + sum over the latest items i of v_i * log(1 + lift_ij / kappa)
    lift_ij  = c_ij / (c_i + shrinkage) / p(j) ** target

c_ij counts how often j came after i (`steps`), p is popularity. A row's share of j shrunken to popularity, over popularity,
is 1 + lift / kappa up to a constant of the row; a pair that was never seen adds 0, so that the links stay sparse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from honeyguide.models.rows import cells, weighted_rows
from honeyguide.models.steps import Successive, Wide
from honeyguide.models.trained import setting
from honeyguide.types import FloatArray, Histories, IntArray, Interactions


@dataclass(kw_only=True, eq=False)
class Bayes(Successive):
    """score = prior[item] + sum over the latest items of v * link[item of the history, item]."""

    name: ClassVar[str] = "bayes"

    kappa: float = setting(1.0, 1e-6, 1e6, "Lift at which a witness begins to count: what popularity weighs in each row.")
    target: float = setting(0.8, 0.0, 1.0, "Exponent of the candidate's popularity under a lift.")
    shrinkage: float = setting(100.0, 0.0, 1e6, "Transitions by which rows that were seen rarely are weakened.")
    prior: float = setting(1.2, 0.0, 100.0, "Weight of popularity beside the witnesses.")

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count transitions; `seed` is not used."""
        walk, n = self._walk(self.admitted(interactions)), interactions.n_items
        popularity = np.bincount(walk.items, walk.weights, minlength=n) + 0.5
        target = (popularity / popularity.sum()) ** self.target if n else popularity
        target /= target.sum()

        def witness(counts: csr_array) -> Wide:
            rows = np.repeat(counts.sum(axis=1) + self.shrinkage, np.diff(counts.indptr))
            found: Wide = np.log1p(counts.data / (rows * target[counts.indices] * self.kappa))
            return found

        links = self._linked(walk, n, witness, progress)
        return self._with_links(links, self.prior * np.log(popularity / 0.5), walk.scale)

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; the weighed log of popularity for an empty history, 0 for untouched items."""
        _, indptr, items, values = self._asked(histories)
        found = weighted_rows(self._links, indptr, items, values)
        found += self._prior
        return found

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: v * link[entry, item]."""
        places, _, entries, values = self._asked(history)
        gain = np.zeros((len(history.items), len(items)), dtype=np.float32)
        gain[places] = values[:, None] * cells(self._links, entries, items)
        return gain
