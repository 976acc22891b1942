"""How much positions are looked at, told from drawn lists; and that a ranker does not learn the order that was shown."""

import numpy as np
import pytest

from honeyguide.train.ranker.positions import LEAST, MEASURED, Positions, measured, weighed
from honeyguide.train.ranker.rows import Lists
from honeyguide.train.ranker.trees import refit
from honeyguide.types import FloatArray

SIZE = 10
SEEN = (1.0 / np.arange(1, SIZE + 1)).astype(np.float32)
"""What the people of these tests look at: a position k in one of k lists."""
NAMES = ("old", "good")


def served(lists: int, seed: int, *, drawn: bool = False) -> tuple[FloatArray, FloatArray]:
    """Signals float32 [lists, positions, 2] in the order shown, and what was clicked. The old order goes by `old`, which
    says nothing; what is looked at is clicked if it is `good`, and now and then if it is not."""
    generator = np.random.default_rng(seed)
    table = generator.random((lists, SIZE, 2)).astype(np.float32)
    if not drawn:
        order = np.argsort(-table[:, :, 0], axis=1)
        table = np.take_along_axis(table, order[:, :, None], axis=1)
    chance = np.where(table[:, :, 1] > 0.7, 0.6, 0.1) * SEEN
    return table, (generator.random((lists, SIZE)) < chance).astype(np.float32)


def lists_of(table: FloatArray, gains: FloatArray) -> Lists:
    count = len(table)
    return Lists(
        table.reshape(-1, 2),
        np.tile(np.arange(SIZE, dtype=np.int32), count),
        gains.reshape(-1).astype(np.float32),
        np.arange(count + 1, dtype=np.int64) * SIZE,
        np.arange(count, dtype=np.int64),
    )


def first(lists: Lists) -> FloatArray:
    """What trees of these lists put first in 500 others: float32 [lists, 2], its signals."""
    trees = refit(lists, NAMES, 40, k=SIZE, seed=0)
    table = np.random.default_rng(99).random((500, SIZE, 2)).astype(np.float32)
    best = trees.inplace_predict(table.reshape(-1, 2)).reshape(500, SIZE).argmax(axis=1)
    found: FloatArray = table[np.arange(500), best]
    return found


def test_what_is_looked_at_is_told_from_drawn_lists() -> None:
    _, clicks = served(8_000, 1, drawn=True)
    found = measured([each > 0 for each in clicks])
    assert found is not None
    assert found.at(1)[0] == 1
    assert found.at(SIZE) == pytest.approx(np.maximum(SEEN, LEAST), abs=0.06)
    assert (np.diff(found.at(SIZE)) <= 0).all()
    assert found.at(SIZE + 5)[SIZE:].tolist() == [found.at(SIZE)[-1]] * 5


def test_positions_that_say_the_contrary_are_pooled() -> None:
    first_rare = np.zeros((300, 3), np.bool_)
    first_rare[:60, 0] = first_rare[:90, 1] = first_rare[:30, 2] = True
    found = measured(list(first_rare))
    assert found is not None
    assert found.looked_at.tolist() == pytest.approx([1, 1, 0.4])


def test_too_little_says_nothing() -> None:
    assert measured([]) is None
    one = np.array([True, False])
    assert measured([one] * (MEASURED - 1)) is None
    assert measured([one] * MEASURED) is not None
    assert measured([np.zeros(4, np.bool_)] * 1_000) is None


def test_lists_may_be_of_different_lengths() -> None:
    found = measured([np.array([True, True, True])] * 100 + [np.array([True])] * 100)
    assert found is not None
    assert found.looked_at.tolist() == [1, 1, 1], "the third position is chosen as often as it is shown"


def test_lists_count_as_much_as_their_ideal_gain() -> None:
    made = lists_of(*served(3, 2))
    made.gains[:] = 0
    made.gains[[4, 13, 17]] = [2, 10, -1]
    told = weighed(made, SIZE)
    assert told.weights[:2].tolist() == pytest.approx([2, 10])
    assert 0 < told.weights[2] < 1e-3
    assert told.only(np.array([1, 0])).weights.tolist() == pytest.approx([10, 2])
    assert made.weights.tolist() == [1, 1, 1]


def test_a_planted_bias_of_positions_is_undone_and_a_planted_preference_learned() -> None:
    """Clicks say that the old order was right, because it was looked at; by the inverse of that they say what is good."""
    table, clicks = served(3_000, 3)
    _, of_drawn = served(8_000, 4, drawn=True)
    positions = measured([each > 0 for each in of_drawn])
    assert positions is not None
    fair = first(weighed(lists_of(table, clicks / positions.at(SIZE)), SIZE)).mean(axis=0)
    all_seen = np.random.default_rng(5).random(clicks.shape) < np.where(table[:, :, 1] > 0.7, 0.6, 0.1)
    ideal = first(lists_of(table, all_seen.astype(np.float32))).mean(axis=0)
    naive = first(lists_of(table, clicks)).mean(axis=0)
    unweighed = first(lists_of(table, clicks / positions.at(SIZE))).mean(axis=0)
    assert min(naive[0], unweighed[0]) > 0.7, "the position is taken for a preference; NDCG takes out what only gains say"
    assert fair[0] == pytest.approx(ideal[0], abs=0.06)
    assert fair[1] == pytest.approx(ideal[1], abs=0.02)
    assert fair[1] > 0.8, "what is good comes first"


def test_positions_that_are_all_looked_at_change_nothing() -> None:
    assert Positions(np.ones(3, np.float32)).at(5).tolist() == [1] * 5
