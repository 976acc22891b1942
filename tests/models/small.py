"""A size of `sasrec` that is trained in a moment: one for all tests, so that each process compiles it once."""

from typing import Any, Final

import numpy as np

from honeyguide.models import descent
from honeyguide.models.sasrec import Sasrec
from honeyguide.testing.models import ITEMS
from honeyguide.types import FloatArray

SASREC: Final[dict[str, Any]] = {
    "dim": 8,
    "length": 8,
    "blocks": 1,
    "batch": 32,
    "negatives": 64,
    "rate": 0.02,
    "dropout": 0.0,
    "rounds": 8,
}


def untaught(**params: Any) -> Sasrec:
    """A model of weights drawn at random, with all parts at work."""
    model = Sasrec(**params)
    shape = descent.Shape(ITEMS, model.dim, model.heads, model.blocks, model.length, "gbce", 0.75, 0.0, 1e-3)
    generator = np.random.default_rng(1)
    weights = {name: array + generator.normal(0, 0.3, array.shape) for name, array in descent.start(shape, 0).items()}
    return model.with_arrays({name: array.astype(np.float32) for name, array in weights.items()})


def arrays_of(model: Sasrec) -> dict[str, FloatArray]:
    """Its weights."""
    return {name: np.asarray(array) for name, array in model.arrays().items()}
