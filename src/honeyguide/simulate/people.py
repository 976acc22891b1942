"""The people of the synthetic shop: what they like, what they spend, how often they come, and what they tell of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.simulate.arrays import Mask, Real, Whole
from honeyguide.simulate.vocabulary import AGE_BANDS, BRANDS, COUNTRIES, DEPARTMENTS, SHELVES, STYLES
from honeyguide.types import Json

LEANINGS: Final = 12
"""Latent ways to shop; a user is a mixture of a few of them."""

_TELLS_INTERESTS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Users:
    """Users in columns; row u is `user_{u + 1}`.

    `shelves` [u, shelves] and `styles` [u, styles] are how much more (in log odds) a user likes them than the average;
    `charm` [u, charms] pairs with the items'; `loves` [u, brands] marks loved brands and `loyalty` what that adds;
    `spends` is the price tier that suits; `novelty` the pull of new things; `sessions` the mean visits per day.
    """

    shelves: Real
    styles: Real
    charm: Real
    loves: Mask
    loyalty: Real
    spends: Real
    novelty: Real
    sessions: Real
    country: Whole
    age_band: Whole
    tells: Mask

    def __len__(self) -> int:
        return len(self.spends)

    def properties(self, user: int) -> Json:
        """What the shop is told: country, age band, and the two liked departments of a user who declares interests."""
        said: Json = {
            "country": tuple(COUNTRIES)[self.country[user]],
            "age_band": tuple(AGE_BANDS)[self.age_band[user]],
        }
        if self.tells[user]:
            said["interests"] = self._interests(user)
        return said

    def _interests(self, user: int) -> list[str]:
        liking = np.exp(self.shelves[user]).reshape(len(DEPARTMENTS), -1).sum(axis=1)
        return [DEPARTMENTS[number] for number in np.argsort(-liking, kind="stable")[:2]]


def draw_users(rng: np.random.Generator, count: int, *, charms: int) -> Users:
    """Draw `count` users: each mixes one to three leanings, and has a mind of their own beside them."""
    leanings = _Leanings.draw(rng, charms)
    mixture = rng.dirichlet(np.full(LEANINGS, 0.22), count)
    liking = (mixture @ leanings.shelves) * np.exp(rng.normal(0, 0.35, (count, len(SHELVES))))
    age = _draw_rows(rng, mixture @ leanings.ages)
    return Users(
        shelves=np.log(liking / liking.mean(axis=1, keepdims=True)).astype(np.float32),
        styles=(mixture @ leanings.styles + rng.normal(0, 0.3, (count, len(STYLES)))).astype(np.float32),
        charm=(mixture @ leanings.charm + rng.normal(0, 0.5, (count, charms))).astype(np.float32),
        loves=rng.random((count, len(BRANDS))) < 0.10,
        loyalty=rng.gamma(2.0, 0.3, count).astype(np.float32),
        spends=(rng.normal(0, 0.6, count) + 0.12 * (age - 2)).astype(np.float32),
        novelty=rng.gamma(1.5, 0.4, count).astype(np.float32),
        sessions=np.minimum(0.13 * (1 + rng.pareto(1.7, count)), 3.0).astype(np.float32),
        country=rng.choice(len(COUNTRIES), count, p=list(COUNTRIES.values())).astype(np.int32),
        age_band=age,
        tells=rng.random(count) < _TELLS_INTERESTS,
    )


@dataclass(frozen=True, slots=True)
class _Leanings:
    """What each leaning likes: `shelves` [l, shelves] > 0, `styles` [l, styles], `charm` [l, charms]; `ages` [l, bands]."""

    shelves: Real
    styles: Real
    charm: Real
    ages: Real

    @classmethod
    def draw(cls, rng: np.random.Generator, charms: int) -> "_Leanings":
        """Each leaning has four departments; taken together they favour no shelf, style or charm over another."""
        ages = np.array(list(AGE_BANDS.values())) * rng.gamma(1.5, 1.0, (LEANINGS, len(AGE_BANDS)))
        styles, charm = rng.normal(0, 1, (LEANINGS, len(STYLES))), rng.normal(0, 1, (LEANINGS, charms))
        shelves = _draw_shelves(rng)
        return cls(
            shelves=shelves / shelves.mean(axis=0),
            styles=styles - styles.mean(axis=0),
            charm=charm - charm.mean(axis=0),
            ages=ages / ages.sum(axis=1, keepdims=True),
        )


def _draw_shelves(rng: np.random.Generator) -> Real:
    """A little of everything, and two shelves in each of four departments, the first liked most."""
    per_department = len(SHELVES) // len(DEPARTMENTS)
    shelves = np.full((LEANINGS, len(SHELVES)), 0.10)
    for leaning in range(LEANINGS):
        others = rng.permutation(np.delete(np.arange(len(DEPARTMENTS)), leaning % len(DEPARTMENTS)))[:3]
        for department, strength in zip([leaning % len(DEPARTMENTS), *others], (2.4, 1.8, 1.4, 1.0), strict=True):
            chosen = rng.choice(per_department, 2, replace=False)
            shelves[leaning, department * per_department + chosen] += strength * rng.uniform(0.7, 1.3, 2)
    return shelves


def _draw_rows(rng: np.random.Generator, weights: Real) -> Whole:
    """One column per row, drawn by the row's weights: int32 [rows]."""
    bounds = np.cumsum(weights, axis=1)
    drawn: Whole = (rng.random((len(weights), 1)) * bounds[:, -1:] > bounds).sum(axis=1)
    return drawn.astype(np.int32)
