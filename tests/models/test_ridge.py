"""The ridge over neighbours: EASE where neighbours are all items, small systems by hand where they are not."""

import numpy as np
import pytest

from honeyguide.models import ridge
from honeyguide.models.ease import Ease
from honeyguide.models.ridge import Ridge
from honeyguide.testing.models import histories, interactions
from tests.models.test_linear import dense, random_interactions


def test_over_all_items_it_is_ease() -> None:
    data, asked = random_interactions(users=400), histories([3, 8, 20])  # so many that all items meet
    mine, closed = Ridge(recency=1.0, k=29, l2=7.0, users=0.0).fit(data), Ease(recency=1.0, l2=7.0).fit(data)
    np.testing.assert_allclose(mine.scores(asked), closed.scores(asked), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("every", [True, False], ids=["all pairs known", "pairs of the strongest"])
def test_each_item_is_regressed_on_its_nearest(every: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "_KEPT", 10_000 if every else 0)
    data = random_interactions()
    x = dense(data).astype(np.float64) / np.maximum(dense(data).sum(axis=1, keepdims=True), 1) ** 0.25
    gram = x.T @ x
    lengths = np.sqrt(np.diag(gram))
    cosine = gram / lengths / lengths[:, None]
    np.fill_diagonal(cosine, 0.0)
    fitted = Ridge(recency=1.0, k=3, l2=2.0, users=0.5).fit(data)
    asked = histories(*[[item] for item in range(data.n_items)])
    links = fitted.scores(asked)
    for target in (4, 17):
        chosen = np.sort(np.argsort(-cosine[target])[:3])
        kept = [set(np.argsort(-cosine[item])[:6].tolist()) for item in range(data.n_items)]  # of twice as many each
        known = np.array([[every or a == b or b in kept[a] or a in kept[b] for b in chosen] for a in chosen])
        system = gram[np.ix_(chosen, chosen)] * known + 2.0 * np.eye(3)
        np.testing.assert_allclose(links[chosen, target], np.linalg.solve(system, gram[chosen, target]), rtol=1e-3)
        assert np.flatnonzero(links[:, target]).tolist() == chosen.tolist()


def test_systems_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_interactions()
    whole = Ridge(recency=1.0, k=5).fit(data).scores(histories([3, 8]))
    monkeypatch.setattr(ridge, "_CELLS", 60)
    np.testing.assert_allclose(Ridge(recency=1.0, k=5).fit(data).scores(histories([3, 8])), whole, rtol=1e-5, atol=1e-6)


def test_items_that_are_always_together_do_not_break_a_weak_ridge() -> None:
    users = np.repeat(np.arange(50), 4)
    fitted = Ridge(recency=1.0, k=3, l2=0.001).fit(interactions(users, np.tile(np.arange(4), 50), n_items=4))
    scores = fitted.scores(histories([0]))[0]
    assert np.isfinite(scores).all()
    assert scores[1:].min() > 0


def test_memory_grows_with_items_not_with_their_square() -> None:
    small, large = (Ridge(recency=1.0).peak_bytes(1_000_000, items, 10_000_000) for items in (100_000, 1_000_000))
    assert large < 12 * small
