"""The index of a large catalogue: built with the training, used only if it finds enough, saved with the version."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.models.artefact import load_parts, save_parts
from honeyguide.recommend.beside import load_content
from honeyguide.retrieval.content import CONTENT
from honeyguide.retrieval.index import GRAPH
from honeyguide.train import content
from honeyguide.train.content import content_of
from tests.shop import NOW, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=ManualClock(NOW), train=False) as hg:
        yield hg


def test_a_small_catalogue_has_no_index(shop: Honeyguide) -> None:
    found, notes = content_of(shop.runtime.store.catalogue, shop.runtime.settings, shop.runtime.clock)
    assert found is not None
    assert found.graph is None
    assert notes == ()


def test_a_large_one_has_one_that_says_what_it_finds(shop: Honeyguide, tmp_path: Path) -> None:
    store, settings, clock = shop.runtime.store, shop.runtime.settings, shop.runtime.clock
    found, (note,) = content_of(store.catalogue, settings, clock, exact_below=10)
    assert found is not None
    assert found.graph is not None
    assert note == "The index of 16 items by content finds 100.00% of the 100 nearest."
    folder = tmp_path / "version"
    folder.mkdir()
    found.graph.save(folder / GRAPH)
    save_parts(folder, CONTENT, found.arrays(), found.about(), [GRAPH])
    index = load_content(folder, shop.runtime.items)
    assert index is not None
    vector = index.vectors(shop.runtime.items, np.array([0], np.int32))[0]
    assert len(index.nearest(shop.runtime.items, vector, np.ones(16, np.bool_), 5)) == 5
    assert index.recall == 1.0
    (folder / GRAPH).write_bytes(b"x" + (folder / GRAPH).read_bytes()[1:])
    with pytest.raises(Exception, match="altered"):
        load_parts(folder, CONTENT, whole=True)


def test_an_index_that_finds_too_little_is_left_out(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LEAST_RECALL", 1.1)
    store, settings, clock = shop.runtime.store, shop.runtime.settings, shop.runtime.clock
    found, (note,) = content_of(store.catalogue, settings, clock, exact_below=10)
    assert found is not None
    assert found.graph is None
    assert "too few" in note
