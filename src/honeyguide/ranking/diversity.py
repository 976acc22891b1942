"""Diversity: items that are unlike each other, as one bounded pass over the best candidates."""

from typing import Final

import numpy as np

from honeyguide.protocols import Request
from honeyguide.ranking.candidates import Candidates
from honeyguide.ranking.likeness import Likeness, likeness_among
from honeyguide.types import FloatArray, LongArray

_ALIKE: Final = 0.95
"""The likeness of two items that cannot be told apart: below 1, so that a determinant is never 0."""
_NOTHING_LEFT: Final = 1e-9
_STEEPEST: Final = 100.0
"""Relevance weighs no more than this in an exponent: its square must be a number."""


class Diverse:
    """MMR or DPP, as `surface.diversity.method` says."""

    name = "diversity"

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """The first `diversity.positions` of the best `diversity.candidates`."""
        settings = request.surface.diversity
        if settings.method == "none" or settings.strength == 0:
            return None
        relevance = candidates.relevance[: settings.candidates]
        likeness = likeness_among(request, candidates.rows[: settings.candidates])
        if settings.method == "dpp":
            return dpp(relevance, likeness, settings.strength, settings.positions)
        return mmr(relevance, likeness, settings.strength, settings.positions, settings.window)


def mmr(relevance: FloatArray, likeness: Likeness, strength: float, positions: int, window: int) -> LongArray:
    """Maximal marginal relevance: each position takes the candidate of the largest
    (1 - strength) * relevance - strength * (its largest likeness to the `window` - 1 items before it).

    `relevance` float32 [m], best first, in 0..1. Returns `positions` places at most; ties go to the better one
    (Carbonell, Goldstein, SIGIR 1998; the window is ours: in a long list everything has been shown before)."""
    left: FloatArray = np.float32(1.0 - strength) * relevance
    recent = np.zeros((window - 1, len(relevance)), np.float32)
    places = np.empty(min(positions, len(relevance)), np.int64)
    for step in range(len(places)):
        best = int((left - recent.max(axis=0)).argmax())
        places[step] = best
        left[best] = -np.inf
        recent[step % len(recent)] = likeness.to(best) * np.float32(strength)
    return places


def dpp(relevance: FloatArray, likeness: Likeness, strength: float, positions: int) -> LongArray:
    """The most probable set of a determinantal point process, found greedily by fast incremental Cholesky updates.

    The kernel is q_i S_ij q_j with q = exp(a * relevance), a = t / (2 (1 - t)), t = 1 - strength: the order then maximises
    t * (sum of relevance) + (1 - t) * log det S (Chen, Zhang, Zhou, "Fast greedy MAP inference for determinantal point
    process to improve recommendation diversity", NeurIPS 2018, algorithm 1 and section 4.1)."""
    weight = min((1.0 - strength) / (2.0 * strength), _STEEPEST)
    quality = np.exp(relevance.astype(np.float64) * weight)
    left = quality**2  # the share of each candidate's volume that those before it do not fill
    taken = np.zeros(len(relevance), np.bool_)
    places = np.empty(min(positions, len(relevance)), np.int64)
    factors = np.empty((len(places), len(relevance)), np.float64)
    for step in range(len(places)):
        best = int(np.where(taken, -1.0, left).argmax())
        if left[best] < _NOTHING_LEFT * quality[best] ** 2:
            return places[:step]
        places[step], taken[best] = best, True
        row = _ALIKE * quality[best] * quality * likeness.to(best)
        row[best] = quality[best] ** 2
        told = np.einsum("s,sm->m", factors[:step, best], factors[:step])  # no library that begins threads
        factors[step] = (row - told) / np.sqrt(left[best])
        left = np.maximum(left - factors[step] ** 2, 0.0)
    return places
