"""From a unit to a number in [0, 1), the same in every process and language, and which arm's range it falls into.

Version 2 is GrowthBook's (FNV-1a 32 twice, steps of 1/10,000; its SDKs in a dozen languages agree on the arm). Version 60 is
PlanOut's width: the first 60 bits of a SHA-1, for shares finer than 0.01 %. An experiment keeps the version that it began
with.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import isclose
from typing import Final, Literal

Version = Literal[2, 60]
Range = tuple[float, float]

_OFFSET, _PRIME, _MASK = 2_166_136_261, 16_777_619, 0xFFFF_FFFF
_NAMESPACE_SIZE: Final = 1_000


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits over the UTF-16 code units, as the JavaScript SDK has it: equal to bytes for ASCII."""
    found = _OFFSET
    for low, high in _units(text):
        found = ((found ^ (low | high << 8)) * _PRIME) & _MASK
    return found


def _units(text: str) -> Iterator[tuple[int, int]]:
    data = text.encode("utf-16-le", "surrogatepass")
    return zip(data[::2], data[1::2], strict=True)


def bucket(seed: str, unit: str, version: Version = 2) -> float:
    """Where a unit falls in [0, 1) under a seed."""
    if version == 2:
        return fnv1a(str(fnv1a(seed + unit))) % 10_000 / 10_000
    digest = hashlib.sha1(f"{seed}.{unit}".encode(), usedforsecurity=False).hexdigest()
    return (int(digest[:15], 16) >> 7) / 2**53  # as many bits as a float keeps: none rounds up to 1


def ranges(weights: Sequence[float], coverage: float) -> list[Range]:
    """The range of each arm: it begins where the weights before it end, and covers a share of its own weight. Raising the
    coverage moves nobody who is in.

    Raises `ValueError` for weights that are negative or do not sum to 1, or a coverage outside [0, 1]: none is mended."""
    if not weights or min(weights) < 0 or not isclose(sum(weights), 1.0, abs_tol=1e-9):
        raise ValueError(f"the weights {list(weights)} do not sum to 1 (their sum is {sum(weights):.9g})")
    if not 0 <= coverage <= 1:
        raise ValueError(f"a coverage of {coverage} is no share between 0 and 1")
    starts = [0.0]
    for weight in weights[:-1]:
        starts.append(starts[-1] + weight)
    return [(start, start + coverage * weight) for start, weight in zip(starts, weights, strict=True)]


def arm_at(place: float, arms: Sequence[Range]) -> int:
    """The number of the arm whose range holds `place`, -1 for none. Ranges are in order and do not overlap."""
    number = bisect_right([start for start, _ in arms], place) - 1
    while number >= 0 and arms[number][0] == arms[number][1] and number > 0 and arms[number - 1][1] > place:
        number -= 1  # an empty range hides none that begins where it does
    return number if number >= 0 and arms[number][0] <= place < arms[number][1] else -1


def in_layer(layer: str, unit: str, held: Range) -> bool:
    """Whether a unit is in the part of an exclusive layer that an experiment holds; experiments of a layer hold parts that
    do not overlap, so that nobody is in two (GrowthBook's namespaces: 1,000 steps of a hash of their own)."""
    return held[0] <= fnv1a(f"{unit}__{layer}") % _NAMESPACE_SIZE / _NAMESPACE_SIZE < held[1]
