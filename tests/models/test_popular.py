"""Popularity by hand: decay, segments, outliers of the clock."""

import numpy as np
import pytest

from honeyguide.models.popular import Popular
from honeyguide.testing.models import histories, interactions
from honeyguide.types import Interactions

DAY = 86_400_000


def plain(half_life: float = 1e6, **params: float) -> Popular:
    return Popular(half_life=half_life, power=0.0, floor=0.0, **params)


def test_without_decay_it_is_the_share_of_pairs() -> None:
    fitted = plain().fit(interactions([0, 1, 2, 2, 2], [0, 0, 0, 1, 1], n_items=3))
    np.testing.assert_allclose(fitted.scores(histories([]))[0], [3 / 4, 1 / 4, 0], rtol=1e-5)


def test_an_event_counts_half_after_a_half_life() -> None:
    fitted = plain(half_life=10).fit(interactions([0, 1], [0, 1], ts=[0, 10 * DAY], n_items=2))
    np.testing.assert_allclose(fitted.scores(histories([]))[0], [1 / 3, 2 / 3], rtol=1e-5)


def test_an_old_event_never_falls_below_the_floor() -> None:
    data = interactions([0, 1, 2], [0, 0, 1], ts=[0, 0, 40_000 * DAY], n_items=2)
    fitted = Popular(half_life=1, floor=0.25, power=0.0).fit(data)
    np.testing.assert_allclose(fitted.scores(histories([]))[0], [1 / 3, 2 / 3], rtol=1e-5)


def test_one_clock_in_the_far_future_ages_nobody_else() -> None:
    users = list(range(200))
    ts = [DAY * 20_000 + user for user in users]
    sane = plain(half_life=10).fit(interactions(users, [user % 3 for user in users], ts=ts, n_items=4))
    ts[7] = DAY * 400_000
    off = plain(half_life=10).fit(interactions(users, [user % 3 for user in users], ts=ts, n_items=4))
    np.testing.assert_allclose(off.scores(histories([])), sane.scores(histories([])), rtol=1e-5)


def test_the_latest_time_of_a_pair_counts() -> None:
    once = plain(half_life=1).fit(interactions([0, 1, 1], [0, 1, 1], ts=[9 * DAY, 0, 9 * DAY], n_items=2))
    np.testing.assert_allclose(once.scores(histories([]))[0], [0.5, 0.5], rtol=1e-5)


def test_weights_count_by_their_power() -> None:
    data = interactions([0, 1], [0, 1], weights=[1.0, 9.0], n_items=2)
    np.testing.assert_allclose(
        Popular(power=0.5, half_life=1e6).fit(data).scores(histories([]))[0], [1 / 4, 3 / 4], rtol=1e-5
    )


@pytest.fixture
def two_segments() -> Interactions:
    """Segment 1 (users 0-3) touches item 1, segment 2 (user 4) item 2, others (5-9) item 0."""
    users, items = list(range(10)), [1, 1, 1, 1, 2, 0, 0, 0, 0, 0]
    base = interactions(users, items, ts=[DAY] * 10, n_items=3)
    segments = np.array([1, 1, 1, 1, 2, 0, 0, 0, 0, 0], dtype=np.int32)
    return Interactions(base.users, base.items, base.weights, base.ts, 10, 3, segments=segments, n_segments=3)


def test_segments_are_shrunken_to_the_whole(two_segments: Interactions) -> None:
    fitted = plain(shrinkage=4.0).fit(two_segments)
    overall = np.array([0.5, 0.4, 0.1])
    np.testing.assert_allclose(fitted.segment_scores(0), overall, rtol=1e-5)
    np.testing.assert_allclose(fitted.segment_scores(1), (np.array([0, 4, 0]) + 4 * overall) / 8, rtol=1e-5)
    np.testing.assert_allclose(fitted.segment_scores(2), (np.array([0, 0, 1]) + 4 * overall) / 5, rtol=1e-5)


@pytest.mark.parametrize("unknown", [-1, 3, 10_000])
def test_an_unknown_segment_is_everybody(two_segments: Interactions, unknown: int) -> None:
    fitted = plain().fit(two_segments)
    np.testing.assert_array_equal(fitted.segment_scores(unknown), fitted.segment_scores(0))


def test_a_segment_of_nobody_is_everybody(two_segments: Interactions) -> None:
    empty = Interactions(
        two_segments.users,
        two_segments.items,
        two_segments.weights,
        two_segments.ts,
        10,
        3,
        segments=np.zeros(10, np.int32),
        n_segments=2,
    )
    fitted = plain().fit(empty)
    np.testing.assert_allclose(fitted.segment_scores(1), fitted.segment_scores(0), rtol=1e-5)
