"""How long a value lasts: pure functions of numbers."""


def jittered(ttl: float, jitter: float, u: float) -> float:
    """`ttl` seconds varied evenly by up to +-`jitter` (a share), with `u` drawn from [0, 1).

    Values that were made together then do not end together."""
    return ttl * (1.0 + jitter * (2.0 * u - 1.0))
