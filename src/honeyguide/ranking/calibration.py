"""Calibration: a list that has the user's interests in the proportions in which the user has them."""

from typing import Final

import numpy as np

from honeyguide.protocols import Items, Request
from honeyguide.ranking.candidates import Candidates
from honeyguide.ranking.likeness import Kinds
from honeyguide.types import FloatArray, IntArray, LongArray

_SMOOTH: Final = 0.01


class Calibrated:
    """Each position takes the candidate of the largest (1 - s) * relevance - s * KL(p || q), s = `diversity.calibration`.

    p is the share of each category in the user's history, by weight, q that in the list with the candidate added, smoothed
    by 1 % of p (Steck, "Calibrated recommendations", RecSys 2018, equations 2 to 7). An item's share is divided evenly
    among its categories. Who has no history keeps the order that there is."""

    name = "calibration"

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """The first `diversity.positions` of the best `diversity.candidates`."""
        settings = request.surface.diversity
        if settings.calibration == 0:
            return None
        rows = candidates.rows[: settings.candidates]
        kinds = Kinds.among(request, rows)
        wanted = mix_of(request, kinds.numbers)
        if not wanted.any():
            return None
        shares = kinds.members / np.maximum(kinds.members.sum(axis=1, keepdims=True), 1)
        known = wanted > 0
        relevance = candidates.relevance[: len(rows)]
        return calibrated(relevance, kinds.of, shares[:, known], wanted[known], settings.calibration, settings.positions)


def mix_of(request: Request, numbers: IntArray) -> FloatArray:
    """float32 [len(numbers)]: the share of each of these categories in the user's history; zeros where there is none."""
    liked = request.history_weights > 0
    shares = _shares(request.items, request.history_rows[liked], request.history_weights[liked])
    total = shares.sum()
    mix: FloatArray = (shares[numbers] / total if total else np.zeros(len(numbers))).astype(np.float32)
    return mix


def _shares(items: Items, rows: IntArray, weights: FloatArray) -> FloatArray:
    """float32 [categories]: what the weights of these rows add up to in each category."""
    categories = items.categories[rows]
    there = categories >= 0
    each = np.where(there, (weights / np.maximum(there.sum(axis=1), 1))[:, None], 0.0)
    sums = np.bincount(categories[there], each[there], minlength=len(items.category_names))
    return sums.astype(np.float32)


def calibrated(
    relevance: FloatArray, kinds: LongArray, shares: FloatArray, wanted: FloatArray, strength: float, positions: int
) -> LongArray:
    """Places of the first `positions` candidates.

    `relevance` float32 [m], best first; `kinds` int64 [m]: each one's kind; `shares` float32 [kinds, c]: the part of an item
    of that kind that belongs to each category; `wanted` float32 [c], above 0."""
    left: FloatArray = np.float32(1.0 - strength) * relevance
    places = np.empty(min(positions, len(relevance)), np.int64)
    floor, so_far = _SMOOTH * wanted, np.zeros_like(wanted)
    for step in range(len(places)):
        # -KL without its constant part, for a list with one more item of each kind
        fit = np.einsum("kc,c->k", np.log((1.0 - _SMOOTH) / (step + 1) * (so_far + shares) + floor), wanted)
        best = int((left + (np.float32(strength) * fit.astype(np.float32))[kinds]).argmax())
        places[step] = best
        left[best] = -np.inf
        so_far = so_far + shares[kinds[best]]
    return places
