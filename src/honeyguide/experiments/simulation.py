"""Experiments that never were: what each engine would have said of a difference that is known, look by look.

Users come by and by, come back, and differ in how often and how gladly they click; the treatment multiplies their click
rate. Many runs at once, as arrays [runs, looks, arms], so that thousands take seconds. `engines` judges them by the same
formulas as results of real experiments (a test compares them run by run).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Wide = NDArray[np.float64]
_MOST_VISITS: Final = 8
_SHOWN_BEFORE: Final = 20
_CELLS: Final = 1_000_000
"""Users times visits that are drawn at once: what bounds the memory."""


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated: `users` of both arms together arrive evenly over `days` and make `visits` each on average, with
    `shown` items per visit. Their click rates have the mean `rate` and spread as a Beta of `alike` units (the fewer, the
    less alike). `lift` is what the treatment adds to them, relatively; `share` of the users are meant for it, and
    `lost` of those never arrive, as in a broken split. A click is a purchase with probability `buys`; at weekends rates are
    `weekend` times as high, in both arms."""

    users: int = 10_000
    days: int = 14
    rate: float = 0.05
    lift: float = 0.0
    visits: float = 3.0
    shown: float = 7.0
    alike: float = 20.0
    share: float = 0.5
    lost: float = 0.0
    buys: float = 0.15
    weekend: float = 1.0

    def __post_init__(self) -> None:
        for name, sound in _SOUND.items():
            if not sound[0] <= getattr(self, name) <= sound[1]:
                raise ValueError(
                    f"{name} = {getattr(self, name):g} cannot be simulated: it is within {sound[0]:g} and {sound[1]:g}"
                )
        if self.rate * (1 + self.lift) * max(self.weekend, 1.0) > _HIGHEST:
            raise ValueError(f"a rate of {self.rate:g} and a lift of {self.lift:+.0%} make a click rate above {_HIGHEST}")

    @property
    def shown_per_user(self) -> float:
        """Items shown to a user in the whole run, on average."""
        extra = stats.poisson(self.visits - 1)
        visits = 1 + sum(min(k, _MOST_VISITS - 1) * extra.pmf(k) for k in range(60))
        return float(visits * self.shown)


_HIGHEST: Final = 0.5
_SOUND: Final = {
    "users": (2, 10_000_000), "days": (1, 366), "rate": (1e-6, 0.5), "lift": (-1, 10), "visits": (1, 5), "shown": (1, 1_000),
    "alike": (0.5, 1e6), "share": (0.001, 0.999), "lost": (0, 0.99), "buys": (0, 1), "weekend": (0.1, 10),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Runs:
    """Sums over the users who have come up to each look, float64 [runs, looks, arms]: their number; clicks (x), items shown
    (y), squares and products of both; users who bought; clicks before the experiment (z), their squares, and x times z."""

    units: Wide
    x: Wide
    xx: Wide
    y: Wide
    yy: Wide
    xy: Wide
    bought: Wide
    z: Wide
    zz: Wide
    xz: Wide

    def at(self, looks: int) -> "Runs":
        """The same at fewer looks, evenly spaced, the last one included; `looks` divides those that there are."""
        step = self.units.shape[1] // looks
        return Runs(*(getattr(self, each.name)[:, step - 1 :: step] for each in fields(self)))


def simulated(world: World, *, runs: int, looks: int, seed: int) -> Runs:
    """So many runs of an experiment in a world, each looked at so often at even distances. The seed settles all of it."""
    parts = list(_parts(world, runs, looks, np.random.default_rng(seed)))
    return Runs(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Runs)))


def _parts(world: World, runs: int, looks: int, rng: np.random.Generator) -> Iterator[Runs]:
    together = max(1, _CELLS // (world.users * _MOST_VISITS))
    for begin in range(0, runs, together):
        yield _part(world, min(together, runs - begin), looks, rng)


def _part(world: World, runs: int, looks: int, rng: np.random.Generator) -> Runs:
    who = (runs, world.users)
    treated = rng.random(who) < world.share
    here = ~(treated & (rng.random(who) < world.lost)) if world.lost else np.ones(who, np.bool_)
    at = _times(world, who, rng)
    liking = rng.beta(world.alike * world.rate, world.alike * (1 - world.rate), who)
    rate = liking[..., None] * np.where(treated, 1 + world.lift, 1.0)[..., None]
    if world.weekend != 1:
        rate = rate * np.where((at * world.days).astype(np.int64) % 7 >= 5, world.weekend, 1.0)
    visited = np.arange(_MOST_VISITS) <= rng.poisson(world.visits - 1, who)[..., None]
    shown = (1 + rng.poisson(world.shown - 1, (*who, _MOST_VISITS))) * (visited & here[..., None])
    clicks = rng.binomial(shown, np.minimum(rate, 1.0))
    before = rng.binomial(_SHOWN_BEFORE, liking) * here
    bought = np.cumsum(rng.binomial(clicks, world.buys), axis=-1) > 0
    cells = ((np.arange(runs)[:, None, None] * looks + np.minimum(at * looks, looks - 1).astype(np.int64)) * 2) + treated[
        ..., None
    ]
    x, y = np.cumsum(clicks, axis=-1), np.cumsum(shown, axis=-1)
    first = np.zeros(at.shape)
    first[..., 0] = here

    def sums(gained: NDArray[np.generic]) -> Wide:
        found = np.bincount(cells.ravel(), weights=gained.ravel().astype(np.float64), minlength=runs * looks * 2)
        return np.cumsum(found.reshape(runs, looks, 2), axis=1)

    return Runs(
        units=sums(first),
        x=sums(clicks),
        xx=sums(_gained(x * x)),
        y=sums(shown),
        yy=sums(_gained(y * y)),
        xy=sums(_gained(x * y)),
        bought=sums(_gained(bought.astype(np.float64))),
        z=sums(first * before[..., None]),
        zz=sums(first * (before * before)[..., None]),
        xz=sums(clicks * before[..., None]),
    )


def _times(world: World, who: tuple[int, int], rng: np.random.Generator) -> Wide:
    """When each visit is, from 0 to 1, in order: a user arrives, and comes back at any time after."""
    arrival = rng.random(who)[..., None]
    later = arrival + (1 - arrival) * np.sort(rng.random((*who, _MOST_VISITS - 1)), axis=-1)
    return np.concatenate([arrival, later], axis=-1)


def _gained(total: NDArray[np.generic]) -> Wide:
    """What each visit adds to a running total."""
    return np.diff(total.astype(np.float64), axis=-1, prepend=0.0)
