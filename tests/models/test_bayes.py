"""Naive Bayes of what comes next, by hand."""

from typing import Any

import numpy as np

from honeyguide.models.bayes import Bayes
from honeyguide.testing.models import histories, interactions
from tests.models.test_markov import walks

SHARES = np.array([3.5, 3.5, 2.5, 1.5, 0.5]) / 11.5  # of 9 steps, half a step more for each item
PLAIN: dict[str, Any] = {"window": 1, "power": 0.0, "target": 1.0, "shrinkage": 0.0, "k": 100}


def log_popularity(weight: float) -> Any:
    return weight * np.log(SHARES / SHARES[-1])


def test_popularity_and_witness_multiply() -> None:
    fitted = Bayes(**PLAIN, kappa=2.0, prior=1.5).fit(walks())
    np.testing.assert_allclose(fitted.scores(histories([]))[0], log_popularity(1.5), rtol=1e-5)
    lift = np.array([0, 0, 2 / 3, 1 / 3, 0]) / SHARES  # 1 is followed by 2 twice and by 3 once
    witness = np.log1p(lift / 2.0)
    np.testing.assert_allclose(fitted.scores(histories([1]))[0], log_popularity(1.5) + witness, rtol=1e-5)


def test_one_witness_ranks_by_its_shares_shrunken_to_popularity() -> None:
    fitted = Bayes(**PLAIN, kappa=0.5, prior=1.0).fit(walks())
    shrunken = np.array([0, 0, 2, 1, 0]) / 3 + 0.5 * SHARES
    scores = fitted.scores(histories([1]))[0]
    np.testing.assert_allclose(scores - scores[0], np.log(shrunken / shrunken[0]), rtol=1e-4, atol=1e-6)


def test_two_witnesses_add_up_and_the_last_is_the_loudest() -> None:
    fitted = Bayes(window=1, recency=0.5).fit(walks())
    prior = fitted.scores(histories([]))[0]
    alone = fitted.scores(histories([0], [1])) - prior
    np.testing.assert_allclose(fitted.scores(histories([0, 1]))[0] - prior, 0.5 * alone[0] + alone[1], rtol=1e-5)


def test_skips_count_less_with_each_place() -> None:
    fitted = Bayes(**{**PLAIN, "window": 2}, decay=0.5, kappa=1.0, prior=0.0).fit(walks())
    lift = np.array([0, 3, 0.5 * 2, 0.5 * 1, 0]) / 4.5 / SHARES
    np.testing.assert_allclose(fitted.scores(histories([0]))[0], np.log1p(lift), rtol=1e-5)


def test_a_smaller_exponent_favours_the_popular() -> None:
    whole, half = (Bayes(**{**PLAIN, "target": t}, prior=0.0).fit(walks()).scores(histories([1]))[0] for t in (1.0, 0.0))
    assert whole[2] / whole[3] < half[2] / half[3]


def test_what_was_seen_rarely_weighs_less() -> None:
    data = interactions([0, 0, *[u for u in range(1, 20) for _ in range(2)]], [2, 3, *[0, 1] * 19], n_items=4)
    bare, shrunken = (Bayes(**{**PLAIN, "target": 0.0, "shrinkage": s}, prior=0.0).fit(data) for s in (0.0, 5.0))
    assert bare.scores(histories([2]))[0, 3] == bare.scores(histories([0]))[0, 1]
    assert shrunken.scores(histories([2]))[0, 3] < 0.5 * shrunken.scores(histories([0]))[0, 1]
