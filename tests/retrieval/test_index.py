"""The approximate index: what it finds, what it is beside exact products, what it does not cover."""

from pathlib import Path

import numpy as np
import pytest

from honeyguide.features import ItemBlock
from honeyguide.retrieval import content
from honeyguide.retrieval.content import ContentIndex, fit_content
from honeyguide.retrieval.index import LEAST_RECALL, Indexed, build, restored
from honeyguide.types import FloatArray, Item

SIZE = 8


def vectors(count: int) -> FloatArray:
    generator = np.random.default_rng(5)
    made = generator.standard_normal((count, SIZE)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def test_it_finds_what_exact_products_find_and_says_how_much(tmp_path: Path) -> None:
    made = vectors(3_000)
    graph = build(made)
    assert graph.recall >= LEAST_RECALL
    exact = np.argsort(-(made @ made[7]))[:20]
    assert len(set(graph.nearest(made[7], 20).tolist()) & set(exact.tolist())) >= 19
    graph.save(tmp_path / "graph")
    again = restored(tmp_path / "graph", SIZE, {"wide": graph.wide, "recall": graph.recall})
    assert again.nearest(made[7], 20).tolist() == graph.nearest(made[7], 20).tolist()


def test_what_has_no_vector_is_not_in_it() -> None:
    made = vectors(200)
    made[::2] = 0
    assert set(build(made).nearest(made[1], 100).tolist()) <= set(range(1, 200, 2))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    build(vectors(50)).save(tmp_path / "graph")
    with pytest.raises(ValueError, match="9 dimensions"):
        restored(tmp_path / "graph", 9, {"wide": 1, "recall": 1})


@pytest.fixture
def shop() -> ItemBlock:
    items = ItemBlock(keeps_vectors=True)
    given = [tuple(map(float, vector)) for vector in vectors(2_000)]
    items.put(Item(item_id=f"i{row}", sequence=row + 1, vector=vector) for row, vector in enumerate(given))
    return items


def indexes(items: ItemBlock) -> tuple[ContentIndex, ContentIndex]:
    """One with a graph of all items, and one without."""
    contents = [items.content(row) for row in range(len(items))]
    space = fit_content(contents, (), 16)
    graph = build(space.vectors(contents))
    indexed = Indexed.over(items, graph, list(items.ids), items.changed.copy())
    return ContentIndex(space, items, None, indexed), ContentIndex(space, items)


def test_lists_are_those_of_exact_products(shop: ItemBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "EXACT_BELOW", 100)
    quick, exact = indexes(shop)
    allowed = np.ones(len(shop), np.bool_)
    allowed[::3] = False
    same = 0
    for row in range(40):
        vector = exact.vectors(shop, np.array([row], np.int32))[0]
        mine, theirs = (index.nearest(shop, vector, allowed, 10) for index in (quick, exact))
        same += len(set(mine.rows.tolist()) & set(theirs.rows.tolist()))
        assert allowed[mine.rows].all()
        assert mine.scores is not None
        assert (np.diff(mine.scores) <= 0).all()
    assert same >= 0.99 * 400


def test_new_and_changed_items_are_found_beside_it(shop: ItemBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "EXACT_BELOW", 100)
    quick, _ = indexes(shop)
    target = quick.vectors(shop, np.array([0], np.int32))[0].copy()
    before = shop.content(0)
    assert before.vector is not None
    same = tuple(map(float, before.vector))
    away = tuple(map(float, -before.vector))
    shop.put([Item(item_id="new", sequence=9_000, vector=same), Item(item_id="i0", sequence=9_001, vector=away)])
    found = quick.nearest(shop, target, np.ones(len(shop), np.bool_), 10)
    assert shop.ids[found.rows[0]] == "new"
    assert 0 not in found.rows.tolist(), "it has become another"
    twin = shop.as_it_was([("i0", Item(item_id="i0", sequence=1, vector=same)), ("new", None)])
    then = quick.nearest(twin, target, ~twin.blocked, 10)
    assert then.rows[0] == 0


def test_a_question_to_which_few_answers_are_allowed_is_answered_exactly(
    shop: ItemBlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "EXACT_BELOW", 5)
    quick, exact = indexes(shop)
    vector = exact.vectors(shop, np.array([0], np.int32))[0]
    farthest = np.argsort(exact.vectors(shop, np.arange(len(shop), dtype=np.int32)) @ vector)[:1_000]
    allowed = np.zeros(len(shop), np.bool_)
    allowed[farthest] = True
    mine, theirs = (index.nearest(shop, vector, allowed, 10) for index in (quick, exact))
    assert mine.rows.tolist() == theirs.rows.tolist()
