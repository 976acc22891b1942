"""The forward pass, against one that is written out number by number."""

import math

import numpy as np
import pytest

from honeyguide.models import attention
from honeyguide.types import FloatArray
from tests.models.small import arrays_of, untaught


def normed(row: list[float], norm: FloatArray) -> list[float]:
    mean = sum(row) / len(row)
    spread = math.sqrt(sum((value - mean) ** 2 for value in row) / len(row) + attention.EPSILON)
    return [(value - mean) / spread * float(norm[0, at]) + float(norm[1, at]) for at, value in enumerate(row)]


def times(row: list[float], matrix: FloatArray) -> list[float]:
    return [sum(value * float(matrix[at, to]) for at, value in enumerate(row)) for to in range(matrix.shape[1])]


def attended(weights: attention.Weights, block: int, rows: list[list[float]], place: int) -> list[float]:
    """What one place takes from those up to itself, head by head."""
    query, key, value, out = weights["mix"][block]
    near = weights["near"][block]
    width = len(rows[0]) // len(near)
    asked, mixed = times(rows[place], query), [0.0] * len(rows[0])
    for head in range(len(near)):
        own = range(head * width, (head + 1) * width)
        strengths = []
        for other in range(place + 1):
            keys = times(rows[other], key)
            product = sum(asked[at] * keys[at] for at in own) / math.sqrt(width)
            strengths.append(math.exp(product + float(near[head, place - other])))
        for other, strength in enumerate(strengths):
            values = times(rows[other], value)
            for at in own:
                mixed[at] += strength / sum(strengths) * values[at]
    return times(mixed, out)


def written_out(weights: attention.Weights, items: list[int]) -> list[float]:
    """All places of all blocks, as the papers have it."""
    blocks, dim = weights["inner"].shape[:2]
    rows = [[float(value) * math.sqrt(dim) for value in weights["items"][item]] for item in items]
    for block in range(blocks):
        known = [normed(row, weights["norms"][2 * block]) for row in rows]
        for place, row in enumerate(rows):
            taken = attended(weights, block, known, place)
            row[:] = [have + got for have, got in zip(row, taken, strict=True)]
        for row in rows:
            inner = times(normed(row, weights["norms"][2 * block + 1]), weights["inner"][block])
            hidden = [max(0.0, value + float(bias)) for value, bias in zip(inner, weights["inner_bias"][block], strict=True)]
            outer = times(hidden, weights["outer"][block])
            biases = weights["outer_bias"][block]
            row[:] = [have + got + float(bias) for have, got, bias in zip(row, outer, biases, strict=True)]
    return normed(rows[-1], weights["norms"][-1])


@pytest.mark.parametrize(("blocks", "heads"), [(1, 1), (1, 2), (2, 4), (3, 1)])
def test_it_is_what_the_papers_say(blocks: int, heads: int) -> None:
    weights = arrays_of(untaught(dim=4, heads=heads, blocks=blocks, length=6))
    for items in ([3], [3, 1], [5, 5, 2, 7, 0, 9]):
        found = attention.state(weights, np.array(items, dtype=np.int32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, written_out(weights, items), rtol=1e-4, atol=1e-5)


def test_nearness_says_whom_to_look_at() -> None:
    weights = arrays_of(untaught(dim=4, heads=1, blocks=1, length=6))
    weights["near"] = np.full((1, 1, 6), -100, dtype=np.float32)
    weights["near"][0, 0, 1] = 0  # nothing but the one before
    first, far, near = (
        attention.state(weights, np.array(own, np.int32)) for own in ([1, 2, 3, 4], [7, 2, 3, 4], [1, 2, 7, 4])
    )
    np.testing.assert_allclose(far, first, atol=1e-6)
    assert np.abs(near - first).max() > 1e-3


def test_strengths_that_are_huge_stay_finite() -> None:
    weights = arrays_of(untaught(dim=4, heads=2, blocks=2, length=6))
    weights["mix"] = weights["mix"] * np.float32(1e4)
    assert np.isfinite(attention.state(weights, np.arange(6, dtype=np.int32))).all()


def test_shapes_hold_all_there_is() -> None:
    sizes = attention.shapes(7, dim=4, heads=2, blocks=3, length=5)
    assert sizes["items"] == (7, 4)
    assert sizes["near"] == (3, 2, 5)
    assert sizes["norms"] == (7, 2, 4)
    assert set(sizes) == set(untaught(dim=4).arrays())
