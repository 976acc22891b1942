"""What is made small, against the formulas, and what may not change it."""

from typing import Any

import numpy as np
import pytest

from honeyguide.models import attention, descent
from honeyguide.types import FloatArray
from tests.models.small import SASREC

N = 64
SIZE, LENGTH = SASREC["batch"], SASREC["length"]


def shape_of(loss: str) -> descent.Shape:
    return descent.Shape(N, SASREC["dim"], 2, SASREC["blocks"], LENGTH, loss, 0.75, 0.0, SASREC["rate"])


def batch_of(negatives: list[int], seed: int = 0) -> dict[str, Any]:
    """A batch of drawn steps, the last places of each window empty."""
    generator = np.random.default_rng(seed)
    inputs, targets = generator.integers(0, N, (2, SIZE, LENGTH)).astype(np.int32)
    mass = np.ones((SIZE, LENGTH), np.float32)
    mass[:, 6:] = 0
    drawn = np.full(N, -1, np.int32)
    drawn[: len(negatives)] = negatives
    return {"inputs": inputs, "targets": targets, "mass": mass, "negatives": drawn, "others": np.float32(N - 1)}


def value_of(shape: descent.Shape, weights: dict[str, FloatArray], batch: dict[str, Any]) -> float:
    jax, _ = descent.library()
    begin, step = descent.compiled(shape)
    return float(step(weights, weights, begin(weights), batch, jax.random.key(0, impl="rbg"))[3])


def each(weights: dict[str, FloatArray], batch: dict[str, Any]) -> list[tuple[float, FloatArray]]:
    """(logit of the target, those of the drawn ones that are not the target) of each place that counts."""
    found = []
    for row, place in np.argwhere(batch["mass"] > 0).tolist():
        logits = weights["items"] @ attention.state(weights, batch["inputs"][row, : place + 1])
        target = batch["targets"][row, place]
        drawn = [item for item in batch["negatives"].tolist() if item >= 0 and item != target]
        found.append((float(logits[target]), logits[drawn]))
    return found


@pytest.fixture
def weights() -> dict[str, FloatArray]:
    begun = descent.start(shape_of("softmax"), 1)
    return begun | {"items": begun["items"] * 5}


def test_all_items_drawn_are_the_whole_cross_entropy(weights: dict[str, FloatArray]) -> None:
    batch = batch_of(list(range(N)))
    stands_for = np.log((N - 1) / N)
    wanted = [np.log(np.exp(own) + np.exp(others + stands_for).sum()) - own for own, others in each(weights, batch)]
    np.testing.assert_allclose(value_of(shape_of("softmax"), weights, batch), np.mean(wanted), rtol=1e-4)


def test_a_few_items_drawn_stand_for_all(weights: dict[str, FloatArray]) -> None:
    batch = batch_of([3, 9, 20, 41])
    stands_for = np.log((N - 1) / 4)
    wanted = [np.log(np.exp(own) + np.exp(others + stands_for).sum()) - own for own, others in each(weights, batch)]
    np.testing.assert_allclose(value_of(shape_of("softmax"), weights, batch), np.mean(wanted), rtol=1e-4)


def test_gbce_is_the_formula_of_its_paper(weights: dict[str, FloatArray]) -> None:
    batch = batch_of([3, 9, 20, 41])
    alpha = 4 / (N - 1)
    beta = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha)
    wanted = []
    for own, others in each(weights, batch):
        wanted.append(-beta * np.log(1 / (1 + np.exp(-own))) - np.log(1 - 1 / (1 + np.exp(-others))).sum())
    np.testing.assert_allclose(value_of(shape_of("gbce"), weights, batch), np.mean(wanted), rtol=1e-4)


def test_places_without_a_target_change_nothing(weights: dict[str, FloatArray]) -> None:
    batch, other = batch_of([1, 2]), batch_of([1, 2])
    other["targets"][:, 6:] = 0
    other["inputs"][:, 6:] = 5
    assert value_of(shape_of("softmax"), weights, batch) == value_of(shape_of("softmax"), weights, other)


def test_steps_make_it_smaller_and_the_mean_follows(weights: dict[str, FloatArray]) -> None:
    jax, _ = descent.library()
    begin, step = descent.compiled(shape_of("softmax"))
    batch, key = batch_of(list(range(N))), jax.random.key(0, impl="rbg")
    now, mean, state, first = step(weights, weights, begin(weights), batch, key)
    for _ in range(60):
        now, mean, state, last = step(now, mean, state, batch, key)
    assert float(last) < 0.9 * float(first)
    for name, array in now.items():
        assert np.abs(np.asarray(mean[name]) - array).max() <= np.abs(array - weights[name]).max() + 1e-6


def test_the_first_weights_are_drawn_by_the_seed() -> None:
    first, again, other = (descent.start(shape_of("softmax"), seed) for seed in (1, 1, 2))
    for name, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[name])
    assert (first["items"] != other["items"]).any()
    assert (first["norms"][:, 0] == 1).all()
    assert (first["norms"][:, 1] == 0).all()
