"""The graph filter against the formula written out."""

import numpy as np

from honeyguide.models.graph import Graph
from honeyguide.models.knn import Knn
from honeyguide.testing.models import histories
from tests.models.test_linear import dense, random_interactions


def test_without_waves_it_is_the_normalised_gram() -> None:
    data = random_interactions()
    plain = Graph(recency=1.0, factors=0, users=1.0, source=0.9, target=0.2, k=100).fit(data)
    same = Knn(recency=1.0, users=1.0, source=0.9, target=0.2, k=100).fit(data)
    np.testing.assert_allclose(plain.scores(histories([3, 8])), same.scores(histories([3, 8])), rtol=1e-6)


def test_the_low_pass_part_is_made_of_the_first_singular_vectors() -> None:
    data = random_interactions()
    x, share = dense(data).astype(np.float64), 0.7
    degrees, touched = x.sum(axis=0), np.maximum(x.sum(axis=1), 1)
    r = x / touched[:, None] ** 0.5 / degrees**0.55
    _, values, vectors = np.linalg.svd(r)
    waves = vectors[:6].T @ vectors[:6] * values[0] ** 2
    expected = waves * degrees[:, None] ** (0.55 - 0.9) * degrees ** (0.55 - 0.2)
    both = Graph(recency=1.0, factors=6, share=share, users=1.0, source=0.9, target=0.2, k=100).fit(data)
    linear = Graph(recency=1.0, factors=0, users=1.0, source=0.9, target=0.2, k=100).fit(data)
    asked = histories([3, 8, 20])
    got = both.scores(asked)[0] - linear.scores(asked)[0]
    np.testing.assert_allclose(got, share * expected[[3, 8, 20]].sum(axis=0), rtol=1e-2, atol=5e-3)


def test_waves_reach_items_that_nobody_touched_together() -> None:
    data = random_interactions(users=200)
    linear, both = (Graph(recency=1.0, factors=factors, k=1).fit(data).scores(histories([4]))[0] for factors in (0, 5))
    assert (linear == 0).sum() > (both == 0).sum()


def test_a_small_catalogue_has_few_waves() -> None:
    arrays = Graph(recency=1.0, factors=256).fit(random_interactions()).arrays()
    assert np.asarray(arrays["sources"]).shape == (30, 7)


def test_another_seed_finds_the_same_waves() -> None:
    data = random_interactions()
    first, second = (Graph(recency=1.0, factors=4).fit(data, seed=seed).scores(histories([3, 8])) for seed in (1, 2))
    np.testing.assert_allclose(first, second, rtol=1e-2, atol=5e-3)
