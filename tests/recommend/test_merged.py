"""Lists of merged users: made of what all ids did, and never older than any of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide import Honeyguide
from honeyguide.messages import EventIn, Slate
from tests.shop import BALL, TEA, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with open_shop(tmp_path) as hg:
        yield hg


def live(shop: Honeyguide, kind: str, user: str, item: str) -> int:
    report = shop.run(shop.runtime.ingest.events([EventIn(type=kind, user_id=user, item_id=item)]))
    assert report.accepted == 1
    sequence: int = report.sequence
    return sequence


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def test_lists_of_both_follow_a_merge_at_once(shop: Honeyguide) -> None:
    live(shop, "purchase", "visitor", "ball")
    live(shop, "purchase", "login", "tea")
    for name in ("visitor", "login"):
        shop.recommend(name, n=12)
        assert shop.recommend(name, n=12).served_from == "l1"
    merged = shop.merge_users("visitor", "login")
    for name in ("visitor", "login"):
        slate = shop.recommend(name, n=12)
        assert (slate.served_from, slate.as_of >= merged.sequence) == ("computed", True)
        assert not {"ball", "tea"} & set(ids(slate)), "what either id bought is not offered again"
        assert set(ids(slate)[:6]) & set(BALL)
        assert set(ids(slate)[:6]) & set(TEA)


def test_what_one_id_does_reaches_the_lists_of_all(shop: Honeyguide) -> None:
    """Hard events at once, soft ones after one stale list; also for ids that were merged in a chain."""
    live(shop, "view", "visitor", "ball")
    shop.merge_users("visitor", "login")
    shop.merge_users("login", "phone")
    for name in ("visitor", "login", "phone"):
        shop.recommend(name)
    sequence = live(shop, "purchase", "visitor", "bat")
    for name in ("visitor", "login", "phone"):
        slate = shop.recommend(name)
        assert (slate.served_from, slate.as_of >= sequence) == ("computed", True)
    live(shop, "view", "phone", "net")
    assert shop.recommend("visitor").served_from == "stale"


def test_other_users_lists_stay(shop: Honeyguide) -> None:
    shop.recommend("u1")
    live(shop, "view", "visitor", "ball")
    shop.merge_users("visitor", "login")
    assert shop.recommend("u1").served_from == "l1"


def test_a_merge_of_another_process_is_followed(shop: Honeyguide, tmp_path: Path) -> None:
    live(shop, "purchase", "visitor", "ball")
    live(shop, "purchase", "login", "tea")
    first = {name: shop.recommend(name).as_of for name in ("visitor", "login")}
    with Honeyguide.open(shop.settings, clock=shop.runtime.clock) as other:
        merged = other.merge_users("visitor", "login")
    shop.run(shop.runtime.follow.round())
    for name, before in first.items():
        slate = shop.recommend(name)
        assert slate.as_of >= merged.sequence > before
        assert not {"ball", "tea"} & set(ids(slate))
