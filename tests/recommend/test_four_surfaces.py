"""The shop with four surfaces from one file: that of the examples, and that of the simulated shop."""

from pathlib import Path

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config import Settings, load
from honeyguide.messages import EventIn, Slate
from honeyguide.simulate.folder import open_folder
from tests.rules import ROOT
from tests.shop import NOW, TEA, open_shop

EXAMPLE = ROOT / "examples" / "surfaces" / "honeyguide.toml"
NAMES = ["home", "similar", "cart", "email"]


def simulated(folder: Path) -> Path:
    """The configuration of a simulated shop."""
    return open_folder(folder / "demo", ManualClock(NOW), items=80, users=20).config


def settings_in(tmp_path: Path, which: str) -> Settings:
    return load(EXAMPLE if which == "example" else simulated(tmp_path), environ={}).settings


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def do(shop: Honeyguide, kind: str, item: str) -> None:
    event = EventIn(type=kind, user_id="u0", item_id=item)
    assert shop.run(shop.runtime.ingest.events([event])).accepted == 1


@pytest.mark.parametrize("which", ["example", "simulated"])
def test_every_surface_answers_as_its_file_says(tmp_path: Path, which: str) -> None:
    settings = settings_in(tmp_path, which)
    assert [surface.name for surface in settings.surfaces] == NAMES
    with open_shop(tmp_path / "shop", clock=ManualClock(NOW), surfaces=settings.surfaces) as shop:
        before = {name: ids(shop.recommend("u0", n=50, surface=name, item_id="tea")) for name in NAMES}
        assert len(before["home"]) > 12
        assert 6 <= len(before["similar"]) < len(before["home"])
        assert 4 <= len(before["cart"]) < len(before["home"])
        seen = {e.item_id for e in shop.run(shop.runtime.store.log.user_state("u0", limit=100)).events}
        assert not seen & set(before["email"])

        put = next(name for name in before["cart"] if name in TEA)
        do(shop, "add_to_cart", put)
        slates = {name: shop.recommend("u0", n=50, surface=name, item_id="tea") for name in NAMES}
        assert put not in ids(slates["cart"]), "made anew at once, without what is in the cart"
        assert put in ids(slates["home"])
        assert slates["email"].served_from == "stale", "once a day: the letter is not made anew for that"

        told = {name: shop.recommend("u0", n=9, surface=name, item_id="tea", explain=True).trace or {} for name in NAMES}
        assert "diversity" in [step["pass"] for step in told["email"]["reranked"]]
        assert told["cart"]["beyond_minimum"] > 0
        shop.run(shop.runtime.slates.round())
        assert all(shop.run(shop.runtime.recommend.explain(slates[name].request_id)).matches for name in ("home", "cart"))


def test_an_item_of_a_moment_ago_has_a_list_of_its_own_and_a_place_in_others(tmp_path: Path) -> None:
    """Nobody has touched it: what it is like is told by what it is."""
    settings = settings_in(tmp_path, "example")
    with open_shop(tmp_path / "shop", clock=ManualClock(NOW), surfaces=settings.surfaces) as shop:
        new = {"item_id": "samovar", "title": "Tea Kettle Pot", "categories": ["kitchen"], "created_at": NOW}
        shop.ingest([new], "items")
        beside = shop.similar("samovar", n=6)
        assert beside.items[0].reason.code == "similar_content"
        assert beside.items[0].item_id in TEA
        assert "samovar" in ids(shop.recommend("u0", n=50))
