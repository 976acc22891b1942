"""How far a distribution has moved: the population stability index, less what chance alone makes of it.

PSI = sum over bins of (c - r) * ln(c / r), ten bins of equal mass of the reference and one for what is missing, each share
at least 1e-4. Two samples of one distribution have about (bins - 1) * (1 / n + 1 / m) of it: the floor.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from scipy.stats import spearmanr

from honeyguide.monitoring.quality.spread import Spread
from honeyguide.monitoring.quality.tally import MISSING

BINS: Final = 10
_LEAST: Final = 1e-4
WORTH: Final = 0.25
"""Above this (less the floor), a distribution is said to have moved."""


class Drift(NamedTuple):
    """PSI of a distribution against its reference, what chance makes of it, and how many values each has."""

    psi: float
    floor: float
    n: int
    reference_n: int

    @property
    def beyond(self) -> float:
        """What of it is not chance."""
        return max(0.0, self.psi - self.floor)


def drift(reference: Spread, current: Spread) -> Drift | None:
    """How far `current` is from `reference`; None where either is empty."""
    m, n = sum(reference.values()), sum(current.values())
    if not m or not n:
        return None
    groups = _groups(reference)
    before, now = _shares(reference, groups), _shares(current, groups)
    psi = sum((now[each] - before[each]) * math.log(now[each] / before[each]) for each in before)
    used = len({key for key in before if before[key] > _LEAST or now[key] > _LEAST})
    return Drift(psi, (max(used, 1) - 1) * (1 / n + 1 / m), n, m)


def _groups(reference: Spread) -> Sequence[int]:
    """The last fine bin of each of at most ten groups that hold about as many values of the reference; all but the last."""
    present = sorted(key for key in reference if key != MISSING)
    total, ends, seen = sum(reference[key] for key in present), list[int](), 0
    passed = 0
    for key in present[:-1]:
        seen += reference[key]
        if seen * BINS // total > passed:
            passed = seen * BINS // total
            ends.append(key)
    return ends


def _shares(spread: Spread, ends: Sequence[int]) -> dict[int, float]:
    counts = dict.fromkeys([*range(len(ends) + 1), MISSING], 0)
    for key, count in spread.items():
        counts[MISSING if key == MISSING else sum(end < key for end in ends)] += count
    total = sum(counts.values())
    return {key: max(_LEAST, count / total) for key, count in counts.items()}


def moved(reference: Mapping[str, Spread], current: Mapping[str, Spread]) -> dict[str, Drift]:
    """The drift of each distribution that both have."""
    found = {name: drift(reference[name], current[name]) for name in sorted(reference.keys() & current.keys())}
    return {name: each for name, each in found.items() if each is not None}


def agreement(offline: Mapping[str, float], online: Mapping[str, float]) -> float | None:
    """Spearman's rank correlation of two figures over the model versions that have both; None of fewer than three."""
    labels = sorted(offline.keys() & online.keys())
    if len(labels) < 3:
        return None
    found = float(spearmanr([offline[label] for label in labels], [online[label] for label in labels]).statistic)
    return found if math.isfinite(found) else None
