"""Likeness by content: the space, the index that follows the item block, and the source."""

from typing import Any

import numpy as np
import pytest

from honeyguide.features import ItemBlock
from honeyguide.models.knn import Knn
from honeyguide.protocols import Described, ServedModel
from honeyguide.retrieval.content import ContentIndex, ContentSource, ContentSpace, fit_content
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.types import Interactions, Item
from tests.world import ids, item, request

FIELDS = ("title", "categories", "properties")
TITLES = {
    "shoe": "trail running shoe",
    "road": "road running shoe",
    "sock": "running sock",
    "leaf": "green tea leaves",
    "black": "black tea leaves",
    "pot": "tea pot",
}


def shop(**more: Item) -> ItemBlock:
    made = ItemBlock(keeps_vectors=True)
    made.put(
        [item(name, "sport" if "running" in title else "tea", title=title, sequence=1) for name, title in TITLES.items()]
    )
    made.put(more.values())
    return made


def space_of(items: ItemBlock, dimensions: int = 8) -> ContentSpace:
    return fit_content([items.content(row) for row in range(len(items))], FIELDS, dimensions)


def alike(items: ItemBlock, index: ContentIndex, name: str) -> list[str]:
    row = np.array([items.number(name)], np.int32)
    allowed = np.ones(len(items), np.bool_)
    allowed[row] = False
    return ids(items, index.nearest(items, index.vectors(items, row)[0], allowed, 10).rows)


def test_an_item_that_comes_later_has_neighbours_at_once() -> None:
    items = shop()
    index = ContentIndex(space_of(items), items)
    assert set(alike(items, index, "shoe")) == {"road", "sock"}
    items.put([item("new", "sport", title="running shoe", sequence=9)])
    assert alike(items, index, "new")[0] in {"shoe", "road"}
    assert "new" in alike(items, index, "shoe")


def test_a_changed_item_is_like_others_than_before() -> None:
    items = shop()
    index = ContentIndex(space_of(items), items)
    assert "pot" in alike(items, index, "leaf")
    items.put([item("pot", "sport", title="running shoe", sequence=2)])
    assert "pot" not in alike(items, index, "leaf")
    assert "pot" in alike(items, index, "shoe")


def test_a_block_as_it_was_has_the_vectors_of_then() -> None:
    items = shop()
    index = ContentIndex(space_of(items), items)
    before = index.vectors(items, np.arange(len(items), dtype=np.int32)).copy()
    old = Item(item_id="pot", title=TITLES["pot"], categories=("tea",), sequence=1)
    items.put([item("pot", "sport", title="running shoe", sequence=5), item("new", "tea", title="tea", sequence=6)])
    index.vectors(items, np.empty(0, np.int32))
    twin = items.as_it_was([("pot", old), ("new", None)])
    rows = np.arange(len(before), dtype=np.int32)
    assert np.allclose(index.vectors(twin, rows), before)
    assert not np.allclose(index.vectors(items, rows), before), "and those of now stay"


def test_many_items_one_by_one_are_the_same_as_at_once() -> None:
    late = [item(f"n{number}", "tea", title=f"tea {number % 7} leaves", sequence=10 + number) for number in range(2_000)]
    items, all_at_once = shop(), shop()
    space = space_of(items)
    index = ContentIndex(space, items)
    for each in late:
        items.put([each])
        index.vectors(items, np.empty(0, np.int32))
    all_at_once.put(late)
    rows = np.arange(len(items), dtype=np.int32)
    assert np.allclose(index.vectors(items, rows), ContentIndex(space, all_at_once).vectors(all_at_once, rows), atol=1e-6)


def test_vectors_of_their_owners_count_as_much_as_words() -> None:
    items = shop(
        a=item("a", title="zzz", vector=(1.0, 0.0), sequence=2),
        b=item("b", title="yyy", vector=(5.0, 0.1), sequence=2),
        c=item("c", title="xxx", vector=(0.0, 2.0), sequence=2),
        odd=item("odd", title="www", vector=(1.0, 0.0, 0.0), sequence=2),
        none=item("none", title="vvv", vector=(0.0, 0.0), sequence=2),
    )
    index = ContentIndex(space_of(items), items)
    assert alike(items, index, "a") == ["b"]
    assert alike(items, index, "odd") == [], "a vector of another length is none"
    assert alike(items, index, "none") == []


