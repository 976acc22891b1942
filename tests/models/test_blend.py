"""Blends against the sums written out; the search for weights."""

from typing import Any

import numpy as np
import pytest

from honeyguide.errors import ConfigError
from honeyguide.models import blend
from honeyguide.models.blend import Blend
from honeyguide.models.knn import Knn
from honeyguide.models.markov import Markov
from honeyguide.testing.models import checkerboard, histories, interactions
from honeyguide.types import Interactions
from tests.models.test_linear import random_interactions

PARTS: dict[str, Any] = {"knn": {"k": 5, "recency": 1.0}, "markov": {"window": 3}}


def test_it_is_the_weighted_sum_of_scores_over_their_spread() -> None:
    data, asked = random_interactions(), histories([3, 8, 20], [1], [])
    knn, markov = Knn(recency=1.0, k=5).fit(data), Markov(window=3).fit(data)
    rows = [data.items[data.users == user].tolist() for user in range(data.n_users)]
    past = histories(*[row for row in rows if len(row) > 1])
    spread = [float(np.mean(part.scores(past).std(axis=1))) for part in (knn, markov)]
    expected = 2.0 / spread[0] * knn.scores(asked) + 0.5 / spread[1] * markov.scores(asked)
    mine = Blend(parts=PARTS, weights={"knn": 2.0, "markov": 0.5}).fit(data)
    np.testing.assert_allclose(mine.scores(asked), expected, rtol=1e-4, atol=1e-5)


def test_a_part_without_a_weight_has_none() -> None:
    data, asked = random_interactions(), histories([3, 8, 20])
    alone, both = (
        Blend(parts=parts, weights={"knn": 1.0}).fit(data).scores(asked)[0] for parts in ({"knn": PARTS["knn"]}, PARTS)
    )
    np.testing.assert_allclose(both, alone, rtol=1e-5)


def walks(seed: int = 0) -> Interactions:
    """Users walk up the numbers from anywhere, with a jump now and then: order says all, company little."""
    generator = np.random.default_rng(seed)
    users, items = [], []
    for user in range(300):
        at = int(generator.integers(0, 50))
        for _ in range(8):
            users.append(user)
            items.append(at % 50)
            at += 1 if generator.random() < 0.9 else int(generator.integers(0, 50))
    return interactions(users, items, n_items=50)


def test_the_weights_follow_what_predicts() -> None:
    fitted = Blend(parts={"popular": {}, "markov": {"window": 1}}).fit(walks(), seed=1)
    shares = dict(zip(("markov", "popular"), np.asarray(fitted.arrays()["shares"]).tolist(), strict=True))
    assert shares["markov"] > 0
    alone = Blend(parts={"popular": {}, "markov": {"window": 1}}, weights={"markov": 1.0}).fit(walks(), seed=1)
    np.testing.assert_array_equal(
        np.argsort(-fitted.scores(histories([3, 4, 5]))[0])[:1], np.argsort(-alone.scores(histories([3, 4, 5]))[0])[:1]
    )


def test_what_is_hidden_is_the_latest_and_never_all() -> None:
    data = interactions([0, 0, 0, 1, 1, 2, 2], [4, 5, 6, 5, 4, 6, 6], n_items=7)
    past, hidden = blend._hidden(data, np.array([0, 1], np.int32), 0.9, seed=0)
    assert [row.tolist() for row in hidden] == [[5, 6], [4]]
    assert list(zip(past.users.tolist(), past.items.tolist(), strict=True)) == [(0, 4), (1, 5), (2, 6), (2, 6)]


def test_without_times_any_item_may_be_hidden() -> None:
    users = np.repeat(np.arange(60), 5)
    data = interactions(users, np.tile(np.arange(5), 60), ts=np.zeros(300, np.int64), n_items=5)
    _, hidden = blend._hidden(data, np.arange(60, dtype=np.int32), 0.0, seed=0)
    assert {int(row[0]) for row in hidden} == {0, 1, 2, 3, 4}


def test_ndcg_by_hand() -> None:
    scores = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, -np.inf]], dtype=np.float32)
    wanted = np.array([[False, True, True], [True, False, False]])
    ideal = np.array([1 + 1 / np.log2(3), 1.0])
    first = (1 / np.log2(3) + 1 / np.log2(4)) / ideal[0]
    assert blend._ndcg(scores, wanted, ideal) == pytest.approx((first + 1 / np.log2(3)) / 2)


def test_similar_items_are_the_parts_opinions_added() -> None:
    fitted = Blend(parts={"knn": {}, "ease": {"l2": 5.0}}, weights={"knn": 1.0, "ease": 1.0}).fit(checkerboard())
    numbers, values = fitted.similar(np.array([0], np.int32), 4)
    assert all(number % 2 == 0 for number in numbers[0].tolist())
    assert (np.diff(values[0]) <= 0).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"parts": {}}, "must name other models"),
        ({"parts": {"blend": {}}}, "must name other models"),
        ({"parts": {"eese": {}}}, "Did you mean 'ease'"),
        ({"parts": {"ease": {"l": 1}}}, "Did you mean 'l2'"),
        ({"parts": {"ease": {}}, "weights": {"knn": 1.0}}, "weights.knn"),
        ({"parts": {"ease": {}}, "weights": {"ease": -1.0}}, "weights.ease is -1.0"),
        ({"parts": {"ease": {}}, "weights": {"ease": float("nan")}}, "weights.ease is nan"),
        ({"parts": ["ease"]}, "a table of values by name"),
    ],
)
def test_what_cannot_be_blended_is_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Blend(**params)


def test_weights_of_zero_are_a_model_that_says_nothing() -> None:
    fitted = Blend(parts=PARTS, weights={"knn": 0.0, "markov": 0.0}).fit(random_interactions())
    assert not fitted.scores(histories([3])).any()
