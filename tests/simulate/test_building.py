"""Filling a demo's project: whole, once, and again from where it was broken off."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.errors import InvalidInput
from honeyguide.messages import IngestReport, Rejected
from honeyguide.simulate import history
from honeyguide.simulate.building import build, require_all, settings_of
from honeyguide.simulate.folder import Folder, open_folder
from honeyguide.simulate.screen import Screen

CLOCK = ManualClock(1_780_000_000_000)


@pytest.fixture(autouse=True)
def two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models are enough to see that training is done."""
    monkeypatch.setenv("HONEYGUIDE_MODELS__TRAIN", '["popular", "ease"]')


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return open_folder(tmp_path / "shop", CLOCK, items=120, users=50)


def screen() -> tuple[Screen, io.StringIO]:
    stream = io.StringIO()
    return Screen(Console(file=stream, width=120), CLOCK), stream


def test_everything_is_in_the_project(folder: Folder) -> None:
    shown, stream = screen()
    shop, past = build(folder, shown)
    events = history(shop)
    assert past.height == events.height
    assert f"{events.height:,} events of 30 days" in stream.getvalue()
    with Honeyguide.open(settings_of(folder)) as hg:
        assert hg.runtime.store.registry.aliases()["champion"].version == 1
        items = hg.run(hg.runtime.store.catalogue.items(limit=1_000))
        users = hg.run(hg.runtime.store.catalogue.users(limit=1_000))
        slate = hg.recommend("user_3", 10)
    exist = [row for row in shop.item_rows() if row["created_at"] <= shop.opened_at]
    assert {item.item_id for item in items} == {row["item_id"] for row in exist}
    first = next(item for item in items if item.item_id == "item_1")
    assert first.title == shop.items.titles[0]
    assert list(first.categories) == shop.categories(0)
    assert (first.image_url or "").startswith("data:image/svg+xml,")
    assert {user.user_id for user in users} == set(shop.user_ids)
    assert users[0].properties["country"]
    assert len(slate.items) == 10


def test_what_was_broken_off_is_completed_and_counts_once(folder: Folder) -> None:
    shop = folder.note.shop()
    events = history(shop)
    with Honeyguide.open(settings_of(folder)) as hg:  # as a build leaves it that was stopped in the middle
        hg.ingest(list(shop.item_rows())[:50], "items")
        hg.ingest(events.head(200))
    again = open_folder(folder.path, ManualClock(1_790_000_000_000))
    _, past = build(again, screen()[0])
    assert past.height == events.height
    assert open_folder(folder.path, CLOCK).note.filled


def test_the_second_time_it_only_trains(folder: Folder) -> None:
    _, first = build(folder, screen()[0])
    shown, stream = screen()
    _, second = build(open_folder(folder.path, CLOCK), shown)
    assert second.equals(first)
    assert "history" not in stream.getvalue().replace("more history", "")
    assert "training" in stream.getvalue()


def test_a_row_that_is_not_taken_stops_the_demo() -> None:
    fault = Rejected(3, "bad_price", "/price", "price is negative")
    with pytest.raises(InvalidInput, match="1 of the shop's items were rejected, the first: price is negative"):
        require_all("items", IngestReport(accepted=3, rejected=[fault]))
    require_all("items", IngestReport(accepted=3))
