"""The words of the synthetic shop, read from `vocabulary.toml` beside this file."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Shelf:
    """The lower level of the category tree: what stands together, what it costs and when it is in season.

    `price` is the median; `peak` the month (1-12) in which the shelf sells best, `swing` how much of its appeal the
    season moves (0 is none). A title is a word of the item's style, one of `makes` and one of `nouns`, in the order
    that `shape` gives. `motif` names the drawing on the cover.
    """

    department: str
    name: str
    motif: str
    price: float
    makes: tuple[str, ...]
    nouns: tuple[str, ...]
    peak: int
    swing: float
    shape: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def _shelf(row: dict[str, Any]) -> Shelf:
    return Shelf(
        department=row["department"],
        name=row["name"],
        motif=row["motif"],
        price=float(row["price"]),
        makes=_words(row["makes"]),
        nouns=_words(row["nouns"]),
        peak=row.get("peak", 1),
        swing=row.get("swing", 0.0),
        shape=row.get("shape", "{word} {make} {noun}"),
    )


_TABLE = tomllib.loads(resources.files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))

SHELVES: Final[tuple[Shelf, ...]] = tuple(_shelf(row) for row in _TABLE["shelves"])
"""All shelves, department by department."""

DEPARTMENTS: Final[tuple[str, ...]] = tuple(dict.fromkeys(shelf.department for shelf in SHELVES))

STYLES: Final[dict[str, tuple[str, ...]]] = {name: _words(text) for name, text in _TABLE["styles"].items()}
"""Each style and the words that its titles use; a style is also the palette of a cover."""

BRANDS: Final[tuple[str, ...]] = _words(_TABLE["brands"])

COUNTRIES: Final[dict[str, float]] = _TABLE["countries"]
"""Where users live, and the share of each country."""

AGE_BANDS: Final[dict[str, float]] = _TABLE["age_bands"]
"""How old users are, and the share of each band."""
