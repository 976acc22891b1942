"""How values are spread, and how many different ones there are, in a form that merges: two hours make one stretch.

A spread counts values in bins whose widths grow by `RATIO`, so that a percentile is right to within that share. Distinct
ids are counted with HyperLogLog (Flajolet et al. 2007; linear counting while there are few): no id can be read out of it.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATIO: Final = 1.05
_LEAST: Final = 1e-6
"""Values nearer to 0 are 0."""
_BITS: Final = 12
REGISTERS: Final = 1 << _BITS

Spread = dict[int, int]
"""Bin -> how many values; 0 is the bin of 0, negative bins are of negative values."""


def bins_of(values: NDArray[Any]) -> NDArray[np.int64]:
    """The bin of each value, which must be finite."""
    size = np.abs(values.astype(np.float64))
    steps = 1 + np.floor(np.log(np.maximum(size, _LEAST) / _LEAST) / math.log(RATIO))
    return np.where(size < _LEAST, 0, np.sign(values) * steps).astype(np.int64)


def spread_of(values: NDArray[Any]) -> Spread:
    """The spread of some values."""
    found, counts = np.unique(bins_of(values), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def middle(number: int) -> float:
    """The value in the middle of a bin, by ratio."""
    return 0.0 if number == 0 else math.copysign(_LEAST * RATIO ** (abs(number) - 0.5), number)


def percentile(spread: Mapping[int, int], share: float) -> float | None:
    """The value that this share of the values does not pass; None of nothing."""
    total = sum(spread.values())
    wanted, seen = share * total, 0
    for number in sorted(spread):
        seen += spread[number]
        if seen >= wanted:
            return middle(number)
    return None


def registers_of(ids: Iterable[str]) -> bytes:
    """The sketch of some ids: `REGISTERS` bytes; empty of none."""
    registers = bytearray(REGISTERS)
    for each in set(ids):
        number = int.from_bytes(hashlib.blake2b(each.encode(), digest_size=8).digest(), "big")
        place, rest = number >> (64 - _BITS), number & ((1 << (64 - _BITS)) - 1)
        registers[place] = max(registers[place], 64 - _BITS - rest.bit_length() + 1)
    return bytes(registers) if any(registers) else b""


def united(one: bytes, other: bytes) -> bytes:
    """The sketch of all ids of two."""
    if not one or not other:
        return one or other
    return np.maximum(np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)).tobytes()


def distinct(registers: bytes) -> float:
    """About how many ids are in a sketch; the standard error is 1.6 %, and less while there are few."""
    if not registers:
        return 0.0
    found = np.frombuffer(registers, np.uint8)
    raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / float(np.exp2(-found.astype(np.float64)).sum())
    empty = int((found == 0).sum())
    return REGISTERS * math.log(REGISTERS / empty) if empty and raw <= 2.5 * REGISTERS else raw
