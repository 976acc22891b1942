"""Where a search looks: every value is one that the model takes."""

import numpy as np
import pytest

from honeyguide.models import REGISTRY, untrained
from honeyguide.train.spaces import CHEAP_FIRST, SPACES, OneOf, Range, drawn, first_guess, in_order, nearby


@pytest.mark.parametrize("kind", sorted(SPACES))
def test_what_is_drawn_is_what_the_model_takes(kind: str) -> None:
    generator = np.random.default_rng(0)
    params = untrained(kind).params()
    assert set(SPACES[kind]) <= set(params)
    moved = 0
    for _ in range(50):
        far, near = drawn(kind, params, generator), nearby(kind, params, generator)
        assert untrained(kind, far).params() == far
        assert untrained(kind, near).params() == near
        moved += near != params
        params = near
    assert moved > 40


def test_every_model_has_a_place_and_unknown_ones_come_last() -> None:
    assert in_order([*REGISTRY, "unheard of"])[-1] == "unheard of"
    assert in_order(["ease", "popular", "ease"]) == ["popular", "ease"]
    assert set(CHEAP_FIRST) <= set(REGISTRY)


def test_a_model_without_a_space_keeps_its_defaults() -> None:
    generator = np.random.default_rng(0)
    assert drawn("unheard of", {"x": 1}, generator) == nearby("unheard of", {"x": 1}, generator) == {"x": 1}


def test_a_range_by_its_logarithm() -> None:
    generator, values = np.random.default_rng(0), Range(1.0, 10_000.0, by_log=True)
    found = [values.draw(generator) for _ in range(400)]
    assert 0.4 < np.mean([value < 100 for value in found]) < 0.6
    assert all(1.0 <= value <= 10_000.0 for value in found)
    assert all(float(f"{value:.1e}") == pytest.approx(value) for value in found)
    assert all(values.near(1_000.0, generator) > 10 for _ in range(20))
    assert 1.0 <= values.near(0.0, generator) <= 10_000.0


def test_a_range_of_whole_numbers() -> None:
    generator, values = np.random.default_rng(0), Range(0, 5)
    assert {values.draw(generator) for _ in range(100)} <= set(range(6))
    assert isinstance(values.near(3, generator), int)


def test_neighbours_of_one_of_a_few() -> None:
    generator, values = np.random.default_rng(0), OneOf((1, 2, 3, 4))
    assert {values.near(2, generator) for _ in range(50)} == {1, 3}
    assert {values.near(1, generator) for _ in range(50)} == {2}
    assert {values.near(4, generator) for _ in range(50)} == {3}
    assert values.near(17, generator) in values.values
    assert OneOf((5,)).near(5, generator) == 5


def test_only_what_grows_with_the_items_alone_is_guessed() -> None:
    assert first_guess("markov", {}, 10**6) == 0.0
    assert first_guess("ease", {"max_items": 12_000}, 10**6) == first_guess("ease", {}, 12_000) > 10.0
