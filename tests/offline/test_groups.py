"""The same lists at several lengths and for groups of users and items; hand-worked."""

import numpy as np
import pytest

from honeyguide.errors import InvalidInput
from honeyguide.offline.evaluation import Evaluation, Group, Known, Questions, bootstrap, bootstraps, evaluate, top_k
from honeyguide.offline.groups import groups_of
from honeyguide.offline.splits import Split, by_time
from honeyguide.testing.models import interactions
from tests.offline.test_evaluation import Constant

# user 0: past 0, asked for 1 and 5; user 1: past 0 2, asked for 3; user 2: past 0 1 2, asked for 4
TRAIN = interactions([0, 1, 1, 2, 2, 2], [0, 0, 2, 0, 1, 2], n_items=6)
SPLIT = Split(TRAIN, np.array([0, 1, 2], np.int32), np.array([0, 2, 3, 4]), np.array([1, 5, 3, 4], np.int32))
SCORES: list[float] = [6, 5, 4, 3, 2, 1]  # lists: 1 2 3, 1 3 4, 3 4 5


@pytest.fixture
def found() -> Evaluation:
    return evaluate(Constant(SCORES), SPLIT, k=3)


def test_the_lists_cut_shorter_are_those_that_were_asked_for_shorter(found: Evaluation) -> None:
    for k in (1, 2, 3):
        again = evaluate(Constant(SCORES), SPLIT, k=k)
        cut = found.at(k)
        assert {name: values.tolist() for name, values in cut.values.items()} == {
            name: values.tolist() for name, values in again.values.items()
        }
        assert (cut.k, cut.coverage, cut.novelty, cut.popularity_lift) == (
            k, again.coverage, again.novelty, again.popularity_lift
        )  # fmt: skip
    assert found.values["recall"].tolist() == [0.5, 1.0, 1.0]
    assert found.at(1).values["recall"].tolist() == [0.5, 0.0, 0.0]
    assert found.made_of.curve("recall", [1, 2, 3]) == pytest.approx([0.5 / 3, 2.5 / 3, 2.5 / 3])


@pytest.mark.parametrize("k", [0, -1, 4])
def test_longer_lists_than_were_made_are_refused(found: Evaluation, k: int) -> None:
    with pytest.raises(InvalidInput, match="Ask for 1 to 3"):
        found.at(k)


def test_what_was_not_kept_cannot_be_measured_again() -> None:
    with pytest.raises(InvalidInput, match="not kept"):
        Evaluation(5, {}, 0.0, 0.0).at(3)


def test_popularity_lift_is_the_popularity_of_lists_over_that_of_pasts(found: Evaluation) -> None:
    # known to: 3 1 2 0 0 0 users; lists 1, 1/3 and 0 on the mean, pasts 3, 5/2 and 2
    assert found.popularity_lift == pytest.approx((1 + 1 / 3 + 0) / (3 + 2.5 + 2) - 1)


def test_some_of_the_users(found: Evaluation) -> None:
    part = found.at(2, Group("last two", users=np.array([False, True, True])))
    assert part.values["hit_rate"].tolist() == [1.0, 1.0]
    assert part.coverage == 3 / 6  # 1 3, 3 4
    nobody = found.at(2, Group("nobody", users=np.zeros(3, np.bool_)))
    assert nobody.mean("ndcg") == nobody.coverage == 0.0
    assert nobody.interval("ndcg", 0).high == 0.0


def test_some_of_the_items(found: Evaluation) -> None:
    tail = np.array([False, False, False, False, True, True])
    part = found.at(3, Group("tail", items=tail))
    assert part.values["recall"].tolist() == [0.0, 1.0]  # user 0 is asked for 5, user 2 for 4; user 1 for none of them
    assert part.coverage == 1.0  # 4 and 5 both stand somewhere
    both = found.at(3, Group("both", users=np.array([False, True, True]), items=tail))
    assert both.values["recall"].tolist() == [1.0]


