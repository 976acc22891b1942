"""What a search may try: for each model the hyper-parameters that matter, and where good values lie.

A model without an entry is tried with its defaults alone. Values are rounded to two digits, so that trials repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, floor, log, log10
from types import MappingProxyType
from typing import Any, Final

import numpy as np

Number = float | int
_STEPS: Final = 6e10


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, evenly by their logarithm if `by_log`, whole ones if both ends are."""

    low: Number
    high: Number
    by_log: bool = False

    def draw(self, generator: np.random.Generator) -> Number:
        """A value from anywhere."""
        return self._value(float(generator.random()))

    def near(self, value: Any, generator: np.random.Generator) -> Number:
        """A value around `value`: a normal step of a sixth of the range."""
        return self._value(self._place(float(value)) + float(generator.normal(0.0, 1 / 6)))

    def _place(self, value: float) -> float:
        """Where a value lies, 0 to 1."""
        if self.by_log:
            return log(max(value, self.low) / self.low) / log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def _value(self, place: float) -> Number:
        inside = min(max(place, 0.0), 1.0)
        if self.by_log:
            exact = self.low * exp(inside * log(self.high / self.low))
        else:
            exact = self.low + inside * (self.high - self.low)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return min(max(int(_two_digits(exact)), self.low), self.high)
        return min(max(_two_digits(exact), float(self.low)), float(self.high))


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values, in an order in which neighbours are alike."""

    values: tuple[Any, ...]

    def draw(self, generator: np.random.Generator) -> Any:
        """A value from anywhere."""
        return self.values[int(generator.integers(len(self.values)))]

    def near(self, value: Any, generator: np.random.Generator) -> Any:
        """A neighbour of `value`; any value where it is none of ours."""
        if value not in self.values or len(self.values) == 1:
            return self.draw(generator)
        step = 1 if generator.random() < 0.5 else -1
        place = self.values.index(value) + step
        return self.values[place if 0 <= place < len(self.values) else place - 2 * step]


Space = Mapping[str, Range | OneOf]

_POWER: Final = OneOf((0.0, 0.25, 0.5, 1.0))
_HALF_LIFE: Final = OneOf((0.0, 365.0, 90.0, 30.0, 7.0))
_RECENCY: Final = OneOf((1.0, 0.98, 0.95, 0.9, 0.8))
_NEXT: Final[Space] = {
    "window": OneOf((1, 2, 3, 5, 10, 20)),
    "decay": Range(0.3, 1.0),
    "recency": Range(0.3, 1.0),
    "latest": OneOf((5, 10, 20, 50)),
    "half_life": _HALF_LIFE,
    "power": _POWER,
}

SPACES: Final[Mapping[str, Space]] = MappingProxyType(
    {
        "popular": {"half_life": Range(1.0, 365.0, by_log=True), "floor": OneOf((0.0, 0.02, 0.05, 0.2, 0.5))},
        "trending": {"half_life": Range(0.2, 60.0, by_log=True), "lift": Range(0.0, 1.0)},
        "markov": {**_NEXT, "kappa": Range(0.5, 200.0, by_log=True)},
        "bayes": {
            **_NEXT,
            "kappa": Range(0.05, 20.0, by_log=True),
            "target": Range(0.3, 1.0),
            "shrinkage": Range(1.0, 1_000.0, by_log=True),
            "prior": Range(0.0, 3.0),
        },
        "knn": {
            "weighting": OneOf(("plain", "tfidf", "bm25")),
            "k": OneOf((50, 100, 200, 500)),
            "users": Range(0.0, 1.0),
            "source": Range(0.0, 1.0),
            "target": Range(0.0, 1.0),
            "shrinkage": OneOf((0.0, 1.0, 10.0, 100.0)),
            "power": _POWER,
            "half_life": _HALF_LIFE,
            "recency": _RECENCY,
        },
        "graph": {
            "users": Range(0.0, 1.2),
            "source": Range(0.3, 1.2),
            "target": Range(0.0, 0.7),
            "k": OneOf((200, 500, 1_000)),
            "factors": OneOf((0, 64, 128, 256)),
            "share": Range(0.02, 2.0, by_log=True),
            "power": _POWER,
            "half_life": _HALF_LIFE,
            "recency": _RECENCY,
        },
        "ridge": {
            "l2": Range(1.0, 1_000.0, by_log=True),
            "users": Range(0.0, 1.0),
            "k": OneOf((50, 100, 200)),
            "power": _POWER,
            "half_life": _HALF_LIFE,
            "recency": _RECENCY,
        },
        "ease": {
            "l2": Range(5.0, 5_000.0, by_log=True),
            "power": _POWER,
            "half_life": _HALF_LIFE,
            "recency": _RECENCY,
        },
        "als": {
            "factors": OneOf((32, 64, 128, 256)),
            "alpha": Range(0.5, 100.0, by_log=True),
            "regularization": Range(0.1, 200.0, by_log=True),
            "power": _POWER,
            "half_life": _HALF_LIFE,
            "recency": _RECENCY,
        },
    }
)
"""Model -> hyper-parameter -> its values."""

CHEAP_FIRST: Final = ("popular", "trending", "markov", "bayes", "knn", "graph", "ease", "als", "ridge", "blend")
"""The order in which models are tried: what costs little is known before what costs much is begun."""


def in_order(kinds: Mapping[str, object] | list[str]) -> list[str]:
    """The models by what they cost, those that are not in the list last, each once."""
    return sorted(dict.fromkeys(kinds), key=lambda kind: CHEAP_FIRST.index(kind) if kind in CHEAP_FIRST else 99)


def searchable(kind: str) -> bool:
    """Whether there is anything to try of a model but its defaults."""
    return bool(SPACES.get(kind))


def drawn(kind: str, params: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """`params` with half of what the space of `kind` knows, and at least one, drawn anew: what is left is good by itself."""
    space = SPACES.get(kind, {})
    return dict(params) | {name: space[name].draw(generator) for name in _some(space, 1 / 2, generator)}


def nearby(kind: str, params: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """`params` with about a third of the hyper-parameters, and at least one, moved a little."""
    space = SPACES.get(kind, {})
    return dict(params) | {name: space[name].near(params[name], generator) for name in _some(space, 1 / 3, generator)}


def _some(space: Space, share: float, generator: np.random.Generator) -> list[str]:
    """About a share of the names, and at least one."""
    names = [name for name in space if generator.random() < share]
    return names or list(space)[(at := int(generator.integers(max(1, len(space))))) : at + 1]


def first_guess(kind: str, params: Mapping[str, Any], items: int) -> float:
    """Seconds of the first trial of a model, on any rung: what grows with the items and not with the users is guessed.

    EASE inverts a matrix of items x items: items^3 steps, of which a core does some 6e10 a second."""
    return min(items, int(params.get("max_items", items))) ** 3 / _STEPS if kind == "ease" else 0.0


def _two_digits(value: float) -> float:
    return value if value == 0 else round(value, 1 - floor(log10(abs(value))))
