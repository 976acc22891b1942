"""What is held out, by hand and as properties."""

from dataclasses import replace

import numpy as np
import pytest

from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import SPLITS, Split, at_random, by_moment, by_time, cold_items, cold_users, leave_last
from honeyguide.testing.models import interactions
from honeyguide.types import Interactions
from tests.offline.test_evaluation import Constant


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


@pytest.mark.parametrize("name", SPLITS)
def test_nobody_is_asked_for_a_dislike_and_no_later_one_is_known(name: str) -> None:
    generator = np.random.default_rng(5)
    likes = interactions(generator.integers(0, 9, 200), generator.integers(0, 16, 200), ts=generator.integers(0, 90, 200))
    said_no = generator.random(200) < 0.2
    mixed = replace(likes, weights=np.where(said_no, -1.0, 1.0).astype(np.float32))
    alone = replace(
        likes,
        users=likes.users[~said_no],
        items=likes.items[~said_no],
        weights=mixed.weights[~said_no],
        ts=likes.ts[~said_no],
    )
    found, without = SPLITS[name](mixed, 0.2, 3), SPLITS[name](alone, 0.2, 3)
    assert found.users.tolist() == without.users.tolist()
    assert found.items.tolist() == without.items.tolist()
    for part, own in ((found.train, without.train), (found.known, without.known)):
        liked = part.weights > 0
        assert part.items[liked].tolist() == own.items.tolist()
        last = {user: int(own.ts[own.users == user].max()) for user in set(own.users.tolist())}
        assert (~liked).any()
        assert all(ts <= last[user] for user, ts in zip(part.users[~liked].tolist(), part.ts[~liked].tolist(), strict=True))
        assert set(part.items[~liked].tolist()) <= set(own.items.tolist())


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


class TestByMoment:
    def test_one_moment_for_all_users(self) -> None:
        #  the latest 3 of 10 events: user 1's items 5 and 1 (seen before: not asked), user 2's 4 (no past: not asked)
        data = interactions([0, 0, 1, 1, 0, 1, 0, 1, 1, 2], [0, 1, 1, 2, 3, 3, 2, 5, 1, 4])
        split = by_moment(data, 0.3)
        assert asked(split) == {1: [5]}
        rows = list(zip(data.users.tolist(), data.items.tolist(), data.ts.tolist(), strict=True))
        assert learned(split) == rows[:7]

    def test_an_item_is_asked_for_once_in_order_of_time(self) -> None:
        split = by_moment(interactions([0, 0, 0, 0, 0, 0], [1, 4, 3, 4, 3, 2], ts=[1, 5, 4, 6, 7, 3]), 0.67)
        assert asked(split) == {0: [3, 4]}

    def test_equal_times_are_cut_in_log_order(self) -> None:
        split = by_moment(interactions([0, 1, 0, 1], [1, 2, 3, 4], ts=[7] * 4), 0.5)
        assert asked(split) == {0: [3], 1: [4]}


class TestAtRandom:
    def test_a_share_of_each_users_items_and_all_that_was_done_with_them(self) -> None:
        data = interactions([0] * 20 + [1] * 2 + [2], [*range(10), *range(10), 3, 4, 5])
        split = at_random(data, 0.3, 0)
        held = asked(split)
        assert {user: len(items) for user, items in held.items()} == {0: 3, 1: 1}
        assert {(user, item) for user, item, _ in learned(split)} & {(0, item) for item in held[0]} == set()
        assert len(learned(split)) == 23 - 2 * 3 - 1

    def test_a_seed_is_a_draw(self) -> None:
        data = interactions([0] * 30, list(range(30)), n_items=30)
        draws = [asked(at_random(data, 0.2, seed))[0] for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]


class TestColdUsers:
    def test_nothing_is_learned_of_them_and_their_earlier_part_is_known_when_asked(self) -> None:
        data = interactions([0, 0, 1, 1, 1, 2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7])
        split = cold_users(data, 0.34, 0)
        assert len(split.users) == 2  # of the three with two items or more, rounded up
        assert not set(split.train.users.tolist()) & set(split.users.tolist())
        assert split.pasts is not None
        whole = asked(by_time(data, 0.2))
        assert asked(split) == {int(user): whole[int(user)] for user in split.users}
        assert set(split.users.tolist()) <= set(split.known.users.tolist())
        assert 3 in split.train.users

    def test_they_are_asked_by_their_past(self) -> None:
        split = cold_users(interactions([0, 0, 0], [3, 1, 2], n_items=4), 1.0, 0)
        found = evaluate(Constant([9, 8, 7, 6]), split, k=2)
        assert found.made_of.lists.tolist() == [[0, 2]]  # 3 and 1 are known to them


class TestColdItems:
    def test_the_newest_items_are_not_learned_and_asked_for(self) -> None:
        #  items by first event: 0 1 2 3 9; the newest fifth is 9
        data = interactions([0, 0, 1, 1, 0, 0, 1, 2], [0, 1, 1, 2, 9, 3, 9, 9], ts=[1, 2, 3, 4, 6, 5, 8, 7])
        split = cold_items(data, 0.2)
        assert asked(split) == {0: [9], 1: [9]}  # user 2 has nothing before it
        assert 9 not in split.train.items
        assert split.pasts is not None
        assert sorted(zip(split.pasts.users.tolist(), split.pasts.items.tolist(), strict=True))[:5] == [
            (0, 0), (0, 1), (0, 3), (1, 1), (1, 2),
        ]  # fmt: skip

    def test_the_past_ends_where_the_first_new_item_begins(self) -> None:
        split = cold_items(interactions([0, 0, 0, 0, 1], [0, 1, 9, 2, 2], ts=[1, 2, 5, 6, 3]), 0.25)
        assert asked(split) == {0: [9]}
        assert split.pasts is not None
        assert split.pasts.items[split.pasts.users == 0].tolist() == [0, 1]


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("seed", range(25))
def test_every_split_asks_for_what_is_not_known(name: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    count = int(generator.integers(0, 60))
    data = interactions(
        generator.integers(0, 7, count), generator.integers(0, 12, count), ts=generator.integers(0, 15, count)
    )
    split = SPLITS[name](data, 0.3, seed)
    assert keeps_shape(split.train, data)
    assert keeps_shape(split.known, data)
    assert split.users.tolist() == sorted(set(split.users.tolist()))
    for user, held in asked(split).items():
        own = {int(item) for item in split.known.items[split.known.users == user]}
        assert own
        assert held
        assert not own & set(held)
        assert len(set(held)) == len(held)
    pairs = set(zip(data.users.tolist(), data.items.tolist(), strict=True))
    assert {(user, item) for user, items in asked(split).items() for item in items} <= pairs


@pytest.mark.parametrize("name", SPLITS)
def test_no_split_fails_on_nothing_one_event_each_or_equal_times(name: str) -> None:
    for data in (
        interactions([], []),
        interactions([0, 1, 2], [0, 0, 0]),
        interactions([0, 1, 2], [0, 1, 2], ts=[5, 5, 5]),
        interactions([0, 0, 1, 1], [0, 1, 1, 0], ts=[5] * 4),
    ):
        split = SPLITS[name](data, 0.2, 0)
        assert len(split.indptr) == len(split.users) + 1
        assert split.indptr[-1] == len(split.items)
