"""What trials see: parts of the users, all asked the same."""

from dataclasses import replace

import numpy as np

from honeyguide.models.knn import Knn
from honeyguide.offline.evaluation import top_k
from honeyguide.offline.splits import by_time, leave_last
from honeyguide.train.fidelity import in_time, of_users, rungs, validation
from tests.train.test_search import walks


def test_small_data_has_one_rung_that_asks_all() -> None:
    split = by_time(walks(), 0.2)
    (rung,) = rungs(split, k=3, history=None, most_asked=5_000, seed=0)
    assert rung.interactions is split.train
    assert (rung.asked, len(rung.questions)) == (200, 200)


def test_large_data_has_rungs_of_four_times_as_many_users() -> None:
    split = by_time(walks(130_000, 4), 0.2)
    low, middle, top = rungs(split, k=3, history=None, most_asked=5_000, seed=0)
    assert [rung.interactions.n_users for rung in (low, middle, top)] == [8_125, 32_500, 130_000]
    assert [rung.rows for rung in (low, middle, top)] == [24_375, 97_500, 390_000]
    assert [rung.asked for rung in (low, middle, top)] == [1_500, 1_500, 5_000]
    assert low.questions is middle.questions


def test_questions_about_some_are_those_about_all() -> None:
    split = leave_last(walks())
    model = Knn().fit(split.train)
    (some,) = rungs(split, k=3, history=None, most_asked=50, seed=0)
    (every,) = rungs(split, k=3, history=None, most_asked=200, seed=0)
    assert len(some.questions) == 50
    few, all_of_them = (rung.questions.answers(model, [top_k])[0].values["ndcg"] for rung in (some, every))
    assert set(few) <= set(all_of_them)
    assert abs(few.mean() - all_of_them.mean()) < 0.1


def test_users_are_numbered_anew_and_keep_their_order_and_segment() -> None:
    data = replace(walks(5, 3), segments=np.arange(5, dtype=np.int32) * 10, n_segments=5)
    part = of_users(data, np.array([1, 4], np.int32))
    assert part.n_users == 2
    assert part.users.tolist() == [0, 0, 0, 1, 1, 1]
    assert part.items.tolist() == [*data.items[3:6].tolist(), *data.items[12:15].tolist()]
    assert part.segments is not None
    assert part.segments.tolist() == [10, 40]
    assert part.n_items == data.n_items


def test_whether_there_is_an_order_in_time() -> None:
    data = walks()
    assert in_time(data)
    assert not in_time(replace(data, ts=data.users.astype(np.int64)))  # one basket each
    assert not in_time(of_users(data, np.empty(0, np.int32)))


def test_without_an_order_what_is_asked_is_drawn_by_the_seed() -> None:
    data = replace(walks(), ts=np.zeros(1_600, np.int64))
    one, two, other = validation(data, 0.2, 1), validation(data, 0.2, 1), validation(data, 0.2, 2)
    assert one.items.tolist() == two.items.tolist() != other.items.tolist()
    assert one.items.tolist() != by_time(data, 0.2).items.tolist()
    assert validation(walks(), 0.2, 1).items.tolist() == by_time(walks(), 0.2).items.tolist()
