"""What is held out, by hand and as properties."""

import numpy as np
import pytest

from honeyguide.offline.splits import Split, by_time, leave_last
from honeyguide.testing.models import interactions
from honeyguide.types import Interactions


def asked(split: Split) -> dict[int, list[int]]:
    return {
        int(user): split.items[split.indptr[place] : split.indptr[place + 1]].tolist()
        for place, user in enumerate(split.users)
    }


def learned(split: Split) -> list[tuple[int, int, int]]:
    train = split.train
    return list(zip(train.users.tolist(), train.items.tolist(), train.ts.tolist(), strict=True))


def test_the_latest_fifth_of_the_distinct_items() -> None:
    items = list(range(12))
    split = by_time(interactions([0] * 12, items, n_items=12), 0.2)
    assert asked(split) == {0: [10, 11]}
    assert split.train.items.tolist() == items[:10]


@pytest.mark.parametrize(("count", "held"), [(2, 1), (4, 1), (5, 1), (9, 1), (10, 2), (15, 3), (35, 7), (100, 20)])
def test_a_fifth_is_rounded_down_and_at_least_one(count: int, held: int) -> None:
    split = by_time(interactions([0] * count, list(range(count)), n_items=count), 0.2)
    assert len(split.items) == held


def test_a_user_with_one_item_is_not_asked_and_is_learned_from() -> None:
    split = by_time(interactions([0, 0, 0, 1, 1], [5, 5, 5, 1, 2]), 0.2)
    assert asked(split) == {1: [2]}
    assert [user for user, _, _ in learned(split)] == [0, 0, 0, 1]


@pytest.mark.parametrize("share", [0.99, 1.0])
def test_never_all_items_of_a_user_are_held_out(share: float) -> None:
    split = by_time(interactions([0, 0, 0], [1, 2, 3]), share)
    assert asked(split) == {0: [2, 3]}
    assert split.train.items.tolist() == [1]


def test_a_share_of_zero_still_asks_for_one() -> None:
    assert asked(by_time(interactions([0, 0, 0], [1, 2, 3]), 0.0)) == {0: [3]}


def test_equal_times_stay_in_the_order_of_the_log() -> None:
    split = by_time(interactions([0, 1, 0, 1, 0], [4, 2, 3, 1, 9], ts=[7] * 5), 0.2)
    assert asked(split) == {0: [9], 1: [1]}


def test_the_first_event_of_an_item_decides_and_the_past_ends_before_what_is_held_out() -> None:
    #   item 1 comes again after item 3, which is held out: that event belongs to the future
    split = by_time(interactions([0] * 5, [1, 2, 2, 3, 1], ts=[10, 20, 30, 40, 50]), 0.2)
    assert asked(split) == {0: [3]}
    assert learned(split) == [(0, 1, 10), (0, 2, 20), (0, 2, 30)]


def test_rows_may_come_in_any_order_of_time() -> None:
    split = by_time(interactions([0, 0, 0], [3, 1, 2], ts=[30, 10, 20]), 0.2)
    assert asked(split) == {0: [3]}


def test_leave_last() -> None:
    split = leave_last(interactions([0, 0, 0, 1, 2, 2], [1, 2, 3, 7, 5, 5], ts=[1, 3, 2, 1, 1, 2]))
    assert asked(split) == {0: [2]}


def test_nothing_to_split() -> None:
    split = by_time(interactions([], []), 0.2)
    assert len(split.users) == len(split.items) == len(split.train.users) == 0
    assert split.indptr.tolist() == [0]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.5, 0.9])
def test_no_future_in_the_past(seed: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, 60))
    data = interactions(
        generator.integers(0, 5, count), generator.integers(0, 12, count), ts=generator.integers(0, 15, count)
    )
    split = by_time(data, share)
    pasts = learned(split)
    for user, held in asked(split).items():
        own = [(item, ts) for other, item, ts in pasts if other == user]
        assert own
        assert not {item for item, _ in own} & set(held)
        assert len(set(held)) == len(held)
        first = min(ts for ts, u, i in zip(data.ts, data.users, data.items, strict=True) if u == user and i in held)
        assert max(ts for _, ts in own) <= first
    assert keeps_shape(split.train, data)


def keeps_shape(train: Interactions, data: Interactions) -> bool:
    return (train.n_users, train.n_items) == (data.n_users, data.n_items)
