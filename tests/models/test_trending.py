"""What rises now, by hand."""

import numpy as np
import pytest

from honeyguide.models.popular import Popular
from honeyguide.models.trending import Trending
from honeyguide.testing.models import histories, interactions
from honeyguide.types import Interactions

DAY = 86_400_000


def days(*rows: tuple[int, float], n_items: int = 4) -> Interactions:
    """Each row is another user: (item, day)."""
    users, items = range(len(rows)), [item for item, _ in rows]
    return interactions(users, items, ts=[int(day * DAY) for _, day in rows], n_items=n_items)


def test_scores_are_logs_of_decayed_counts() -> None:
    data = days((0, 0), (0, 2), (1, 2), (2, 0))
    scores = Trending(half_life=2.0, lift=0.0).fit(data).scores(histories([]))[0]
    counts = np.array([0.5 + 1.0, 1.0, 0.5])
    np.testing.assert_allclose(scores[:3], 1.0 + np.log(counts / counts.min()), rtol=1e-5)
    assert scores[3] == 0.0


def test_what_was_always_liked_is_popular_and_what_rises_is_trending() -> None:
    steady = [(0, day) for day in range(100)]
    burst = [(1, 99 - part / 10) for part in range(10)]
    data = days(*steady, *burst)
    popular, trending = (model.fit(data).scores(histories([0]))[0] for model in (Popular(half_life=60.0), Trending()))
    assert popular.argmax() == 0
    assert trending.argmax() == 1


def test_lift_takes_off_the_usual_popularity() -> None:
    data = days(*[(0, 0)] * 30, *[(0, 50)] * 4, *[(1, 50)] * 3)
    plain, lifted = (Trending(half_life=2.0, lift=lift).fit(data).scores(histories([]))[0] for lift in (0.0, 0.5))
    assert plain.argmax() == 0
    assert lifted.argmax() == 1


def test_the_oldest_keep_their_order_however_short_the_half_life() -> None:
    scores = Trending(half_life=0.01, lift=0.0).fit(days((0, 0), (1, 1_000), (2, 5_000))).scores(histories([]))[0]
    assert np.isfinite(scores).all()
    assert scores[2] > scores[1] > scores[0] == pytest.approx(1.0)


def test_a_user_who_comes_again_and_again_counts_once() -> None:
    often = interactions([0] * 50 + [1, 2], [0] * 50 + [1, 1], ts=[0] * 52, n_items=2)
    assert Trending().fit(often).scores(histories([]))[0].argmax() == 1


def test_one_clock_in_the_far_future_ages_nobody_else() -> None:
    rows = [(item % 3, 10.0 - item / 100) for item in range(300)]
    plain, odd = (Trending(lift=0.0).fit(days(*rows, *more)).scores(histories([]))[0] for more in ([], [(3, 1e6)]))
    np.testing.assert_allclose(odd[:3] - odd[0], plain[:3] - plain[0], atol=0.01)
