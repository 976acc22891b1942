"""The fold-in against the library's own, and exactness of contributions."""

from dataclasses import replace

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from honeyguide.models.als import Als
from honeyguide.testing.models import histories, interactions
from honeyguide.types import Interactions
from tests.models.test_linear import random_interactions


def fitted(data: Interactions) -> Als:
    return Als(recency=1.0, factors=6, regularization=0.5, alpha=3.0, iterations=5, power=1.0).fit(data, seed=4)


def test_fold_in_is_the_librarys_exact_solution() -> None:
    data = random_interactions()
    mine = fitted(data)
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(factors=6, regularization=0.5, alpha=1.0)
        library.item_factors = np.array(mine.arrays()["factors"])
        library.user_factors = np.zeros((1, 6), dtype=np.float32)
        rows, columns = np.zeros(3, np.int32), np.array([1, 5, 9], np.int32)
        confidence = csr_matrix((np.full(3, 4.0, np.float32), (rows, columns)), shape=(1, data.n_items))
        user = library.recalculate_user(0, confidence)
    np.testing.assert_allclose(mine.scores(histories([1, 5, 9]))[0], library.item_factors @ user, rtol=1e-3, atol=1e-5)


def test_an_item_twice_in_a_history_is_one_preference() -> None:
    mine = fitted(random_interactions())
    once, twice = (mine.scores(histories(row))[0] for row in ([1, 5], [1, 5, 5]))
    np.testing.assert_allclose(once, twice, rtol=1e-4, atol=1e-6)
    parts = mine.contributions(histories([1, 5, 5]), np.array([7], np.int32))[:, 0]
    np.testing.assert_allclose(parts[1], parts[2], rtol=1e-4)


def test_a_dislike_is_a_preference_of_nothing_that_is_known() -> None:
    """The library takes a negative confidence as one of a preference of 0; so does the fold-in."""
    data = random_interactions()
    mine = fitted(data)
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(factors=6, regularization=0.5, alpha=1.0)
        library.item_factors = np.array(mine.arrays()["factors"])
        library.user_factors = np.zeros((1, 6), dtype=np.float32)
        rows, columns = np.zeros(3, np.int32), np.array([1, 5, 9], np.int32)
        confidence = csr_matrix((np.array([4.0, 4.0, -4.0], np.float32), (rows, columns)), shape=(1, data.n_items))
        user = library.recalculate_user(0, confidence)
    asked = replace(histories([1, 5, 9]), weights=np.array([1.0, 1.0, -1.0], np.float32))
    np.testing.assert_allclose(mine.scores(asked)[0], library.item_factors @ user, rtol=1e-3, atol=1e-5)
    assert mine.scores(asked)[0, 9] < mine.scores(histories([1, 5]))[0, 9]
    assert mine.contributions(asked, np.array([7], np.int32))[2, 0] == 0.0


def test_who_is_disliked_by_those_like_you_scores_less() -> None:
    """Twenty people like the first three items, five of them the fourth, and ten say no to it."""
    users, items = [*np.repeat(np.arange(20), 3), *range(5)], [*np.tile([0, 1, 2], 20), *[3] * 5]
    likes = interactions(users, items, n_items=4)
    weights = np.append(np.ones(65), -np.ones(10))
    with_dislikes = interactions([*users, *range(10, 20)], [*items, *[3] * 10], weights=weights, n_items=4)
    asked = histories([0, 1, 2])
    assert fitted(with_dislikes).scores(asked)[0, 3] < 0.9 * fitted(likes).scores(asked)[0, 3]


def test_no_factor_of_a_user_is_kept() -> None:
    data = random_interactions(users=77)
    for array in fitted(data).arrays().values():
        assert isinstance(array, np.ndarray)
        assert 77 not in array.shape


def test_another_seed_is_another_start() -> None:
    data = random_interactions()
    model = Als(factors=6, iterations=1)
    first, second = (model.fit(data, seed=seed).scores(histories([0])) for seed in (1, 2))
    assert not np.array_equal(first, second)


def test_the_fit_warns_of_nothing_and_leaves_the_thread_pools_as_they_were() -> None:
    Als(factors=4, iterations=2).fit(interactions([0, 0, 1], [0, 1, 1], n_items=2))  # warnings are errors in these tests
