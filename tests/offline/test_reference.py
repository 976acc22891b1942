"""Our metrics against trec_eval's own C code (pytrec_eval), user by user."""

import numpy as np
import pytest
import pytrec_eval
from numpy.random import Generator

from honeyguide.models.popular import Popular
from honeyguide.offline import metrics
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import by_time
from honeyguide.testing.models import checkerboard
from honeyguide.types import IntArray

THEIRS = {"recall": "recall", "precision": "P", "ndcg": "ndcg_cut", "map": "map_cut", "hit_rate": "success"}


def told_by_trec_eval(lists: IntArray, wanted: list[list[int]], k: int) -> dict[str, list[float]]:
    """Metric -> value per user, of lists cut to `k`."""
    names = {f"{name}.{k}" for name in THEIRS.values()} | {"recip_rank"}
    relevant = {str(user): {str(item): 1 for item in own} for user, own in enumerate(wanted)}
    shown = {
        str(user): {str(item): float(-place) for place, item in enumerate(line[:k]) if item >= 0}
        for user, line in enumerate(lists.tolist())
    }
    found = pytrec_eval.RelevanceEvaluator(relevant, names).evaluate(shown)
    users = [found[str(user)] for user in range(len(wanted))]
    values = {ours: [user[f"{name}_{k}"] for user in users] for ours, name in THEIRS.items()}
    return values | {"mrr": [user["recip_rank"] for user in users]}


def drawn(generator: Generator, users: int, k: int, n_items: int) -> tuple[IntArray, list[list[int]]]:
    """Lists, some shorter than `k`, and what each user wants."""
    lists = np.array([generator.permutation(n_items)[:k] for _ in range(users)], np.int32)
    for line in lists:
        line[generator.integers(1, k + 1) :] = -1
    wanted = [generator.permutation(n_items)[: generator.integers(1, n_items)].tolist() for _ in range(users)]
    return lists, wanted


@pytest.mark.parametrize("k", [1, 3, 10, 25])
@pytest.mark.parametrize("seed", range(5))
def test_every_metric_of_every_user(seed: int, k: int) -> None:
    lists, wanted = drawn(np.random.default_rng(seed), users=40, k=25, n_items=60)
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in wanted])])
    hits = metrics.hits_in(lists, indptr, np.concatenate(wanted), 60)
    ours, theirs = metrics.per_user(hits[:, :k], np.diff(indptr)), told_by_trec_eval(lists, wanted, k)
    assert set(ours) == set(theirs) == set(metrics.NAMES)
    for name, values in ours.items():
        assert values.tolist() == pytest.approx(theirs[name], abs=1e-12), name


def test_a_whole_evaluation() -> None:
    split = by_time(checkerboard(), 0.3)
    found = evaluate(Popular().fit(split.train), split, k=8)
    wanted = [split.items[split.indptr[at] : split.indptr[at + 1]].tolist() for at in range(len(split.users))]
    for k in (2, 8):
        theirs = told_by_trec_eval(found.made_of.lists, wanted, k)
        assert {name: found.at(k).mean(name) for name in metrics.NAMES} == pytest.approx(
            {name: float(np.mean(values)) for name, values in theirs.items()}
        )
