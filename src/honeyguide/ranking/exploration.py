"""Exploration: positions that are drawn by chance, each with the exact probability with which its item was put there.

Positions are filled one after another. At a position that is drawn, every candidate that is left and that no cap holds
back gets a probability; the item is drawn from these, and its probability is the propensity: that of this item at this
position, given the items above. At every other position the best one is taken, with propensity 1. The draw is a function of
the request's seed and the position alone, so the list of length n is the beginning of every longer one, and an
explanation draws the same items again.

    uniform    each alike
    softmax    exp(score / temperature), on scores that are spread over 0 to 1
    thompson   the probability that the item's click rate is the highest of all, as far as is known of them: that which a
               draw from each item's Beta posterior would put first (Thompson, Biometrika 1933; Chapelle, Li, NIPS 2011)
"""

import hashlib
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy.special import betainc, betaln, digamma, log_expit, polygamma

from honeyguide.types import LongArray

Doubles = NDArray[np.float64]
Chances = Callable[[LongArray], Doubles]
"""The probabilities of the candidates at these places: float64 [places], at least 0, in sum 1."""

Pick = Callable[[list[int], float], tuple[int, float]]
"""Takes one of the candidates at these places, best first, by a number from 0 up to 1: its place and its probability."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An order of candidates: the place in the ranked list of each one, and the propensity with which it stands there."""

    places: list[int]
    propensities: list[float]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` candidates with the same value in `window` consecutive positions; `values` are those of the places in
    reach, None is not limited."""

    values: Sequence[Hashable]
    most: int
    window: int

    def let_through(self, line: list[int], places: list[int]) -> list[int]:
        """Those of the line that may come after the candidates at `places`."""
        if len(places) < self.most:
            return line
        values, counts = self.values, dict[Hashable, int]()
        for place in places[1 - self.window :]:
            counts[values[place]] = counts.get(values[place], 0) + 1
        full = {value for value, count in counts.items() if count >= self.most and value is not None}
        return [place for place in line if values[place] not in full] if full else line


def draw(
    pick: Pick,
    slots: Collection[int],
    *,
    size: int,
    reach: int,
    length: int,
    seed: int,
    limits: Sequence[Limit] = (),
    fixed: Collection[int] = (),
) -> Drawn:
    """The first `length` positions of a ranked list of `size` candidates in which the positions `slots` (from 0) are drawn.

    Candidates for them are the first `reach` of the list, so that it does not matter how much longer it is, without those
    that a limit keeps from coming next; where that leaves none, all may. Positions beyond the reach hold what is left, in
    its order. Those at the positions `fixed` stay where they are.

    Plain lists: what is in reach is so little that a call of numpy costs more than going through it."""
    length = min(length, size)
    drawn = {slot for slot in slots if slot < min(length, reach)}.difference(fixed)
    begin = min(drawn, default=length)
    places, propensities = list(range(begin)), [1.0] * begin
    near = [place for place in range(begin, min(reach, size)) if place not in fixed]
    far = [place for place in range(max(begin, reach), size) if place not in fixed]
    for position in range(begin, length):
        place, propensity = position, 1.0
        if position not in fixed:
            line = near or far
            candidates = _let_through(limits, line, places) if position < reach else line
            if position in drawn:
                place, propensity = pick(candidates, chance(seed, position))
            else:
                place = candidates[0]
            line.remove(place)
        places.append(place)
        propensities.append(propensity)
    return Drawn(places, propensities)


def _let_through(limits: Sequence[Limit], line: list[int], places: list[int]) -> list[int]:
    """The places from which the next one comes, best first."""
    left = line
    for limit in limits:
        left = limit.let_through(left, places)
    return left or line


def chance(seed: int, position: int) -> float:
    """A number from 0 up to 1 that belongs to a position of a request; the same on every machine and in every release."""
    digest = hashlib.blake2b(b"%d:%d" % (seed, position), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def uniform(candidates: list[int], at: float) -> tuple[int, float]:
    """Each candidate alike."""
    return candidates[int(at * len(candidates))], 1.0 / len(candidates)


def by_chances(chances: Chances) -> Pick:
    """Each candidate with its own probability: they lie on the line from 0 to 1, and that whose stretch holds the point is
    taken."""

    def pick(candidates: list[int], at: float) -> tuple[int, float]:
        found = chances(np.array(candidates, np.int64))
        ends = np.cumsum(found)
        one = min(int(np.searchsorted(ends, at * ends[-1], side="right")), int(np.flatnonzero(found)[-1]))
        return candidates[one], float(found[one] / ends[-1])

    return pick


def softmax(scores: Doubles, temperature: float) -> Chances:
    """Higher scores more often: exp(score / temperature).

    The scores are spread over 0 to 1 first, so that a temperature means the same whatever made them: a candidate that lies
    behind the best by `temperature` times the distance of best and worst is e times less likely."""
    width = float(np.ptp(scores)) if len(scores) else 0.0
    spread = (scores - scores.max(initial=-np.inf)) / width if width > 0 else np.zeros(len(scores))

    def chances(places: LongArray) -> Doubles:
        level = spread[places] / temperature
        weights = np.exp(level - level.max())
        return np.asarray(weights / weights.sum(), dtype=np.float64)

    return chances


def thompson(clicks: Doubles, seen: Doubles, *, prior: float, prior_weight: float) -> Chances:
    """Those whose click rate may be the highest, by how likely that is: Thompson sampling, an independent draw per position.

    `clicks` of `seen` times shown; clicks of items that were never said to be seen count as nothing, so that a shop without
    impressions explores all alike. Before anything is known, a rate is taken to be that of `prior` after `prior_weight`
    times shown."""
    known = np.minimum(clicks, seen)
    alpha, beta = prior * prior_weight + known, (1.0 - prior) * prior_weight + (seen - known)
    return lambda places: highest(alpha[places], beta[places])


_NODES: Final = 5
_POINTS, _WEIGHTS = leggauss(_NODES)
_AT: Final[Doubles] = (_POINTS + 1.0) / 2.0
_SHARES: Final[Doubles] = _WEIGHTS / 2.0


def _up_to_nodes() -> Doubles:
    """[node, node]: what the value at one node adds to the integral from the panel's beginning up to another."""
    basis = []
    for node in range(_NODES):
        others = np.delete(_AT, node)
        basis.append(Polynomial.fromroots(others) / np.prod(_AT[node] - others))
    return np.array([[(part.integ())(at) for part in basis] for at in _AT])


_WITHIN: Final[Doubles] = _up_to_nodes()
_TAIL: Final = 14.0
"""What lies beyond is less than e^-14 of a posterior, in either direction."""
_DEVIATIONS: Final = 7.0


def highest(alpha: Doubles, beta: Doubles) -> Doubles:
    """The probability of each of several independent Beta(alpha, beta) variables to be the highest: float64, in sum 1.

    P(i) is the integral of f_i times the product of the other F_j. It is taken over the logit of the rate, where every
    posterior is a smooth bell, from where the surest of the leaders begins to where the last one ends, in panels of five
    Gauss-Legendre nodes. Panels are as narrow as the narrowest posterior that is there, and wider further up, where only
    wide ones are. The F at the nodes are integrals of the same polynomials. The error is below 2e-6 for alpha, beta from
    0.5 up."""
    pairs, kind_of, counts = np.unique(alpha + 1j * beta, return_inverse=True, return_counts=True)
    alike = _highest_of(pairs.real, pairs.imag, counts)  # of equal ones, which are many while little is known, only one
    return np.asarray(alike[kind_of] / (alike @ counts), dtype=np.float64)


def _highest_of(alpha: Doubles, beta: Doubles, counts: LongArray) -> Doubles:
    """The probabilities, not yet in sum 1, where there are several of a kind."""
    middle = digamma(alpha) - digamma(beta)
    deviation = np.sqrt(polygamma(1, alpha) + polygamma(1, beta))
    begin = float((middle - np.maximum(_DEVIATIONS * deviation, _TAIL / alpha)).max())
    ends = middle + np.maximum(_DEVIATIONS * deviation, _TAIL / beta)
    found = np.zeros(len(alpha))
    lead = np.flatnonzero(ends > begin)
    found[lead] = _shares(alpha[lead], beta[lead], counts[lead], begin, _edges(begin, ends[lead], deviation[lead]))
    return found


def _edges(begin: float, ends: Doubles, deviation: Doubles) -> Doubles:
    """Edges of the panels from `begin` on: for each octave of deviations its own width, up to its last end."""
    octaves = np.floor(np.log2(deviation))
    grids = []
    for octave in np.unique(octaves):
        width = 2.0**octave
        grids.append(begin + width * np.arange(int(np.ceil((ends[octaves == octave].max() - begin) / width)) + 1))
    return np.unique(np.concatenate(grids))


def _shares(alpha: Doubles, beta: Doubles, counts: LongArray, begin: float, edges: Doubles) -> Doubles:
    """The integrals, float64 [items], of one of each kind."""
    widths = np.diff(edges)
    at = edges[:-1, None] + widths[:, None] * _AT  # [panels, nodes]
    above, below = log_expit(at), log_expit(-at)
    density = np.exp(
        alpha[:, None, None] * above + beta[:, None, None] * below - betaln(alpha, beta)[:, None, None]
    )  # [items, panels, nodes]
    whole = (density @ _SHARES) * widths
    before = np.cumsum(whole, axis=1) - whole + betainc(alpha, beta, 1.0 / (1.0 + np.exp(-begin)))[:, None]
    reached = before[:, :, None] + (density @ _WITHIN.T) * widths[:, None]
    np.clip(reached, 1e-300, None, out=reached)
    others = np.multiply.reduce(reached ** counts[:, None, None], axis=0) / reached
    return np.asarray(((density * others) @ _SHARES) @ widths, dtype=np.float64)
