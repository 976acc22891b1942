"""A size of `sasrec` that is trained in a moment: one for all tests, so that each process compiles it once."""

from typing import Any, Final

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