def test_long_vectors_are_reduced() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.standard_normal((3, 100))
    given = [Described("", (), {}, (kinds[n % 3] + 0.1 * rng.standard_normal(100)).astype(np.float32)) for n in range(60)]
    space = fit_content(given, FIELDS, 8)
    assert space.size == 8
    found = space.vectors(given)
    assert (found[:3] @ found[3:6].T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_space_is_read_back_as_it_was() -> None:
    items = shop(a=item("a", title="tea", vector=(1.0, 2.0), sequence=2))
    space = space_of(items)
    again = ContentSpace.of(space.arrays(), space.about())
    contents = [items.content(row) for row in range(len(items))]
    assert (again.vectors(contents) == space.vectors(contents)).all()


@pytest.mark.parametrize("spoil", ["terms", "nan"])
def test_a_spoiled_space_is_refused(spoil: str) -> None:
    space = space_of(shop())
    about, arrays = space.about(), dict(space.arrays())
    if spoil == "terms":
        about["terms"] = about["terms"][1:]
    else:
        arrays["text"] = np.full_like(arrays["text"], np.nan)
    with pytest.raises(ValueError, match=r"belong|finite"):
        ContentSpace.of(arrays, about)


def model(items: ItemBlock) -> ServedModel:
    """Knows shoe, sock and leaf."""
    known = ["shoe", "sock", "leaf"]
    pairs = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)], np.int32).T
    ones = np.ones(5, np.float32)
    learned = Knn().fit(Interactions(pairs[0].copy(), pairs[1].copy(), ones, np.zeros(5, np.int64), 3, 3))
    return tie_to_block("knn@1", learned, known, [], items)


def found(items: ItemBlock, *history: str, **fields: Any) -> list[str]:
    served = fields.pop("model", None) or model(items)
    asked = request(
        items,
        history=[(name, "view", 1.0) for name in history],
        model=served if served != "none" else None,
        content=ContentIndex(space_of(items), items),
        **fields,
    )
    return ids(items, ContentSource().retrieve(asked, np.ones(len(items), np.bool_)).rows)


def test_a_history_finds_what_is_like_it_and_the_model_does_not_know() -> None:
    assert found(shop(), "shoe") == ["road"], "sock is like it too, but the model knows it"


def test_a_history_that_the_model_knows_nothing_of_finds_everything() -> None:
    assert set(found(shop(), "road")) == {"shoe", "sock"}


def test_an_anchor_finds_what_is_like_it() -> None:
    assert found(shop(), item_id="shoe") == ["road"]
    assert set(found(shop(), item_id="black")) == {"black", "leaf", "pot"}, "the filters take the anchor out"
    assert found(shop(), item_id="nowhere") == []
    assert "leaf" in found(shop(), item_id="black", model="none")


def test_items_that_come_while_a_list_is_made_are_for_the_next_one() -> None:
    items = shop()
    content, served, allowed = ContentIndex(space_of(items), items), model(items), np.ones(len(items), np.bool_)
    asked = request(items, history=[("shoe", "view", 1.0)], model=served, content=content)
    items.put([item("trail", "sport", title="another trail running shoe", sequence=2)])
    assert ids(items, ContentSource().retrieve(asked, allowed).rows) == ["road"]


def test_popularity_alone_stays_as_it_is() -> None:
    assert found(shop(), "shoe", model="none") == []


def test_what_is_disliked_pushes_its_kind_away() -> None:
    items = shop()
    asked = request(
        items,
        history=[("shoe", "view", 1.0), ("pot", "dislike", -4.0)],
        model=model(items),
        content=ContentIndex(space_of(items), items),
    )
    assert ids(items, ContentSource().retrieve(asked, np.ones(len(items), np.bool_)).rows) == ["road"]


def test_a_surface_can_do_without() -> None:
    assert found(shop(), "shoe", surface={"content": 0}) == []
