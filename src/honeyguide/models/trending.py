"""What is rising now: recent interactions with a short half-life, against how popular an item is anyway.

Counts decay in the log domain (Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay: a practical time decay model for
streaming systems", ICDE 2009), so that no half-life is too short for the range of a float: the log of the sum over events of
x * 2 ** (-age / half_life). Taking off `lift` times the log of the same count with a half-life that is `baseline` times as
long leaves what grew (as relative rates tell bursts from steady popularity: Kleinberg, "Bursty and hierarchical structure in
streams", KDD 2002). With `lift` 0 it is popularity of the last days; `popular` keeps what was always liked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from honeyguide.models.rows import latest_times, user_item_matrix
from honeyguide.models.trained import Trained, setting, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

Wide = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class Trending(Trained):
    """Scores are logs of decayed counts above that of the least trending item, which has 1; 0 for what nobody touched."""

    name: ClassVar[str] = "trending"
    personal: ClassVar[bool] = False

    half_life: float = setting(2.0, 0.001, 1e6, "Days after which an interaction counts half.")
    baseline: float = setting(10.0, 1.0, 1e6, "How many times as long the half-life is of what an item is compared with.")
    lift: float = setting(0.3, 0.0, 1.0, "Share of its usual popularity that an item is not credited with.")
    power: float = setting(0.5, 0.0, 1.0, "0 counts users alike, 1 by the weight of their heaviest event.")
    _scores: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count; `seed` is not used. Each (user, item) pair counts once, at its latest time."""
        interactions = self.admitted(interactions)
        pairs, _ = user_item_matrix(interactions, self.power)
        days, n = _days_ago(latest_times(interactions, pairs)), interactions.n_items
        logs = np.log(np.maximum(pairs.data.astype(np.float64), 1e-30))
        now = _log_sums(logs - days * (np.log(2.0) / self.half_life), pairs.indices, n)
        usual = _log_sums(logs - days * (np.log(2.0) / (self.half_life * self.baseline)), pairs.indices, n)
        touched = np.isfinite(now)
        rising = now[touched] - self.lift * np.logaddexp(usual[touched], 0.0)  # as if somebody more had touched it
        scores = np.zeros(n, dtype=np.float32)
        scores[touched] = 1.0 + rising - rising.min(initial=np.inf)
        return self.with_arrays({"scores": scores})

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]: the same for all."""
        return np.repeat(self._scores[None, :], len(histories), axis=0)

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Nothing: trends know no likeness."""
        return np.full((len(items), k), -1, dtype=np.int32), np.zeros((len(items), k), dtype=np.float32)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """Zeros: the history has no part in the score."""
        return np.zeros((len(history.items), len(items)), dtype=np.float32)

    def arrays(self) -> Mapping[str, object]:
        """`scores` float32 [n_items]."""
        return {"scores": self._scores}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._scores = take(arrays, "scores", np.float32, -1)
        return twin


def _days_ago(ts: Wide) -> Wide:
    """Age in days. Age 0 is the 99th percentile: one clock in the far future ages nobody else."""
    newest = np.quantile(ts, 0.99, method="inverted_cdf") if len(ts) else 0.0
    days: Wide = np.maximum(newest - ts, 0.0) / 86_400_000.0
    return days


def _log_sums(logs: Wide, items: IntArray, n: int) -> Wide:
    """The log of the sum of exp(logs) of each item, -inf where there is none."""
    most = np.full(n, -np.inf)
    np.maximum.at(most, items, logs)
    sums = np.bincount(items, np.exp(logs - most[items]), minlength=n)
    found: Wide = np.where(sums > 0, most + np.log(np.maximum(sums, 1e-300)), -np.inf)
    return found
