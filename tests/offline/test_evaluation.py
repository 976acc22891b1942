"""Full rankings: who is asked, what is masked, and how wide the intervals are."""

import tracemalloc
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.models.popular import Popular
from honeyguide.offline import evaluation
from honeyguide.offline.evaluation import Evaluation, Questions, bootstrap, evaluate, top_k
from honeyguide.offline.splits import by_time
from honeyguide.testing.models import checkerboard, interactions
from honeyguide.types import FloatArray, Histories, IntArray, Json


class Constant:
    """Gives every history the same scores, and remembers what it was asked."""

    name: ClassVar[str] = "constant"

    def __init__(self, scores: list[float]) -> None:
        self.values = np.asarray(scores, dtype=np.float32)
        self.asked: list[Histories] = []

    def fit(self, data: object, *, seed: int = 0, progress: object = None) -> Self:
        return self

    def scores(self, histories: Histories) -> FloatArray:
        self.asked.append(histories)
        return np.repeat(self.values[None, :], len(histories), axis=0)

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        return np.full((len(items), k), -1, np.int32), np.zeros((len(items), k), np.float32)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        return np.zeros((len(history.items), len(items)), np.float32)

    def params(self) -> Json:
        return {}

    def arrays(self) -> Mapping[str, object]:
        return {}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        return self


def test_the_past_is_masked_and_all_other_items_are_ranked() -> None:
    # user 0: past 0 1 2 3, asked for 4; user 1: past 4 3 2 1, asked for 0
    data = interactions([0] * 5 + [1] * 5, [0, 1, 2, 3, 4, 4, 3, 2, 1, 0], n_items=6)
    found = evaluate(Constant([9, 8, 7, 6, 1, 2]), by_time(data, 0.2), k=2)
    assert found.values["recall"].tolist() == [1.0, 1.0]
    assert found.values["mrr"].tolist() == [0.5, 1.0]
    assert found.coverage == 3 / 6  # items 5, 4 and 0


def test_the_model_sees_only_the_latest_events_but_the_whole_past_is_masked() -> None:
    data = interactions([0] * 5, [3, 1, 2, 0, 4], n_items=5)
    model = Constant([1, 2, 3, 4, 0])
    found = evaluate(model, by_time(data, 0.2), k=1, history=2)
    assert model.asked[0].items.tolist() == [2, 0]
    assert model.asked[0].indptr.tolist() == [0, 2]
    assert found.mean("recall") == 1.0


def test_several_rankers_read_the_same_scores() -> None:
    # users 0 to 3: past 0, asked for 1, 2, 3 and 1
    data = interactions([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 2, 0, 3, 0, 1], n_items=4)
    categories = np.array([[0, -1], [0, -1], [0, 1], [1, -1]], np.int32)
    model = Constant([9, 8, 7, 6])
    questions = Questions(by_time(data, 0.5), k=2, categories=categories)
    forward, backward = questions.answers(model, [top_k, lambda scores, k: top_k(np.where(scores > 0, -scores, scores), k)])
    assert len(model.asked) == 1
    assert forward.values["recall"].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert backward.values["recall"].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert (forward.diversity, backward.diversity) == (0.5, 0.5)  # 1 and 2, 3 and 2
    assert forward.novelty == -np.log2(1 / 6)  # nobody had either before
    assert evaluate(model, by_time(data, 0.5), k=2).diversity is None


def test_lists_longer_than_the_catalogue() -> None:
    data = interactions([0, 0, 0], [0, 1, 2], n_items=3)
    found = evaluate(Constant([3, 2, 1]), by_time(data, 0.2), k=20)
    assert found.mean("recall") == 1.0
    assert found.mean("precision") == 1 / 20


def test_some_users_only() -> None:
    split = by_time(checkerboard(), 0.2)
    model = Constant(list(range(16)))
    whole = evaluate(model, split, k=5)
    some = evaluate(model, split, k=5, users=np.array([3, 10, 11], dtype=np.int32))
    assert some.values["ndcg"].tolist() == whole.values["ndcg"][[3, 10, 11]].tolist()


def test_nobody_to_ask() -> None:
    found = evaluate(Constant([1, 2]), by_time(interactions([0], [0], n_items=2), 0.2), k=3)
    assert len(found.values["ndcg"]) == 0
    assert found.interval("ndcg", 0) == evaluation.Interval(0.0, 0.0, 0.0)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    split = by_time(checkerboard(), 0.2)
    model = Popular().fit(split.train)
    whole = evaluate(model, split, k=4)
    monkeypatch.setattr(evaluation, "_CHUNK_CELLS", 16 * 7)
    told: list[float] = []
    parts = evaluate(model, split, k=4, progress=told.append)
    assert {name: values.tolist() for name, values in parts.values.items()} == {
        name: values.tolist() for name, values in whole.values.items()
    }
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_memory_is_that_of_a_chunk_whatever_the_number_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    n_items, n_users = 2_000, 4_000
    users = np.repeat(np.arange(n_users), 2)
    data = interactions(users, np.random.default_rng(0).integers(0, n_items, len(users)), n_items=n_items)
    split, model = by_time(data, 0.5), Constant(list(range(n_items)))
    monkeypatch.setattr(evaluation, "_CHUNK_CELLS", 100_000)
    monkeypatch.setattr(model, "asked", _Forgets())
    tracemalloc.start()
    found = evaluate(model, split, k=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.values["recall"]) > 3_900
    assert peak < 0.4 * 4 * n_items * n_users  # bytes of all scores at once


class _Forgets(list[Histories]):
    def append(self, value: Histories) -> None:
        """Keep nothing."""


@given(st.integers(0, 10**6), st.integers(1, 12))
@settings(deadline=None, max_examples=50)
def test_the_best_come_first_and_ties_by_number(seed: int, k: int) -> None:
    scores = np.random.default_rng(seed).integers(-2, 3, (5, 9)).astype(np.float32)
    scores[scores == -2] = -np.inf
    for row, found in zip(scores, top_k(scores, k), strict=True):
        order = sorted((item for item in range(9) if row[item] > -np.inf), key=lambda item: (-row[item], item))[:k]
        assert found.tolist() == order + [-1] * (k - len(order))


def test_an_interval_holds_the_mean_and_narrows_with_users() -> None:
    generator = np.random.default_rng(5)
    few, many = generator.random(50), generator.random(5_000)
    for values in (few, many):
        found = bootstrap(values, 0)
        assert found.low < found.mean < found.high
    assert bootstrap(many, 0).high - bootstrap(many, 0).low < 0.2 * (bootstrap(few, 0).high - bootstrap(few, 0).low)
    width = bootstrap(many, 0).high - bootstrap(many, 0).low
    assert width == pytest.approx(2 * 1.96 * many.std() / np.sqrt(5_000), rel=0.1)


def test_a_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(1).random(30)
    assert bootstrap(values, 3) == bootstrap(values, 3)
    assert bootstrap(values, 3) != bootstrap(values, 4)


def test_the_paired_difference_is_narrower_than_the_two_intervals() -> None:
    base = np.random.default_rng(2).random(200)
    worse, better = (Evaluation(5, {"ndcg": values}, 0.5, 3.0) for values in (base, base + 0.01))
    gain = better.difference(worse, "ndcg", 0)
    assert gain.low == pytest.approx(0.01)
    assert gain.high == pytest.approx(0.01)
    assert better.interval("ndcg", 0).low < worse.interval("ndcg", 0).high
