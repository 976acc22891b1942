"""The words of the shop: complete, different from one another, and fit to be put together."""

import re
import string
from collections import Counter

import pytest

from honeyguide.simulate.vocabulary import AGE_BANDS, BRANDS, COUNTRIES, DEPARTMENTS, SHELVES, STYLES, Shelf


def test_eight_departments_of_five_shelves() -> None:
    assert len(DEPARTMENTS) == 8
    assert Counter(shelf.department for shelf in SHELVES) == dict.fromkeys(DEPARTMENTS, 5)
    assert [shelf.department for shelf in SHELVES] == [name for name in DEPARTMENTS for _ in range(5)]


def test_names_are_used_once() -> None:
    names = [*DEPARTMENTS, *(shelf.name for shelf in SHELVES)]
    assert len(set(names)) == len(names)
    assert len(set(BRANDS)) == len(BRANDS) == 40
    words = [word for style in STYLES.values() for word in style]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("shelf", SHELVES, ids=lambda shelf: shelf.motif)
def test_a_shelf_is_complete(shelf: Shelf) -> None:
    assert shelf.price > 0
    assert 1 <= shelf.peak <= 12
    assert 0 <= shelf.swing <= 1.5
    assert len(set(shelf.makes)) == len(shelf.makes) >= 5
    assert len(set(shelf.nouns)) == len(shelf.nouns) >= 3
    assert not set(shelf.makes) & set(shelf.nouns)
    fields = [field for _, field, _, _ in string.Formatter().parse(shelf.shape) if field]
    assert sorted(fields) == ["make", "noun", "word"]


@pytest.mark.parametrize("shelf", SHELVES, ids=lambda shelf: shelf.motif)
def test_there_are_titles_enough(shelf: Shelf) -> None:
    words = sum(map(len, STYLES.values()))
    assert words * len(shelf.makes) * len(shelf.nouns) > 1_000


def test_words_are_written_as_in_titles() -> None:
    words = [word for style in STYLES.values() for word in style]
    for text in [*words, *BRANDS, *(word for shelf in SHELVES for word in (*shelf.makes, *shelf.nouns))]:
        assert text == text.strip()
        assert re.match(r"[A-Z0-9]", text), text
        assert "  " not in text


@pytest.mark.parametrize("shares", [COUNTRIES, AGE_BANDS])
def test_shares_make_a_whole(shares: dict[str, float]) -> None:
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) > 0


def test_things_of_summer_and_of_winter() -> None:
    peak = {shelf.motif: shelf.peak for shelf in SHELVES if shelf.swing}
    assert {peak["tent"], peak["lantern"], peak["kite"]} <= {6, 7, 8}
    assert {peak["scarf"], peak["candle"], peak["dice"]} == {12}
    assert peak["sprout"] == 3
