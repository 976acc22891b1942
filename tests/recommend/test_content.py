"""Likeness by content on the request path: trained, published, served, replayed, refused when it is damaged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Content
from honeyguide.errors import DamagedArtefact
from honeyguide.train import promote
from tests.shop import HOUR, NOW, TEA, open_shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock) as hg:
        yield hg


def put(hg: Honeyguide, item_id: str, *categories: str, **fields: Any) -> None:
    old = {"created_at": NOW - 100 * 24 * HOUR}  # no new item by its age, so that no other source has it early
    assert not hg.ingest(
        [{"item_id": item_id, "title": item_id, "categories": list(categories), **old, **fields}], "items"
    ).rejected


def by_content(hg: Honeyguide, user: str = "u0", **query: Any) -> list[str]:
    slate = hg.recommend(user, n=20, explain=True, **query)
    return [item.item_id for item in slate.items if "content" in item.sources]


def test_an_item_without_events_is_recommended_at_once(shop: Honeyguide) -> None:
    assert by_content(shop) == [], "the model knows all items"
    put(shop, "teapot", "kitchen")
    put(shop, "racket", "sport")
    assert by_content(shop) == ["teapot"]
    slate = shop.recommend("u0", n=20, explain=True)
    (item,) = [item for item in slate.items if item.item_id == "teapot"]
    assert item.reason.code == "similar_content"


def test_a_new_item_has_similar_items_and_is_one(shop: Honeyguide) -> None:
    put(shop, "teapot", "kitchen")
    assert by_content(shop, surface="similar", item_id=TEA[0]) == ["teapot"]
    slate = shop.recommend("u0", n=8, surface="similar", item_id="teapot")
    assert slate.rung == "similar"
    assert {item.item_id for item in slate.items} == set(TEA)
    assert slate.items[0].reason.text == "much like teapot"


def test_a_list_with_it_is_made_again_after_the_item_has_changed(shop: Honeyguide, clock: ManualClock) -> None:
    put(shop, "teapot", "kitchen")
    slate = shop.recommend("u0", n=20)
    shop.run(shop.runtime.slates.round())
    clock.advance(60)
    put(shop, "teapot", "sport")
    put(shop, "pan", "kitchen")
    assert by_content(shop, dry_run=True) == ["pan"]
    assert shop.explain(slate.request_id).matches


def test_the_version_of_a_list_names_its_likeness(shop: Honeyguide) -> None:
    put(shop, "teapot", "kitchen")
    label = shop.runtime.store.registry.versions("ease")[0].label
    shop.train()
    assert by_content(shop, model=label) == ["teapot"], "the space of that training"
    assert by_content(shop) == ["teapot"], "nobody has touched it yet, so no model knows it"


def test_damaged_files_are_refused(shop: Honeyguide) -> None:
    folder = shop.runtime.artefacts.path("popular", 1)
    (folder / "content.safetensors").write_bytes(b"damaged")
    with pytest.raises(DamagedArtefact, match="content"):
        promote(shop.runtime.store.registry, shop.runtime.artefacts, "champion", "ease", 1)


def test_a_shop_can_do_without(tmp_path: Path) -> None:
    with open_shop(tmp_path, content=Content(fields=[])) as shop:
        put(shop, "teapot", "kitchen")
        assert by_content(shop) == []


def test_vectors_of_another_length_are_refused(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False, content=Content(vector_size=3)) as shop:
        (fault,) = shop.ingest([{"item_id": "short", "vector": [1.0, 2.0]}], "items").rejected
        assert (fault.code, fault.pointer) == ("bad_vector", "/vector")
        assert not shop.ingest([{"item_id": "right", "vector": [1.0, 2.0, 3.0]}], "items").rejected
