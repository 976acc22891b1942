"""EASE and item-kNN against the formulas written out."""

import numpy as np
import pytest

from honeyguide.errors import NotEnoughMemory
from honeyguide.models import ease
from honeyguide.models.ease import Ease
from honeyguide.models.knn import Knn
from honeyguide.testing.models import histories, interactions
from honeyguide.types import FloatArray, Interactions


def random_interactions(seed: int = 0, users: int = 80, items: int = 30) -> Interactions:
    generator = np.random.default_rng(seed)
    taste = generator.random((users, items)) ** 3 > 0.5
    rows, columns = np.nonzero(taste)
    return interactions(rows, columns, n_items=items)


def dense(data: Interactions) -> FloatArray:
    matrix = np.zeros((data.n_users, data.n_items), dtype=np.float32)
    matrix[data.users, data.items] = 1.0
    return matrix


@pytest.mark.parametrize("users", [80, 9], ids=["by items", "by users"])
def test_ease_is_the_closed_form(users: int) -> None:
    data = random_interactions(users=users)
    x = dense(data).astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 7.0 * np.eye(data.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores = Ease(recency=1.0, l2=7.0).fit(data).scores(histories([3, 8, 20]))[0]
    np.testing.assert_allclose(scores, weights[[3, 8, 20]].sum(axis=0), rtol=2e-4, atol=1e-5)


def test_ease_in_blocks_is_ease(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_interactions()
    whole = Ease(recency=1.0, l2=7.0).fit(data).scores(histories([3, 8]))
    monkeypatch.setattr(ease, "_BLOCK", 7)
    np.testing.assert_allclose(Ease(recency=1.0, l2=7.0).fit(data).scores(histories([3, 8])), whole, rtol=1e-5, atol=1e-6)


def test_ease_similar_items_are_those_of_largest_partial_correlation() -> None:
    data = random_interactions()
    x = dense(data).astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 7.0 * np.eye(data.n_items))
    scale = np.sqrt(np.diag(inverse))
    partial = -inverse / scale / scale[:, None]
    np.fill_diagonal(partial, 0.0)
    numbers, values = Ease(recency=1.0, l2=7.0).fit(data).similar(np.array([4], dtype=np.int32), 3)
    assert numbers[0].tolist() == np.argsort(-partial[4])[:3].tolist()
    np.testing.assert_allclose(values[0], np.sort(partial[4])[::-1][:3], rtol=1e-3)


def test_a_capped_ease_is_ease_over_the_most_popular_items() -> None:
    data = random_interactions()
    counts = np.bincount(data.items, minlength=data.n_items)
    kept = np.sort(np.argsort(-counts, kind="stable")[:12])
    x = dense(data)[:, kept].astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 7.0 * np.eye(12))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    fitted = Ease(recency=1.0, l2=7.0, max_items=12).fit(data)
    dropped = int(np.setdiff1d(np.arange(data.n_items), kept)[0])
    asked = histories([int(kept[2]), dropped, int(kept[5])])
    scores = fitted.scores(asked)[0]
    np.testing.assert_allclose(scores[kept], weights[2] + weights[5], rtol=2e-4, atol=1e-5)
    assert scores[dropped] == 0.0
    parts = fitted.contributions(asked, np.array([dropped, kept[5]], dtype=np.int32))
    assert parts[:, 0].tolist() == [0, 0, 0]
    assert parts[:, 1].sum() == pytest.approx(scores[kept[5]], rel=1e-4)
    assert set(fitted.similar(np.array([kept[0], dropped], dtype=np.int32), 20)[0].ravel().tolist()) <= {-1, *kept.tolist()}
    assert fitted.similar(np.array([dropped], dtype=np.int32), 2)[0].tolist() == [[-1, -1]]


def test_a_catalogue_that_does_not_fit_is_refused_with_a_number_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    data, model = random_interactions(), Ease(recency=1.0)
    needed = model.peak_bytes(data.n_users, data.n_items, len(data.users))
    monkeypatch.setattr("honeyguide.models.trained.free_memory", lambda: needed - 6 * (30**2 - 10**2))
    with pytest.raises(NotEnoughMemory, match=r"max_items to 10 at most, or leave 'ease' out") as caught:
        model.fit(data)
    assert "30 items" in caught.value.detail


def test_knn_with_halves_and_no_user_exponent_is_the_cosine() -> None:
    data = random_interactions()
    x = dense(data)
    lengths = np.linalg.norm(x, axis=0)
    cosine = x.T @ x / lengths / lengths[:, None]
    np.fill_diagonal(cosine, 0.0)
    scores = Knn(recency=1.0, users=0.0, k=100).fit(data).scores(histories([3, 8]))[0]
    np.testing.assert_allclose(scores, cosine[3] + cosine[8], rtol=1e-4, atol=1e-6)


def test_knn_weighs_users_by_the_length_of_their_rows() -> None:
    data = random_interactions()
    x = dense(data)
    gram = (x / x.sum(axis=1, keepdims=True)).T @ x
    popularity = x.sum(axis=0)
    walk = gram / popularity[:, None]
    np.fill_diagonal(walk, 0.0)
    scores = Knn(recency=1.0, users=1.0, source=1.0, target=0.0, k=100).fit(data).scores(histories([5]))[0]
    np.testing.assert_allclose(scores, walk[5], rtol=1e-4, atol=1e-6)


def test_each_candidate_keeps_its_own_k_links() -> None:
    data = random_interactions()
    x = dense(data)
    lengths = np.linalg.norm(x, axis=0)
    cosine = x.T @ x / lengths / lengths[:, None]
    np.fill_diagonal(cosine, 0.0)
    fitted = Knn(recency=1.0, users=0.0, k=4).fit(data)
    every = fitted.scores(histories(*[[item] for item in range(data.n_items)]))
    assert ((every > 0).sum(axis=0) == 4).all()
    for candidate in range(data.n_items):
        kept = np.flatnonzero(every[:, candidate])
        np.testing.assert_allclose(every[kept, candidate], cosine[kept, candidate], rtol=1e-4)
        assert cosine[kept, candidate].min() >= np.sort(cosine[:, candidate])[-4] - 1e-6


def test_shrinkage_weakens_rare_links_most() -> None:
    data = interactions([0, 0, *[u for u in range(1, 20) for _ in range(2)]], [2, 3, *[0, 1] * 19], n_items=4)
    bare, shrunken = (Knn(recency=1.0, users=0.0, shrinkage=s).fit(data) for s in (0.0, 5.0))
    assert bare.scores(histories([2]))[0, 3] == pytest.approx(bare.scores(histories([0]))[0, 1], rel=1e-4)
    assert shrunken.scores(histories([2]))[0, 3] < 0.5 * shrunken.scores(histories([0]))[0, 1]


def test_knn_in_blocks_is_knn(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_interactions()
    whole = Knn(recency=1.0, k=5).fit(data).scores(histories([3, 8]))
    monkeypatch.setattr("honeyguide.models.rows.BLOCK_CELLS", 7)
    np.testing.assert_array_equal(Knn(recency=1.0, k=5).fit(data).scores(histories([3, 8])), whole)
