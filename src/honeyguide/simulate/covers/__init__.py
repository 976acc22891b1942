"""Drawn covers: a small picture for every item, made of a backdrop, a thing and a few colours. No files, no network."""

import tomllib
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

import numpy as np


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))


_DRAWINGS: Final = _read("drawings.toml")
_PALETTES: Final = _read("palettes.toml")
_BACKDROPS: Final = _read("backdrops.toml")["backdrops"]

MOTIFS: Final = tuple(_DRAWINGS)
"""What can be drawn."""


def draw(motif: str, style: str, seed: int) -> str:
    """An SVG picture of `motif` in the colours of `style`; `seed` chooses palette, backdrop, detail and direction."""
    rng = np.random.default_rng(seed)
    drawing, palettes = _DRAWINGS[motif], _PALETTES[style]
    sky, ground, accent, main, dark, light = palettes[rng.integers(len(palettes))]
    colours = {"g": ground, "a": accent, "m": main, "d": dark, "l": light}
    backdrop = _BACKDROPS[rng.integers(len(_BACKDROPS))]
    details = drawing["details"]
    thing = drawing["body"] + details[rng.integers(len(details))]
    if rng.random() < 0.5:
        thing = f"<g transform='matrix(-1 0 0 1 200 0)'>{thing}</g>"
    shadow = "<ellipse cx='100' cy='162' rx='58' ry='7' fill='{d}' opacity='.22'/>"
    picture = (backdrop + shadow + thing).format_map(colours)
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 200 200'>"
        f"<rect width='200' height='200' fill='{sky}'/>{picture}</svg>"
    )


def cover(motif: str, style: str, seed: int) -> str:
    """The picture as a `data:` URL, so that a page shows it without asking anybody."""
    return "data:image/svg+xml," + quote(draw(motif, style, seed), safe="/:=' ().,;-_~!*")
