"""The lists that a ranker is fitted on, and the fit."""

import numpy as np
import pytest

from honeyguide.config.settings import Settings, Surface, Training
from honeyguide.offline.splits import by_moment, by_time
from honeyguide.train.ranker import Ranked, surfaces_ranked
from honeyguide.train.ranker.rows import Lists, drawn, inner_split, moments, thinned, worth
from honeyguide.train.ranker.trees import by_lists_in_time, fit, not_below_zero, refit
from honeyguide.types import Interactions

NAMES = ("good", "noise")


def lists(count: int = 60, size: int = 12, seed: int = 0) -> Lists:
    """In each list one candidate is worth something: the one of the greatest `good`."""
    generator = np.random.default_rng(seed)
    table = generator.random((count * size, 2)).astype(np.float32)
    gains = np.zeros(count * size, np.float32)
    gains[table[:, 0].reshape(count, size).argmax(axis=1) + np.arange(count) * size] = 1
    at = np.arange(count, dtype=np.int64)[::-1] * 1000
    indptr = np.arange(count + 1, dtype=np.int64) * size
    return Lists(table, np.tile(np.arange(size, dtype=np.int32), count), gains, indptr, at)


def interactions() -> Interactions:
    """Three users, an hour apart; the first comes back to an item."""
    rows = [(0, 0), (1, 1), (0, 1), (2, 2), (1, 2), (0, 0), (0, 2), (1, 3), (2, 3), (0, 4)]
    users, items = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    ts = np.arange(len(rows), dtype=np.int64) * 3_600_000
    return Interactions(users, items, np.ones(len(rows), np.float32), ts, 3, 5)


def test_some_lists_keep_their_rows_and_their_order() -> None:
    made = lists(5, 3)
    some = made.only(np.array([4, 1]))
    assert some.at.tolist() == [made.at[4], made.at[1]]
    assert some.indptr.tolist() == [0, 3, 6]
    assert np.array_equal(some.table, np.concatenate([made.table[12:15], made.table[3:6]]))
    assert np.array_equal(some.gains, np.concatenate([made.gains[12:15], made.gains[3:6]]))
    assert len(made.only(np.empty(0, np.int64))) == 0


def test_lists_are_joined_one_behind_the_other() -> None:
    one, two = lists(2, 3), lists(3, 4, seed=1)
    both = one.joined(two)
    assert len(both) == 5
    assert both.indptr.tolist() == [0, 3, 6, 10, 14, 18]
    assert np.array_equal(both.table[6:], two.table)
    assert np.array_equal(both.only(np.array([2, 3, 4])).gains, two.gains)
    assert both.at.tolist() == [*one.at.tolist(), *two.at.tolist()]


def test_a_draw_is_by_seed_and_in_order() -> None:
    places = np.arange(100, 200)
    assert drawn(places, 1000, 0).tolist() == places.tolist()
    some = drawn(places, 10, 0)
    assert len(set(some.tolist())) == 10
    assert some.tolist() == sorted(some.tolist())
    assert set(some.tolist()) <= set(places.tolist())
    assert drawn(places, 10, 0).tolist() == some.tolist() != drawn(places, 10, 1).tolist()


def test_users_are_asked_at_the_first_of_what_they_chose() -> None:
    data = interactions()
    split = by_time(data, 0.4)
    at = moments(data, split)
    for place, user in enumerate(split.users.tolist()):
        held = split.items[split.indptr[place] : split.indptr[place + 1]]
        first = min(int(data.ts[(data.users == user) & (data.items == one)].min()) for one in held)
        assert at[place] == first
        known = data.ts[data.users == user][data.ts[data.users == user] < first]
        assert len(known) == int((split.train.users == user).sum()), "the past ends where they are asked"


@pytest.mark.parametrize(("fewest", "splitter"), [(1, by_moment), (200, by_time)])
def test_all_are_asked_from_one_moment_on_where_there_are_enough(
    monkeypatch: pytest.MonkeyPatch, fewest: int, splitter: object
) -> None:
    monkeypatch.setattr("honeyguide.train.ranker.rows._FEWEST", fewest)
    data, given = interactions(), Settings(training=Training(test_share=0.3))
    expected = splitter(data, 0.3)  # type: ignore[operator]
    found = inner_split(data, given)
    assert found.users.tolist() == expected.users.tolist()
    assert found.items.tolist() == expected.items.tolist()


