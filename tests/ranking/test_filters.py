"""Filters: what may be shown."""

import numpy as np
import pytest

from honeyguide.messages import Filters, Price
from honeyguide.ranking import Anchor, Blocked, Disliked, Excluded, Named, Requested
from tests.world import block, ids, item, request

SHOP = block(
    [
        item("boot", "shoes", "winter", price=90.0, properties={"colour": "red", "sizes": [40, 41]}),
        item("clog", "shoes", price=20.0, properties={"colour": "blue"}),
        item("hat", "hats", price=15.0),
        item("gift card", "cards"),
        item("ghost", "hats", hidden=True, price=1.0),
    ]
)


def kept(mask: object) -> list[str]:
    assert mask is not None
    return ids(SHOP, np.flatnonzero(np.asarray(mask)))


def test_blocked_items_never_pass() -> None:
    assert kept(Blocked().keep(request(SHOP))) == ["boot", "clog", "hat", "gift card"]


def test_excluded_and_disliked_items_do_not_pass() -> None:
    asked = request(SHOP, excluded=["boot"], disliked=["hat"])
    assert "boot" not in kept(Excluded().keep(asked))
    assert "hat" not in kept(Disliked().keep(asked))
    assert Excluded().keep(request(SHOP)) is None, "nothing to say costs nothing"


def test_the_anchor_is_not_similar_to_itself() -> None:
    assert "boot" not in kept(Anchor().keep(request(SHOP, item_id="boot")))
    assert Anchor().keep(request(SHOP, item_id="unknown")) is None


def test_named_candidates_and_exclusions() -> None:
    assert kept(Named().keep(request(SHOP, candidates=["hat", "clog", "unknown"]))) == ["clog", "hat"]
    assert kept(Named().keep(request(SHOP, candidates=["hat", "clog"], exclude=["hat"]))) == ["clog"]
    assert kept(Named().keep(request(SHOP, candidates=[]))) == []
    assert "boot" not in kept(Named().keep(request(SHOP, exclude=["boot"])))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(category="shoes"), ["boot", "clog"]),
        (Filters(category=["winter", "cards"]), ["boot", "gift card"]),
        (Filters(category="no such"), []),
        (Filters(exclude_category="shoes"), ["hat", "gift card", "ghost"]),
        (Filters(price=Price(min=15, max=20)), ["clog", "hat"]),
        (Filters(price=Price(max=50)), ["clog", "hat", "ghost"]),
        (Filters(price=Price(min=50)), ["boot"]),
        (Filters(properties={"colour": "red"}), ["boot"]),
        (Filters(properties={"colour": ["red", "blue"]}), ["boot", "clog"]),
        (Filters(properties={"sizes": 41}), ["boot"]),
        (Filters(properties={"colour": None}), []),
        (Filters(category="shoes", price=Price(max=50), properties={"colour": "blue"}), ["clog"]),
        (Filters(), ["boot", "clog", "hat", "gift card", "ghost"]),
    ],
)
def test_requested_filters(filters: Filters, expected: list[str]) -> None:
    assert kept(Requested().keep(request(SHOP, filters=filters))) == expected
