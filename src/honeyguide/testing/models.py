"""What every model must do. A model in `honeyguide.models` is found by itself; one of your own inherits `ModelSuite`.

class TestMine(ModelSuite):
    model_class = Mine
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from honeyguide.errors import InvalidInput
from honeyguide.models.artefact import load, save
from honeyguide.protocols import Model
from honeyguide.types import Histories, Interactions

USERS, ITEMS = 60, 16
T0 = 1_700_000_000_000

FIRST = np.array([0], dtype=np.int32)


def checkerboard(*, seed: int = 0, ties: bool = False) -> Interactions:
    """Even users touch even items, odd users odd ones, each all but one of their eight."""
    generator = np.random.default_rng(seed)
    users, items = [], []
    for user in range(USERS):
        own = np.arange(user % 2, ITEMS, 2)
        chosen = generator.permutation(np.delete(own, user // 2 % len(own)))
        users += [user] * len(chosen)
        items += chosen.tolist()
    ts = np.full(len(users), T0, np.int64) if ties else T0 + 60_000 * np.arange(len(users), dtype=np.int64)
    return interactions(users, items, ts)


def interactions(users: Any, items: Any, ts: Any = None, weights: Any = None, n_items: int = ITEMS) -> Interactions:
    """Interactions of plain lists."""
    count = len(users)
    return Interactions(
        users=np.asarray(users, dtype=np.int32),
        items=np.asarray(items, dtype=np.int32),
        weights=np.ones(count, np.float32) if weights is None else np.asarray(weights, dtype=np.float32),
        ts=T0 + np.arange(count, dtype=np.int64) if ts is None else np.asarray(ts, dtype=np.int64),
        n_users=int(max(users, default=0)) + 1,
        n_items=n_items,
    )


def histories(*rows: list[int], weights: float = 1.0) -> Histories:
    """Histories of plain lists of items, a minute apart."""
    items = [item for row in rows for item in row]
    return Histories(
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        items=np.asarray(items, dtype=np.int32),
        weights=np.full(len(items), weights, dtype=np.float32),
        ts=T0 + 60_000 * np.arange(len(items), dtype=np.int64),
        now=T0 + 10_000_000,
    )


class ModelSuite:
    """Inherit it with `model_class` set; `params` are given to the class."""

    model_class: ClassVar[type[Model]]
    params: ClassVar[dict[str, Any]] = {}

    def new(self) -> Model:
        """An untrained model."""
        return self.model_class(**self.params)

    @pytest.fixture
    def fitted(self) -> Model:
        """The model on the checkerboard."""
        return self.new().fit(checkerboard(), seed=1)

    def personal(self) -> bool:
        """Whether the history matters to the model."""
        return bool(getattr(self.model_class, "personal", True))

    def test_the_withheld_item_is_the_best_of_those_not_in_the_history(self, fitted: Model) -> None:
        """On the checkerboard the one item of the user's colour that is missing must win."""
        if not self.personal():
            pytest.skip("scores do not depend on the history")
        for withheld in (0, 5, 10, 15):
            own = [item for item in range(withheld % 2, ITEMS, 2) if item != withheld]
            scores = fitted.scores(histories(own))[0].copy()
            scores[own] = -np.inf
            assert int(scores.argmax()) == withheld

    def test_shapes_and_finite_numbers(self, fitted: Model) -> None:
        """float32, one row per history, nothing that is not a number."""
        scores = fitted.scores(histories([0, 2], [], [1]))
        assert scores.shape == (3, ITEMS)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_a_batch_is_its_histories_one_by_one(self, fitted: Model) -> None:
        """Batching changes nothing."""
        rows = [[0, 2, 4], [1], [], [3, 3, 5], [15, 0]]
        batch = fitted.scores(histories(*rows))
        for row, together in zip(rows, batch, strict=True):
            np.testing.assert_allclose(fitted.scores(histories(row))[0], together, rtol=1e-5, atol=1e-6)
            assert fitted.scores(histories(row)).tobytes() == fitted.scores(histories(row)).tobytes()

    def test_no_histories(self, fitted: Model) -> None:
        """An empty batch has no rows."""
        assert fitted.scores(histories()).shape == (0, ITEMS)

    def test_items_that_are_not_in_the_vocabulary_say_nothing(self, fitted: Model) -> None:
        """A history of unknown items only is an empty one; among known ones they change nothing."""
        prior = fitted.scores(histories([]))[0]
        np.testing.assert_allclose(fitted.scores(histories([ITEMS, -1, 10_000]))[0], prior, atol=1e-6)
        np.testing.assert_array_equal(fitted.contributions(histories([ITEMS, -1]), FIRST), [[0], [0]])
        mixed, plain = fitted.scores(histories([-1, 0, 2]))[0], fitted.scores(histories([0, 2]))[0]
        np.testing.assert_allclose(mixed, plain, rtol=1e-5, atol=1e-6)

    def test_an_item_that_nobody_touched(self) -> None:
        """It is in the vocabulary, and a history of it is served like any other."""
        fitted = self.new().fit(interactions([0, 0, 1, 1], [0, 1, 0, 1], n_items=4), seed=1)
        scores = fitted.scores(histories([3]))
        assert scores.shape == (1, 4)
        assert np.isfinite(scores).all()
        assert fitted.similar(np.array([3], dtype=np.int32), 2)[0].tolist() == [[-1, -1]]

    def test_the_same_data_and_seed_give_the_same_model(self) -> None:
        """Twice the same."""
        first, second = (self.new().fit(checkerboard(), seed=3).scores(histories([0, 2], [1])) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_fitting_leaves_the_model_and_the_data_alone(self) -> None:
        """`fit` returns a new model and changes no array."""
        data, model = checkerboard(), self.new()
        before = [array.copy() for array in (data.users, data.items, data.weights, data.ts)]
        first = model.fit(data, seed=1)
        second = model.fit(interactions([0, 0, 1, 1], [0, 1, 0, 2]), seed=1)
        assert first is not model
        assert second is not first
        for was, now in zip(before, (data.users, data.items, data.weights, data.ts), strict=True):
            np.testing.assert_array_equal(was, now)

    def test_asking_leaves_the_history_alone(self, fitted: Model) -> None:
        """No array of the history is changed."""
        asked = histories([0, 2, 2])
        before = [array.copy() for array in (asked.indptr, asked.items, asked.weights, asked.ts)]
        fitted.scores(asked)
        fitted.contributions(asked, FIRST)
        for was, now in zip(before, (asked.indptr, asked.items, asked.weights, asked.ts), strict=True):
            np.testing.assert_array_equal(was, now)

    @pytest.mark.parametrize("row", [[0], [0, 2, 4], [3, 3, 3], [1, 15, 1, 2], list(range(ITEMS)) * 3])
    def test_contributions_sum_to_the_score_above_the_prior(self, fitted: Model, row: list[int]) -> None:
        """What each entry adds is exact."""
        asked = histories(row, weights=2.5)
        scores, prior = fitted.scores(asked)[0], fitted.scores(histories([]))[0]
        items = np.array([0, 14, 5], dtype=np.int32)
        parts = fitted.contributions(asked, items)
        assert parts.shape == (len(row), 3)
        assert parts.dtype == np.float32
        np.testing.assert_allclose(parts.sum(axis=0), (scores - prior)[items], rtol=1e-3, atol=1e-5)

    def test_contributions_of_no_history(self, fitted: Model) -> None:
        """Nothing adds nothing."""
        assert fitted.contributions(histories([]), FIRST).shape == (0, 1)
        assert fitted.contributions(histories([0, 2]), FIRST[:0]).shape == (2, 0)

    def test_similar_items(self, fitted: Model) -> None:
        """Of the same colour, never itself, best first, padded with -1."""
        numbers, scores = fitted.similar(np.array([0, 5], dtype=np.int32), 20)
        assert numbers.shape == scores.shape == (2, 20)
        assert numbers.dtype == np.int32
        for item, row, values in zip((0, 5), numbers, scores, strict=True):
            real = row[row >= 0]
            assert item not in real
            assert len(set(real.tolist())) == len(real)
            assert (np.diff(values[: len(real)]) <= 1e-6).all()
            assert (row[len(real) :] == -1).all()
            if self.personal():
                assert all(other % 2 == item % 2 for other in real[:3].tolist())

    def test_files_bring_the_same_model_back(self, fitted: Model, tmp_path: Path) -> None:
        """Scores are equal to the bit after a round trip; the manifest names the model."""
        manifest = save(tmp_path, fitted, [f"item {n}" for n in range(ITEMS)], {"note": "x"})
        loaded = load(tmp_path)
        assert loaded.item_ids == [f"item {n}" for n in range(ITEMS)]
        assert loaded.manifest["note"] == "x"
        assert manifest["model"] == fitted.name
        asked = histories([0, 2], [], [1, 3, 5])
        np.testing.assert_array_equal(loaded.model.scores(asked), fitted.scores(asked))
        assert loaded.model.params() == fitted.params()

    def test_params_make_a_twin(self, fitted: Model) -> None:
        """The hyper-parameters are JSON and make the same untrained model."""
        twin = self.model_class(**fitted.params()).fit(checkerboard(), seed=1)
        np.testing.assert_array_equal(twin.scores(histories([0, 2])), fitted.scores(histories([0, 2])))

    @pytest.mark.parametrize(
        ("users", "items"),
        [
            ([0], [0]),
            ([0, 0, 0], [1, 2, 3]),
            ([0, 1, 2], [4, 4, 4]),
            ([0, 0, 0, 0], [5, 5, 5, 5]),
            ([0, 1, 1], [15, 0, 15]),
        ],
        ids=["one event", "one user", "one item", "one pair again and again", "ends"],
    )
    def test_little_data(self, users: list[int], items: list[int]) -> None:
        """One user, one item, repeated rows: a model all the same, and finite."""
        fitted = self.new().fit(interactions(users, items), seed=1)
        assert np.isfinite(fitted.scores(histories([0], [], [items[0]]))).all()
        assert np.isfinite(fitted.contributions(histories([items[0]]), FIRST)).all()

    def test_nothing_to_learn_from(self, tmp_path: Path) -> None:
        """No interaction at all: a model that says nothing, and that files bring back."""
        fitted = self.new().fit(interactions([], [], n_items=3), seed=1)
        np.testing.assert_array_equal(fitted.scores(histories([0, 1], [])), np.zeros((2, 3), np.float32))
        save(tmp_path, fitted, ["a", "b", "c"], {})
        np.testing.assert_array_equal(load(tmp_path).model.scores(histories([0])), np.zeros((1, 3), np.float32))

    def test_repeated_rows_do_not_make_a_user_count_more(self) -> None:
        """The same row ten times in a run is the same interaction."""
        data = checkerboard()
        rows = np.repeat(np.arange(len(data.users)), 10)
        again = interactions(data.users[rows], data.items[rows], data.ts[rows])
        once, often = (self.new().fit(some, seed=1).scores(histories([0, 2])) for some in (data, again))
        np.testing.assert_allclose(often, once, rtol=1e-3, atol=1e-5)

    def test_the_unit_of_weights_does_not_matter_in_training(self) -> None:
        """Weights are relative: all of them times 100 give the same order of items."""
        data = checkerboard()
        heavy = interactions(data.users, data.items, data.ts, np.full(len(data.users), 100.0))
        once, scaled = (self.new().fit(some, seed=1) for some in (data, heavy))
        asked, heavier = histories([0, 2, 4]), histories([0, 2, 4], weights=100.0)
        np.testing.assert_allclose(scaled.scores(heavier), once.scores(asked), rtol=1e-3, atol=1e-5)

    def test_a_catalogue_of_one_item(self) -> None:
        """The smallest catalogue there is."""
        fitted = self.new().fit(interactions([0, 1], [0, 0], n_items=1), seed=1)
        assert np.isfinite(fitted.scores(histories([0], []))).all()
        assert fitted.similar(np.array([0], dtype=np.int32), 3)[0].tolist() == [[-1, -1, -1]]

    def test_equal_times(self) -> None:
        """Ties in time are no fault, and stay in the order of the log."""
        first = self.new().fit(checkerboard(ties=True), seed=1)
        second = self.new().fit(checkerboard(ties=True), seed=1)
        np.testing.assert_array_equal(first.scores(histories([0, 2])), second.scores(histories([0, 2])))

    def test_extreme_weights_and_times(self) -> None:
        """Times of 1970 and far ahead, weights from tiny to huge."""
        data = interactions([0, 0, 1, 1], [0, 1, 1, 2], ts=[0, 1, 2**42, 2**42], weights=[1e-6, 1e6, 1.0, 3.0])
        assert np.isfinite(self.new().fit(data, seed=1).scores(histories([0, 1], []))).all()

    def test_a_user_of_a_hundred_thousand_events(self) -> None:
        """A robot among people: a model all the same, and what people like is still found."""
        data, count = checkerboard(), 100_000
        users = np.concatenate([data.users, np.full(count, USERS)])
        items = np.concatenate([data.items, np.random.default_rng(0).integers(0, ITEMS, count)])
        fitted = self.new().fit(interactions(users, items), seed=1)
        scores = fitted.scores(histories([0, 2, 4], list(range(ITEMS)) * 500, []))
        assert np.isfinite(scores).all()
        if self.personal():
            unseen = scores[0].copy()
            unseen[[0, 2, 4]] = -np.inf
            assert int(unseen.argmax()) % 2 == 0

    def test_an_item_that_everybody_touched(self) -> None:
        """It says nothing of anybody's taste, and drowns nothing."""
        data = checkerboard()
        users = np.concatenate([np.arange(USERS), data.users])
        fitted = self.new().fit(interactions(users, np.append(np.full(USERS, ITEMS), data.items), n_items=ITEMS + 1), seed=1)
        asked, items = histories([ITEMS, 0, 2, 4]), np.arange(ITEMS + 1, dtype=np.int32)
        scores = fitted.scores(asked)[0]
        assert np.isfinite(scores).all()
        gain = scores - fitted.scores(histories([]))[0]
        np.testing.assert_allclose(fitted.contributions(asked, items).sum(axis=0), gain, rtol=1e-3, atol=1e-4)
        if self.personal():
            others = scores[1:ITEMS:2].max(), scores[6:ITEMS:2].max()
            assert others[1] > others[0]

    def test_one_event_per_user(self) -> None:
        """Nobody touched two items: there is no company and no order to learn, and that is no fault."""
        fitted = self.new().fit(interactions(range(40), [user % ITEMS for user in range(40)]), seed=1)
        assert np.isfinite(fitted.scores(histories([0, 1], [], [5]))).all()

    @pytest.mark.parametrize("weight", [1.0, 7.0, 1e-3])
    def test_equal_weights_are_no_weights(self, weight: float) -> None:
        """Whatever it is that all interactions weigh."""
        data = checkerboard()
        weighed = interactions(data.users, data.items, data.ts, np.full(len(data.users), weight))
        plain, same = (self.new().fit(some, seed=1) for some in (data, weighed))
        np.testing.assert_allclose(
            same.scores(histories([0, 2], weights=weight)), plain.scores(histories([0, 2])), rtol=1e-3, atol=1e-5
        )

    def test_negative_weights_only(self) -> None:
        """Dislikes alone teach nobody what to recommend."""
        data = checkerboard()
        fitted = self.new().fit(interactions(data.users, data.items, data.ts, np.full(len(data.users), -2.0)), seed=1)
        np.testing.assert_array_equal(fitted.scores(histories([0, 2], [])), np.zeros((2, ITEMS), np.float32))

    def test_dislikes_among_likes_do_not_attract(self, fitted: Model) -> None:
        """A history of dislikes is served, and none of its entries raises anything."""
        scores = fitted.scores(histories([0, 2], weights=-1.0))[0]
        assert np.isfinite(scores).all()
        assert (scores <= fitted.scores(histories([]))[0] + 1e-6).all()
        assert (fitted.contributions(histories([0, 2], weights=-1.0), FIRST) <= 1e-6).all()

    @pytest.mark.parametrize("weight", [np.nan, np.inf, -np.inf])
    def test_weights_that_are_no_numbers_are_refused(self, weight: float) -> None:
        """By name, before anything is learned."""
        with pytest.raises(InvalidInput, match="finite"):
            self.new().fit(interactions([0, 0, 1], [0, 1, 1], weights=[1.0, weight, 1.0]))

    def test_a_history_of_weights_that_are_no_numbers_is_an_empty_one(self, fitted: Model) -> None:
        """Nothing that is asked may make a score that is none."""
        np.testing.assert_array_equal(fitted.scores(histories([0, 2], weights=float("nan"))), fitted.scores(histories([])))

    @pytest.mark.parametrize(("users", "items"), [([0, -1], [0, 1]), ([0, 1], [0, ITEMS]), ([0, 1], [-1, 0])])
    def test_numbers_that_are_nobodys_are_refused(self, users: list[int], items: list[int]) -> None:
        """A user or an item outside of the vocabulary."""
        with pytest.raises(InvalidInput, match="numbers"):
            self.new().fit(interactions(users, items))

    def test_progress_is_told_between_0_and_1(self) -> None:
        """And never goes back."""
        told: list[float] = []
        self.new().fit(checkerboard(), seed=1, progress=told.append)
        assert told == sorted(told)
        assert all(0.0 <= share <= 1.0 for share in told)
