"""Training of the transformer of `attention` by gradient descent, in jax: imported only here, and only to train.

What is learned is to tell the next item from `negatives` drawn ones, the same for a whole batch, which makes them nearly
free: by the cross entropy over them (Klenitskiy, Vasilev, "Turning dross into gold loss", RecSys 2023), or by gBCE (Petrov,
Macdonald, "gSASRec: reducing overconfidence in sequential recommendation trained with negative sampling", RecSys 2023).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from honeyguide.errors import ConfigError
from honeyguide.models.attention import EPSILON, shapes
from honeyguide.types import FloatArray

_STEADY: Final = 100  # steps over which the rate of learning rises


@dataclass(frozen=True, slots=True)
class Shape:
    """All that a compiled step depends on, beside the data."""

    items: int
    dim: int
    heads: int
    blocks: int
    length: int
    loss: str
    calibration: float
    dropout: float
    rate: float


def start(shape: Shape, seed: int) -> dict[str, FloatArray]:
    """Weights before the first step: small, norms neutral."""
    generator = np.random.default_rng(seed)
    found = {}
    sizes = shapes(shape.items, dim=shape.dim, heads=shape.heads, blocks=shape.blocks, length=shape.length)
    for name, size in sizes.items():
        scale = {"items": 1 / shape.dim, "mix": shape.dim**-0.5, "inner": shape.dim**-0.5}.get(name, 0.0)
        if name == "outer":
            scale = (2 * shape.dim) ** -0.5
        found[name] = (generator.standard_normal(size) * scale).astype(np.float32)
    found["norms"][:, 0] = 1.0
    return found


def library() -> tuple[Any, Any]:
    """jax and optax. Raises `ConfigError` where they are not installed."""
    try:
        import jax
        import optax
    except ImportError as error:
        cure = "Install the extra: pip install 'honeyguide[sequential]', or leave 'sasrec' out of models.train."
        raise ConfigError("Training sasrec needs jax and optax, which are not installed.", cure=cure) from error
    return jax, optax


@lru_cache(maxsize=8)
def compiled(shape: Shape) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(begin, step): the optimiser's state of given weights; weights, running mean, state and loss after one batch."""
    jax, optax = library()
    jnp = jax.numpy
    optimiser = optax.adam(optax.linear_schedule(shape.rate / _STEADY, shape.rate, _STEADY), b2=0.98)

    def loss(weights: Any, batch: Any, key: Any) -> Any:
        states = forward(weights, batch["inputs"], shape, key)
        positive = (states * weights["items"][batch["targets"]]).sum(-1)
        negative = states @ weights["items"][batch["negatives"]].T
        same = (batch["targets"][..., None] == batch["negatives"]) | (batch["negatives"] < 0)
        rated = batch["mass"] / jnp.maximum(batch["mass"].sum(), 1.0)
        drawn, others = (batch["negatives"] >= 0).sum(), batch["others"]
        if shape.loss == "gbce":
            alpha = drawn / others
            beta = alpha * (shape.calibration * (1 - 1 / alpha) + 1 / alpha)
            wrong = jnp.where(same, 0.0, jax.nn.softplus(negative)).sum(-1)
            each = beta * jax.nn.softplus(-positive) + wrong
        else:
            stands_for = jnp.log(others / drawn)
            negative = jnp.where(same, -1e9, negative + stands_for)
            each = jnp.logaddexp(positive, jax.nn.logsumexp(negative, axis=-1)) - positive
        return (each * rated).sum()

    def step(weights: Any, mean: Any, state: Any, batch: Any, key: Any) -> Any:
        value, slope = jax.value_and_grad(loss)(weights, batch, key)
        change, state = optimiser.update(slope, state, weights)
        weights = optax.apply_updates(weights, change)
        count = state[0].count.astype(jnp.float32)
        kept = jnp.minimum(0.998, count / (count + 9.0))
        mean = jax.tree.map(lambda old, new: old * kept + new * (1 - kept), mean, weights)
        return weights, mean, state, value

    return optimiser.init, jax.jit(step)


def forward(weights: Any, items: Any, shape: Shape, key: Any) -> Any:
    """float32 [batch, length, d]: the states of `attention.state` after each place; without `key` nothing is dropped."""
    jax, _ = library()
    jnp = jax.numpy
    batch, length = items.shape
    width = shape.dim // shape.heads
    distance = jnp.arange(length)[:, None] - jnp.arange(length)

    def dropped(x: Any, place: int) -> Any:
        if key is None or not shape.dropout:
            return x
        threshold = round(256 * shape.dropout)
        kept = jax.random.bits(jax.random.fold_in(key, place), x.shape, jnp.uint8) >= threshold
        return jnp.where(kept, x * (256 / (256 - threshold)), 0.0)

    def normed(x: Any, norm: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred / jnp.sqrt((centred * centred).mean(-1, keepdims=True) + EPSILON) * norm[0] + norm[1]

    x = dropped(weights["items"][items] * shape.dim**0.5, 0)
    for block in range(shape.blocks):
        known = normed(x, weights["norms"][2 * block])
        q, k, v = ((known @ weights["mix"][block, part]).reshape(batch, length, shape.heads, width) for part in range(3))
        near = jnp.where(distance >= 0, weights["near"][block][:, jnp.maximum(distance, 0)], -1e9)
        strength = jax.nn.softmax(jnp.einsum("bqhw,bkhw->bhqk", q * width**-0.5, k) + near, axis=-1)
        mixed = jnp.einsum("bhqk,bkhw->bqhw", strength, v).reshape(batch, length, shape.dim)
        x = x + dropped(mixed @ weights["mix"][block, 3], 2 * block + 1)
        hidden = normed(x, weights["norms"][2 * block + 1]) @ weights["inner"][block] + weights["inner_bias"][block]
        changed = jax.nn.relu(hidden) @ weights["outer"][block] + weights["outer_bias"][block]
        x = x + dropped(changed, 2 * block + 2)
    return normed(x, weights["norms"][-1])
