"""Transitions by hand."""

import numpy as np
import pytest

from honeyguide.models.markov import Markov
from honeyguide.testing.models import histories, interactions
from honeyguide.types import Histories, Interactions

KAPPA = 2.0


def walks() -> Interactions:
    """Users walk 0 1 2, 0 1 3 and 0 1 2."""
    return interactions([0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2, 0, 1, 3, 0, 1, 2], n_items=5)


def test_without_skips_it_is_the_share_of_next_items_with_back_off() -> None:
    fitted = Markov(window=1, kappa=KAPPA, power=0.0).fit(walks())
    prior = np.array([3, 3, 2, 1, 0]) / 9
    np.testing.assert_allclose(fitted.scores(histories([]))[0], prior, rtol=1e-5)
    own = np.array([0, 0, 2, 1, 0]) / (3 + KAPPA)
    np.testing.assert_allclose(fitted.scores(histories([1]))[0], own + (1 - own.sum()) * prior, rtol=1e-5)


def test_the_last_item_speaks_loudest() -> None:
    fitted = Markov(window=1, kappa=KAPPA, power=0.0, recency=0.5).fit(walks())
    alone = fitted.scores(histories([0], [1]))
    np.testing.assert_allclose(fitted.scores(histories([0, 1]))[0], (alone[0] + 2 * alone[1]) / 3, rtol=1e-5)


def test_only_the_latest_entries_are_asked() -> None:
    fitted = Markov(latest=2).fit(walks())
    np.testing.assert_array_equal(fitted.scores(histories([4, 3, 0, 1])), fitted.scores(histories([0, 1])))
    assert fitted.contributions(histories([0, 3, 0, 1]), np.array([2], np.int32))[0, 0] == 0.0


def test_a_recency_of_zero_asks_the_last_item_only() -> None:
    fitted = Markov(recency=0.0).fit(walks())
    np.testing.assert_allclose(fitted.scores(histories([0, 3, 1])), fitted.scores(histories([1])), rtol=1e-6)


def test_skips_count_less_with_each_place() -> None:
    fitted = Markov(window=2, decay=0.5, kappa=KAPPA, power=0.0).fit(walks())
    own = np.array([0, 3, 0.5 * 2, 0.5 * 1, 0]) / (3 + 1.5 + KAPPA)
    prior = np.array([3, 3, 2, 1, 0]) / 9
    np.testing.assert_allclose(fitted.scores(histories([0]))[0], own + (1 - own.sum()) * prior, rtol=1e-5)


def test_a_run_of_events_on_one_item_is_one_step_of_the_heaviest() -> None:
    runs = interactions([0, 0, 0, 0], [0, 0, 1, 1], weights=[1, 4, 2, 1], n_items=2)
    single = interactions([0, 0], [0, 1], weights=[4, 2], n_items=2)
    first, second = (Markov().fit(data).scores(histories([0])) for data in (runs, single))
    np.testing.assert_array_equal(first, second)


def test_nobody_steps_from_one_user_to_the_next() -> None:
    fitted = Markov(window=5).fit(interactions([0, 1, 2], [0, 1, 2], n_items=3))
    assert fitted.similar(np.array([0, 1], dtype=np.int32), 2)[0].tolist() == [[-1, -1], [-1, -1]]


def test_a_heavier_arrival_counts_more() -> None:
    data = interactions([0, 0, 1, 1], [0, 1, 0, 2], weights=[1, 1, 1, 9], n_items=3)
    alike, weighed = (Markov(power=power).fit(data).scores(histories([0]))[0] for power in (0.0, 1.0))
    assert alike[1] == pytest.approx(alike[2], rel=1e-5)
    assert weighed[2] > 2 * weighed[1]


def test_equal_times_keep_the_order_of_the_log() -> None:
    tied = interactions([0, 0, 0], [2, 0, 1], ts=[7, 7, 7], n_items=3)
    fitted = Markov(window=1).fit(tied)
    assert fitted.similar(np.array([2, 0, 1], dtype=np.int32), 1)[0].ravel().tolist() == [0, 1, -1]


def test_k_keeps_the_strongest_transitions() -> None:
    fitted = Markov(window=1, k=1, power=0.0).fit(walks())
    assert fitted.similar(np.array([1], dtype=np.int32), 3)[0].tolist() == [[2, -1, -1]]


def test_summing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Markov(window=4).fit(walks()).scores(histories([0, 1]))
    monkeypatch.setattr("honeyguide.models.steps._PENDING", 1)
    np.testing.assert_allclose(Markov(window=4).fit(walks()).scores(histories([0, 1])), whole, rtol=1e-6)


def test_a_history_of_weight_zero_is_an_empty_one() -> None:
    fitted = Markov().fit(walks())
    asked = Histories(np.array([0, 1]), np.array([1], np.int32), np.zeros(1, np.float32), np.zeros(1, np.int64))
    np.testing.assert_allclose(fitted.scores(asked), fitted.scores(histories([])), rtol=1e-6)


def test_old_transitions_count_less() -> None:
    day = 86_400_000
    data = interactions([0, 0, 1, 1], [0, 1, 0, 2], ts=[0, 0, 10 * day, 10 * day], n_items=3)
    fitted = Markov(window=1, half_life=10.0, kappa=1e-3).fit(data)
    old, new = fitted.scores(histories([0]))[0][[1, 2]]
    assert old == pytest.approx(new / 2, rel=1e-2)


def test_a_run_in_a_history_is_one_step_shared_by_its_entries() -> None:
    fitted = Markov(latest=2).fit(walks())
    np.testing.assert_allclose(fitted.scores(histories([0, 1, 1, 1])), fitted.scores(histories([0, 1])), rtol=1e-5)
    parts = fitted.contributions(histories([0, 1, 1]), np.array([2], np.int32))[:, 0]
    assert parts[1] == parts[2] > 0


def test_items_in_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Markov(window=4).fit(walks()).arrays()
    monkeypatch.setattr("honeyguide.models.steps._PENDING", 14)
    for name, array in Markov(window=4).fit(walks()).arrays().items():
        np.testing.assert_allclose(np.asarray(array), np.asarray(whole[name]), rtol=1e-6)
