"""Beliefs against closed forms and draws."""

from math import exp, isnan

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import norm

from honeyguide.experiments.statistics.bayesian import beta_binomial, gaussian


def chance_in_closed_form(x: tuple[int, int], n: tuple[int, int]) -> float:
    """P(B > A) for whole posteriors (Miller 2015)."""
    a_a, b_a, a_b, b_b = 1 + x[0], 1 + n[0] - x[0], 1 + x[1], 1 + n[1] - x[1]
    terms = [betaln(a_a + i, b_a + b_b) - np.log(b_b + i) - betaln(1 + i, b_b) - betaln(a_a, b_a) for i in range(a_b)]
    return sum(exp(term) for term in terms)


FEW, NONE, SOME, MANY = ((10, 14), (100, 100)), ((0, 0), (10, 10)), ((0, 3), (5, 5)), ((1_000, 1_100), (20_000, 20_000))


@pytest.mark.parametrize(("x", "n"), [FEW, NONE, SOME, MANY, ((40, 2), (50, 900))])
def test_the_chance_to_win(x: tuple[int, int], n: tuple[int, int]) -> None:
    assert beta_binomial(x, n).chance == pytest.approx(chance_in_closed_form(x, n), abs=1e-9)


def test_losses_and_interval_are_those_of_draws() -> None:
    rng, x, n = np.random.default_rng(1), (100, 120), (2_000, 2_000)
    a, b = (rng.beta(1 + x[arm], 1 + n[arm] - x[arm], 2_000_000) for arm in (0, 1))
    belief = beta_binomial(x, n)
    assert belief.loss_of_shipping == pytest.approx(np.maximum(a - b, 0).mean(), rel=0.01)
    assert belief.loss_of_keeping == pytest.approx(np.maximum(b - a, 0).mean(), rel=0.01)
    assert belief.interval == pytest.approx(np.quantile(b - a, [0.025, 0.975]), abs=2e-4)


def test_the_same_arms_are_even() -> None:
    belief = beta_binomial((50, 50), (700, 700))
    assert belief.chance == pytest.approx(0.5)
    assert belief.loss_of_shipping == pytest.approx(belief.loss_of_keeping)


def test_one_of_millions() -> None:
    belief = beta_binomial((500_000, 503_000), (10_000_000, 10_000_000))
    z = 0.0003 / (2 * 0.05 * 0.95 / 1e7) ** 0.5
    assert belief.chance == pytest.approx(norm.cdf(z), abs=1e-3)


def test_a_gaussian_effect() -> None:
    rng = np.random.default_rng(2)
    draws = rng.normal(0.3, 0.5, 2_000_000)
    belief = gaussian(0.3, 0.25)
    assert belief.chance == pytest.approx((draws > 0).mean(), abs=2e-3)
    assert belief.loss_of_shipping == pytest.approx(np.maximum(-draws, 0).mean(), rel=0.01)
    assert belief.loss_of_keeping == pytest.approx(np.maximum(draws, 0).mean(), rel=0.01)
    assert belief.interval == pytest.approx((0.3 - 1.959964 * 0.5, 0.3 + 1.959964 * 0.5), abs=1e-5)


def test_a_prior_pulls_by_its_precision() -> None:
    assert gaussian(1.0, 0.5, prior=(0.0, 0.5))[:3] == pytest.approx(gaussian(0.5, 0.25)[:3])
    assert gaussian(1.0, 0.5, prior=(0.0, 1e12)).chance == pytest.approx(gaussian(1.0, 0.5).chance)


def test_without_a_variance() -> None:
    assert isnan(gaussian(0.1, float("nan")).chance)
    assert gaussian(0.1, 0.0)[:3] == (1.0, 0.0, 0.1)
    assert gaussian(0.0, 0.0)[:3] == (0.5, 0.0, 0.0)