def test_the_latest_fifth_of_the_lists_is_held_out() -> None:
    earlier, later = by_lists_in_time(lists(10))
    assert (len(earlier), len(later)) == (8, 2)
    assert earlier.at.max() < later.at.min()


def test_the_trees_find_what_is_worth_something() -> None:
    made = fit(lists(), NAMES, k=5, seed=0)
    assert 1 <= made.rounds <= 300
    assert made.ndcg > 0.9
    assert made.booster.num_boosted_rounds() == made.rounds
    assert "good" in made.booster.get_score(importance_type="gain")
    other = lists(20, seed=5)
    best = made.booster.inplace_predict(other.table).reshape(20, 12).argmax(axis=1)
    assert (best == other.table[:, 0].reshape(20, 12).argmax(axis=1)).mean() > 0.6


def test_the_same_lists_and_seed_give_the_same_trees() -> None:
    one, two = (bytes(refit(lists(), NAMES, 5, k=5, seed=3).save_raw("ubj")) for _ in range(2))
    assert one == two
    assert fit(lists(), NAMES, k=5, seed=3).trees == fit(lists(), NAMES, k=5, seed=3).trees


def test_what_was_disliked_sinks_below_what_was_left_alone() -> None:
    made = lists(3, 4)
    made.gains[:] = [0, 5, -2, 0, 1, 0, 0, 0, 0, 0, -1, 0]
    told = not_below_zero(made)
    assert told.tolist() == [2, 7, 0, 2, 1, 0, 0, 0, 1, 1, 0, 1]
    assert not_below_zero(made.only(np.empty(0, np.int64))).tolist() == []


def test_dislikes_are_learned_from() -> None:
    """Only the worst of each list is told apart, and the trees put it last."""
    made = lists(80)
    rows = made.table[:, 1].reshape(80, 12)
    made.gains[:] = 0
    made.gains[rows.argmax(axis=1) + np.arange(80) * 12] = -3
    trees = refit(made, NAMES, 30, k=12, seed=0)
    other = lists(30, seed=8)
    last = trees.inplace_predict(other.table).reshape(30, 12).argmin(axis=1)
    assert (last == other.table[:, 1].reshape(30, 12).argmax(axis=1)).mean() > 0.6


def test_lists_without_worth_are_left_out_and_none_is_no_list() -> None:
    made = lists(4, 6)
    made.gains[:] = 0
    assert len(thinned(made, 0)) == 0
    assert len(thinned(made.only(np.empty(0, np.int64)), 0)) == 0
    made.gains[7] = 2
    kept = thinned(made, 0)
    assert kept.at.tolist() == [made.at[1]]
    assert kept.gains.sum() == 2


def test_what_events_are_worth_by_default_and_by_goals() -> None:
    given = Settings()
    told = worth(given, Surface(name="home"))
    assert told["purchase"] == given.events.all_types()["purchase"].weight
    assert told["hide"] < 0
    assert "impression" not in told
    assert worth(given, Surface(name="home", goals={"click": 2.0})) == {"click": 2.0}


@pytest.mark.parametrize("training", [Training(), Training(ranker_lists=10)])
def test_surfaces_that_ask_for_a_ranker_are_found(training: Training) -> None:
    ranked = Surface(name="home", recipe="ranked")
    given = Settings(surfaces=[ranked, Surface(name="cart")], training=training)
    assert [surface.name for surface in surfaces_ranked(given)] == ["home"]
    assert surfaces_ranked(Settings()) == []


def test_what_is_said_of_a_ranker_is_json() -> None:
    refused = Ranked("home", "the ranker of home is refused", metrics={"users": 7})
    assert not refused.passed
    assert refused.about() == {"passed": False, "reason": "the ranker of home is refused", "voices": [], "users": 7}
    assert Ranked("home", "it serves", b"{L", voices=("knn",)).about()["voices"] == ["knn"]
