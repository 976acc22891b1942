"""How long a value lasts and when to make it anew: pure functions of numbers."""

from math import log
from typing import Final

_FAR: Final = 20.0


def jittered(ttl: float, jitter: float, u: float) -> float:
    """`ttl` seconds varied evenly by up to +-`jitter` (a share), with `u` drawn from [0, 1).

    Values that were made together then do not end together."""
    return ttl * (1.0 + jitter * (2.0 * u - 1.0))


def early_from(deadline: float, seconds: float, beta: float) -> float:
    """When `is_early` is first worth asking: before, its chance is below e^-20."""
    return deadline - _FAR * seconds * beta


def is_early(now: float, deadline: float, seconds: float, beta: float, u: float) -> bool:
    """Whether to make a value anew before its deadline, with `u` drawn from [0, 1).

    The closer the deadline and the longer the making (`seconds`), the likelier: one of many readers begins in time and
    nobody waits (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015)."""
    return now - seconds * beta * log(1.0 - u) >= deadline
