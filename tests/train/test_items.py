"""Whether a version still knows the shop: item sets that shrank, catalogues under new ids."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from honeyguide.errors import GateNotMet
from honeyguide.train import promote
from honeyguide.train.items import ItemCheck, overlap
from honeyguide.types import LogRow
from tests.train.conftest import Shop, quick


def check(shop: Shop, **training: Any) -> ItemCheck:
    settings = quick(shop.folder, **training)
    return ItemCheck(shop.store.catalogue, shop.artefacts, shop.store.registry, settings.training)


def rows(shop: Shop, kind: Any, items: Sequence[str]) -> None:
    made = [
        LogRow(
            kind=kind, event_id=f"{kind}-{item}", ts=1, received_at=1, item_id=item, payload="{}" if "put" in kind else None
        )
        for item in items
    ]
    asyncio.run(shop.store.log.append(made))


def rename(shop: Shop) -> None:
    """Every item is deleted and comes again under another id."""
    old = shop.store.catalogue.item_ids()
    rows(shop, "item_put", [f"new-{item}" for item in old])
    rows(shop, "item_delete", old)


@pytest.mark.parametrize(
    ("items", "catalogue", "share"),
    [("abcd", "abcd", 1.0), ("ab", "abcdefgh", 1.0), ("abcdefgh", "gh", 1.0), ("abcd", "dxyz", 0.25), ("", "a", 1.0)],
)
def test_what_two_sets_have_in_common(items: str, catalogue: str, share: float) -> None:
    assert overlap(list(items), set(catalogue)) == share


def test_a_catalogue_renamed_overnight_is_noticed_before_anything_is_fitted(shop: Shop) -> None:
    shop.train()
    rename(shop)
    with pytest.raises(GateNotMet, match="ids of the catalogue had changed") as found:
        shop.train()
    assert found.value.code == "items_unknown"
    assert "training.min_overlap" in found.value.cure
    assert shop.champion() == "markov@1"
    assert shop.labels() == ["knn@1", "markov@1", "popular@1"]
    assert shop.train(quick(shop.folder, min_overlap=0)).champion == "markov@2"


def test_promoting_looks_at_the_items_and_going_back_does_not(shop: Shop) -> None:
    shop.train()
    shop.train()
    rename(shop)
    registry = shop.store.registry
    with pytest.raises(GateNotMet, match="knn@1 knows 24 items"):
        promote(registry, shop.artefacts, "champion", "knn", 1, check(shop))
    assert shop.champion() == "markov@2"
    assert promote(registry, shop.artefacts, "champion", "knn", 1).label == "knn@1"


def test_an_item_set_that_has_shrunk_by_half_is_refused(shop: Shop) -> None:
    shop.train()
    held = check(shop)
    held.items("champion", "x", [f"i{number}" for number in range(12)])
    with pytest.raises(GateNotMet, match=r"x knows 11 items, and markov@1, which it would replace as champion, knows 24"):
        held.items("champion", "x", [f"i{number}" for number in range(11)])
    held.items("challenger", "x", ["i1"])  # nothing to replace
    check(shop, min_items=0).items("champion", "x", ["i1"])


def test_items_that_left_and_items_that_nobody_touched_do_not_matter(shop: Shop) -> None:
    rows(shop, "item_put", [f"untouched{number}" for number in range(500)])
    rows(shop, "item_delete", [f"i{number}" for number in range(12)])
    assert shop.train().champion == "markov@1"
