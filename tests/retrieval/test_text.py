"""Words and their directions: what counts as a term, and which items come out alike."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from honeyguide.retrieval.text import MOST_WORDS, directions, fit_text, unit, words_of

ALL = ("title", "categories", "properties")
SHOES = ["trail running shoe", "running shoe for road", "light running sock", "trail sock"]
TEAS = ["green tea leaves", "black tea leaves", "tea pot of glass", "glass cup for tea"]


@pytest.mark.parametrize(
    ("title", "categories", "properties", "fields", "terms"),
    [
        ("Café 2000!", (), {}, ALL, ["café", "2000"]),
        ("Ｆull-width", (), {}, ALL, ["full", "width"]),
        ("a", ("Tea Pots",), {}, ALL, ["a", "category:tea pots", "tea", "pots"]),
        ("a", ("b",), {"c": "d"}, ("title",), ["a"]),
        ("a", (), {"brand": "Acme", "new": True, "old": False, "size": 4}, ALL, ["a", "brand:acme", "acme", "new:true"]),
        ("", (), {"tags": ["x", "y", 3, None]}, ALL, ["tags:x", "x", "tags:y", "y"]),
        ("", (), {"brand": "Acme", "note": "n"}, ("properties.brand",), ["brand:acme", "acme"]),
        ("", (), {"deep": {"in": "x"}}, ALL, []),
        ("東京タワー", (), {}, ALL, ["東京", "京タ", "タワ", "ワー"]),
        ("\x00\ud800 _", (), {}, ALL, []),
    ],
)
def test_terms(
    title: str, categories: tuple[str, ...], properties: dict[str, object], fields: tuple[str, ...], terms: list[str]
) -> None:
    assert words_of(title, categories, properties, fields) == terms


def test_a_long_text_is_words_alone_and_is_cut() -> None:
    found = words_of("", (), {"description": "word " * 100_000}, ALL)
    assert found == ["word"] * MOST_WORDS


def test_items_that_share_no_word_are_alike_by_words_of_a_kind() -> None:
    space = fit_text([text.split() for text in SHOES + TEAS], 2)
    shoe, sock, cup = space.vectors([["running", "shoe"], ["sock"], ["glass", "cup"]])
    assert shoe @ sock > 0.9
    assert shoe @ cup < 0.2


def test_an_item_of_unknown_words_is_like_nothing() -> None:
    space = fit_text([text.split() for text in SHOES + TEAS], 4)
    assert not space.vectors([["submarine"], []]).any()


def test_the_same_texts_give_the_same_space() -> None:
    first, second = (fit_text([text.split() for text in SHOES + TEAS], 3, seed=7) for _ in range(2))
    assert (first.projection == second.projection).all()
    assert list(first.terms) == list(second.terms)


@pytest.mark.parametrize("documents", [[], [[]], [["once"]], [["a", "b"], ["c"]]])
def test_texts_that_share_nothing_have_no_directions(documents: list[list[str]]) -> None:
    space = fit_text(documents, 8)
    assert space.size == 0
    assert space.vectors([["a"]]).shape == (1, 0)


@pytest.mark.parametrize("sparse", [True, False])
def test_directions_are_those_of_the_full_decomposition(*, sparse: bool) -> None:
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((60, 5)) @ rng.standard_normal((5, 40))).astype(np.float32)
    found = directions(csr_array(matrix) if sparse else matrix, 5)
    exact = np.linalg.svd(matrix)[2][:5]
    assert np.abs(np.abs((exact * found.T).sum(axis=1)) - 1).max() < 1e-3


def test_directions_that_are_not_there_are_not_made_up() -> None:
    matrix = np.outer(np.arange(1, 9), np.arange(1, 6)).astype(np.float32)
    assert directions(matrix, 4).shape == (5, 1)


def test_nothing_has_no_length() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0.0, 0.0],
    ]
