"""Covers: well formed, small, self-contained pictures, the same from the same seed."""

import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from honeyguide.simulate.covers import MOTIFS, cover, draw
from honeyguide.simulate.vocabulary import SHELVES, STYLES

SHEET = Path(__file__).parents[2] / "docs" / "assets" / "covers.svg"
SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"rect", "circle", "ellipse", "path", "g"}


def test_every_shelf_has_a_drawing_of_its_own() -> None:
    assert sorted(shelf.motif for shelf in SHELVES) == sorted(MOTIFS)


@pytest.mark.parametrize("motif", MOTIFS)
def test_pictures_are_well_formed_and_made_of_shapes_alone(motif: str) -> None:
    for number, style in enumerate(STYLES):
        for seed in range(number, 200, 40):
            picture = ElementTree.fromstring(draw(motif, style, seed))
            assert picture.tag == f"{SVG}svg"
            assert {element.tag.removeprefix(SVG) for element in picture.iter()} - {"svg"} <= SHAPES
            attributes = " ".join(value for element in picture.iter() for value in element.attrib.values())
            assert not re.search(r"url\(|https?:|[{}]", attributes)


def test_colours_are_those_of_the_style() -> None:
    fjord, ember = (set(re.findall(r"#[0-9a-f]{6}", draw("mug", style, 1))) for style in ("fjord", "ember"))
    assert len(fjord) >= 4
    assert not fjord & ember


def test_they_are_small() -> None:
    sizes = [len(cover(motif, style, seed)) for motif in MOTIFS for style in STYLES for seed in range(3)]
    assert max(sizes) < 1_700
    assert sum(sizes) / len(sizes) < 1_100


def test_the_address_holds_the_picture_and_only_characters_of_an_address() -> None:
    address = cover("kettle", "dusk", 4)
    head, _, body = address.partition(",")
    assert head == "data:image/svg+xml"
    assert unquote(body) == draw("kettle", "dusk", 4)
    assert not re.search(r"[<>#\"\s]", body.replace(" ", ""))


def test_the_seed_decides() -> None:
    assert draw("tent", "coast", 9) == draw("tent", "coast", 9)
    assert len({draw("tent", "coast", seed) for seed in range(40)}) > 25


def sheet(columns: int = 8, rows: int = 2) -> str:
    """Some covers side by side."""
    cells = []
    for place in range(columns * rows):
        picture = draw(MOTIFS[place * 5 % 39], tuple(STYLES)[place * 3 % 8], place)
        at = f"x='{place % columns * 110}' y='{place // columns * 110}' width='100' height='100'"
        cells.append(picture.replace("<svg xmlns='http://www.w3.org/2000/svg'", f"<svg {at}", 1))
    box = f"0 0 {columns * 110 - 10} {rows * 110 - 10}"
    return f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='{box}'>\n" + "\n".join(cells) + "\n</svg>\n"


def test_the_picture_in_the_docs_shows_covers_as_they_are() -> None:
    """After a change of the drawings: `python -m tests.simulate.test_covers`."""
    assert SHEET.read_text(encoding="utf-8") == sheet()


if __name__ == "__main__":
    SHEET.write_text(sheet(), encoding="utf-8")
