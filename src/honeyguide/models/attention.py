"""The forward pass of a causal transformer over one sequence of items, in numpy: serving needs nothing else.

Self-attention over the items of a history (Kang, McAuley, "Self-attentive sequential recommendation", ICDM 2018), with norms
before each part (Xiong et al., "On layer normalization in the transformer architecture", ICML 2020) and, in place of
absolute positions, a learned bias for each distance back (Raffel et al., "Exploring the limits of transfer learning with a
unified text-to-text transformer", JMLR 2020): so a short history looks to it like the end of a long one.

The weights are named arrays, those of all blocks stacked: `items` [n, d], `mix` [blocks, 4, d, d] (query, key, value, out),
`near` [blocks, heads, length], `inner` [blocks, d, f], `inner_bias` [blocks, f], `outer` [blocks, f, d], `outer_bias`
[blocks, d], `norms` [2 * blocks + 1, 2, d] (scale and shift).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from honeyguide.types import FloatArray, IntArray

Weights = Mapping[str, FloatArray]
EPSILON: Final = 1e-6


def shapes(n_items: int, *, dim: int, heads: int, blocks: int, length: int) -> dict[str, tuple[int, ...]]:
    """The shape of each array of weights."""
    wide = 2 * dim
    return {
        "items": (n_items, dim),
        "mix": (blocks, 4, dim, dim),
        "near": (blocks, heads, length),
        "inner": (blocks, dim, wide),
        "inner_bias": (blocks, wide),
        "outer": (blocks, wide, dim),
        "outer_bias": (blocks, dim),
        "norms": (2 * blocks + 1, 2, dim),
    }


def state(weights: Weights, items: IntArray) -> FloatArray:
    """float32 [d]: what the latest of these items, oldest first, says of the next one; at most `length` items, at least one.

    The last block is computed for the latest item alone: nothing looks at what it would make of the others."""
    blocks, dim = weights["inner"].shape[:2]
    x = weights["items"][items] * np.float32(np.sqrt(dim))
    for block in range(blocks):
        asking = slice(len(x) - 1, None) if block == blocks - 1 else slice(None)
        known = _normed(x, weights["norms"][2 * block])
        x = x[asking] + _attended(weights, block, known, known[asking])
        hidden = _normed(x, weights["norms"][2 * block + 1]) @ weights["inner"][block] + weights["inner_bias"][block]
        x = x + np.maximum(hidden, 0) @ weights["outer"][block] + weights["outer_bias"][block]
    last: FloatArray = _normed(x, weights["norms"][-1])[-1]
    return last


def _attended(weights: Weights, block: int, known: FloatArray, asking: FloatArray) -> FloatArray:
    """float32 [asking, d]: what each of the latest `asking` places takes from itself and the places before it."""
    query, key, value, out = weights["mix"][block]
    near = weights["near"][block]
    heads, count, first = len(near), len(known), len(known) - len(asking)
    width = known.shape[1] // heads
    distance = np.arange(first, count)[:, None] - np.arange(count)
    q, k, v = asking @ query / np.float32(np.sqrt(width)), known @ key, known @ value
    mixed = np.empty_like(asking)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        strength = q[:, part] @ k[:, part].T + near[head, np.maximum(distance, 0)]
        strength[distance < 0] = -np.inf
        strength = np.exp(strength - strength.max(axis=1, keepdims=True))
        mixed[:, part] = (strength / strength.sum(axis=1, keepdims=True)) @ v[:, part]
    taken: FloatArray = mixed @ out
    return taken


def _normed(x: FloatArray, norm: FloatArray) -> FloatArray:
    """Each row with mean 0 and variance 1, scaled and shifted."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    normed: FloatArray = centred / np.sqrt(variance + np.float32(EPSILON)) * norm[0] + norm[1]
    return normed
