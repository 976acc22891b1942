"""Fits the trees: LambdaMART over lists, stopped early on the latest of them.

xgboost's `rank:ndcg` with linear gains (`ndcg_exp_gain` off: a purchase is worth what the goals say, and not 2 to the power
of it), pairs of each list's best with the rest.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from xgboost import Booster, DMatrix, train

from honeyguide.models.resources import threads
from honeyguide.train.ranker.rows import Lists
from honeyguide.types import FloatArray

_ROUNDS: Final = 300
_PATIENCE: Final = 25
_HELD: Final = 0.2
_PARAMS: Final[dict[str, Any]] = {
    "objective": "rank:ndcg",
    "ndcg_exp_gain": False,
    "lambdarank_pair_method": "topk",
    "lambdarank_num_pair_per_sample": 20,
    "tree_method": "hist",
    "max_depth": 5,
    "eta": 0.1,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "verbosity": 0,
}


@dataclass(frozen=True, slots=True)
class Fitted:
    """The trees, how many rounds were best, and the NDCG of the latest lists with them."""

    booster: Booster
    rounds: int
    ndcg: float

    @property
    def trees(self) -> bytes:
        """As UBJSON."""
        return bytes(self.booster.save_raw("ubj"))


def by_lists_in_time(lists: Lists) -> tuple[Lists, Lists]:
    """The earlier lists, and the latest fifth of them."""
    order = np.argsort(lists.at, kind="stable").astype(np.int64)
    cut = len(order) - max(1, round(len(order) * _HELD))
    return lists.only(order[:cut]), lists.only(order[cut:])


def fit(lists: Lists, names: tuple[str, ...], *, k: int, seed: int) -> Fitted:
    """Trees fitted on the earlier lists, as many as are best on the latest."""
    earlier, later = by_lists_in_time(lists)
    params = _params(k, seed)
    held = _matrix(later, names)
    booster = train(
        params,
        _matrix(earlier, names),
        _ROUNDS,
        evals=[(held, "latest")],
        early_stopping_rounds=_PATIENCE,
        verbose_eval=False,
    )
    rounds = booster.best_iteration + 1
    return Fitted(booster[:rounds], rounds, float(booster.best_score))


def refit(lists: Lists, names: tuple[str, ...], rounds: int, *, k: int, seed: int) -> Booster:
    """Trees of so many rounds on all lists."""
    return train(_params(k, seed), _matrix(lists, names), rounds, verbose_eval=False)


def _params(k: int, seed: int) -> dict[str, Any]:
    own = {"eval_metric": f"ndcg@{k}", "seed": seed, "nthread": threads()}
    return {**_PARAMS, **own}


def _matrix(lists: Lists, names: tuple[str, ...]) -> DMatrix:
    matrix = DMatrix(lists.table, label=not_below_zero(lists), feature_names=list(names), nthread=threads())
    matrix.set_group(np.diff(lists.indptr))
    matrix.set_weight(lists.weights)
    return matrix


def not_below_zero(lists: Lists) -> FloatArray:
    """Gains as NDCG takes them: what was disliked most in a list is worth 0, and all else of that list that much more."""
    sizes = np.diff(lists.indptr)
    least = np.minimum(np.minimum.reduceat(lists.gains, lists.indptr[:-1]), 0) if len(lists) else np.empty(0, np.float32)
    found: FloatArray = (lists.gains - np.repeat(least, sizes)).astype(np.float32)
    return found
