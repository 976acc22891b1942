"""Sequences in windows: each step is learned from, nobody drowns the others, what is held out stays out."""

import itertools

import numpy as np
import pytest

from honeyguide.models import windows as under_test
from honeyguide.models.windows import Windows
from honeyguide.testing.models import checkerboard, interactions


def test_each_step_is_learned_from_but_those_that_are_held_out() -> None:
    lists = [list(range(30)), [3, 4], [5], [7, 7, 8, 8, 9, 7], list(range(10)), list(range(40, 60))]
    users = [user for user, own in enumerate(lists) for _ in own]
    data = interactions(users, [item for own in lists for item in own], n_items=60)
    windows = Windows.of(data, 8, seed=0)
    assert len(windows) == 5  # whoever took one step teaches no order
    assert len(windows.asked) == 0  # a fifth of four people is nobody
    pairs = set()
    for seed in range(3):
        for batch in windows.batches(4, np.random.default_rng(seed)):
            real = batch["mass"] > 0
            assert batch["inputs"].shape == (4, 8)
            pairs |= set(zip(batch["inputs"][real].tolist(), batch["targets"][real].tolist(), strict=True))
    expected = {pair for own in lists for pair in itertools.pairwise(own) if pair[0] != pair[1]}
    assert pairs == expected


def test_what_is_held_out_is_in_no_window() -> None:
    windows = Windows.of(checkerboard(), 4, seed=0)
    asked = list(windows.questions())
    assert len(asked) == 12
    for latest, target, past in asked:
        assert target not in past
        assert latest.tolist() == past.tolist()[-4:]
    seen = [0, 0]
    for batch in windows.batches(16, np.random.default_rng(0)):
        seen[0] = max(seen[0], int(batch["mass"].sum(axis=1).max()))
        seen[1] += int(batch["mass"].sum())
    assert seen[0] == 4
    assert seen[1] >= 20 * 16 * 2


def lengths(windows: Windows, size: int, seed: int = 0) -> list[int]:
    """Targets of each window of a round."""
    found: list[int] = []
    for batch in windows.batches(size, np.random.default_rng(seed)):
        found += batch["mass"].sum(axis=1).astype(int).tolist()
    return found


def test_a_robot_is_seen_in_as_many_windows_as_sixteen_people() -> None:
    users = np.concatenate([np.zeros(10_000, np.int32), np.repeat(np.arange(1, 5), 9)])
    items = np.arange(len(users)) % 100
    windows = Windows.of(interactions(users, items, n_items=100), 8, seed=0)
    drawn = windows._drawn(np.random.default_rng(0))[0]
    assert np.count_nonzero(drawn < 10_000) == 16
    assert len(drawn) == 16 + 4


def test_the_latest_steps_are_in_every_round() -> None:
    windows = Windows.of(interactions([0] * 50 + [1] * 5, [*range(50), *range(1, 6)], n_items=50), 8, seed=0)
    for seed in range(5):
        starts, stops = windows._drawn(np.random.default_rng(seed))
        first = starts[stops == 50]
        assert len(first) == 7  # 49 targets, 8 at a time
        assert first.max() == 50 - 1 - 8
        assert (np.diff(first) >= 0).all()
        assert first.min() >= 0


def test_a_round_is_drawn_by_its_generator_alone() -> None:
    windows = Windows.of(checkerboard(), 4, seed=0)

    def inputs(seed: int) -> np.ndarray:
        return np.concatenate([batch["inputs"] for batch in windows.batches(8, np.random.default_rng(seed))])

    np.testing.assert_array_equal(inputs(1), inputs(1))
    assert (inputs(1) != inputs(2)).any()


def test_who_is_asked_is_drawn_by_the_seed() -> None:
    first, again, other = (Windows.of(checkerboard(), 4, seed=seed).asked for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()


def test_of_many_people_some_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "_ASKED", 5)
    windows = Windows.of(checkerboard(), 4, seed=0)
    assert len(list(windows.questions())) == 5
    assert len(windows) == 60


def test_a_round_of_many_windows_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows.of(checkerboard(), 4, seed=0)
    assert len(lengths(windows, 4)) >= 20 * 4  # a small round is made of several
    monkeypatch.setattr(under_test, "_FEWEST", 1)
    monkeypatch.setattr(under_test, "_MOST", 10)
    assert len([size for size in lengths(windows, 4) if size]) == 10
    assert len(lengths(windows, 4)) == 12  # the last batch is filled up with nothing


def test_short_windows_are_batched_by_themselves() -> None:
    sizes = [3, 17, 18, 40, 2, 60]
    users = np.repeat(np.arange(6), sizes)
    items = np.arange(len(users)) % 97
    windows = Windows.of(interactions(users, items, n_items=97), 32, seed=1)
    seen = set()
    for batch in (batch for seed in range(3) for batch in windows.batches(2, np.random.default_rng(seed))):
        real = batch["mass"] > 0
        longest = int(real.sum(axis=1).max())
        assert batch["inputs"].shape == (2, 16 if longest <= 16 else 32)
        seen |= set(zip(batch["inputs"][real].tolist(), batch["targets"][real].tolist(), strict=True))
    held = {int(items[place]) for place in windows.asked}
    wanted = {(int(items[at]), int(items[at + 1])) for at in range(len(users) - 1) if users[at] == users[at + 1]}
    assert {pair for pair in wanted if pair[1] not in held} <= seen
    assert seen <= wanted


def test_nobody_with_two_steps_is_no_window() -> None:
    for data in (interactions([], []), interactions([0, 1, 2], [3, 4, 5]), interactions([0, 0, 0], [3, 3, 3])):
        windows = Windows.of(data, 4, seed=0)
        assert len(windows) == 0
        assert list(windows.batches(4, np.random.default_rng(0))) == []
        assert list(windows.questions()) == []


def test_steps_are_in_order_of_time_and_equal_times_in_that_of_the_log() -> None:
    data = interactions([0, 1, 0, 1, 0], [5, 1, 6, 2, 7], ts=[30, 1, 10, 1, 20])
    windows = Windows.of(data, 4, seed=0)
    assert windows.items.tolist() == [6, 7, 5, 1, 2]
    assert windows.ends.tolist() == [0, 3, 5]