def test_users_by_what_they_did_and_items_by_who_knows_them() -> None:
    known = Questions(SPLIT, k=3).known
    assert known.known_to.tolist() == [3, 1, 2, 0, 0, 0]
    groups = {group.name: group for group in groups_of(known)}
    assert {group.name: group.about for group in groups_of(known)} == {
        "new users": "chose 1 items",
        "regular users": "chose 2 to 3 items",
        "head items": "known to 2 to 3 users",
        "tail items": "known to 0 to 1 users",
    }
    assert groups["head items"].items is not None
    assert groups["head items"].items.tolist() == [True, False, True, False, False, False]


def test_quarters_of_users_are_new_and_heavy() -> None:
    sizes = np.arange(1, 101)
    groups = groups_of(Known(100, np.array([5, 5]), sizes, sizes.astype(float), None))
    counts = {group.name: (group.about, int(group.users.sum())) for group in groups if group.users is not None}
    assert counts == {
        "new users": ("chose 1 to 25 items", 25),
        "regular users": ("chose 26 to 75 items", 50),
        "heavy users": ("chose 76 to 100 items", 25),
    }


def test_users_who_all_did_as_much_are_one_group_and_nobody_is_none() -> None:
    ones = np.ones(9, np.int64)
    groups = groups_of(Known(9, np.array([9]), ones, ones.astype(float), None))
    assert [group.name for group in groups] == ["new users", "head items"]
    assert groups_of(Known(0, np.empty(0, np.int64), ones[:0], np.empty(0), None)) == []


def test_all_metrics_have_intervals_of_the_same_resamples(found: Evaluation) -> None:
    values = np.random.default_rng(0).random((70, 3))
    together = bootstraps(values, 4)
    assert [interval.mean for interval in together] == pytest.approx(values.mean(axis=0).tolist())
    for at, interval in enumerate(together):
        alone = bootstrap(values[:, at], 4)
        assert (alone.low, alone.high) == pytest.approx((interval.low, interval.high))
    assert set(found.intervals(0)) == set(found.values)
    assert bootstraps(np.empty((0, 2)), 0)[1].mean == 0.0


class TestBadInput:
    def test_scores_that_are_no_numbers_are_an_error_that_names_the_model(self) -> None:
        with pytest.raises(InvalidInput, match="'constant' gives scores that are no numbers"):
            evaluate(Constant([1, float("nan"), 2, 3, 4, 5]), SPLIT, k=3)

    def test_infinite_scores_rank_first_and_last(self) -> None:
        found = evaluate(Constant([0, 1, 2, float("-inf"), float("inf"), 3]), SPLIT, k=2)
        assert found.made_of.lists.tolist() == [[4, 5], [4, 5], [4, 5]]

    def test_one_event_per_user_leaves_nobody_to_ask(self) -> None:
        split = by_time(interactions(list(range(50)), [at % 6 for at in range(50)], n_items=6), 0.2)
        found = Questions(split, k=3).answers(Constant(SCORES), [top_k])[0]
        assert len(found.values["recall"]) == 0
        assert found.mean("recall") == found.coverage == found.novelty == 0.0
        assert found.popularity_lift is None
        assert groups_of(Questions(split, k=3).known)[0].name == "head items"

    def test_equal_times_keep_the_order_of_the_log_in_what_a_model_sees(self) -> None:
        split = by_time(interactions([0] * 6, [3, 1, 5, 0, 2, 4], ts=[7] * 6, n_items=6), 0.2)
        model = Constant(SCORES)
        evaluate(model, split, k=1)
        assert model.asked[0].items.tolist() == [3, 1, 5, 0, 2]
        assert split.items.tolist() == [4]

    def test_a_user_with_a_hundred_thousand_events(self) -> None:
        count = 100_000
        items = np.random.default_rng(0).integers(0, 2_000, count)
        split = by_time(interactions([0] * count + [1] * 3, [*items.tolist(), 0, 1, 2], n_items=2_000), 0.2)
        model = Constant(list(range(2_000, 0, -1)))
        found = evaluate(model, split, k=20, history=100)
        assert len(model.asked[0].items) == 100 + 2
        assert len(found.values["recall"]) == 2
        assert found.values["hit_rate"][0] == 1.0 or 2_000 - len(split.items) > 20
        seen = set(split.train.items[split.train.users == 0].tolist())
        assert not seen & set(found.made_of.lists[0].tolist())
