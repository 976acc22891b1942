"""Rules and conditions on lists: in force at once, from the cache too, explained, and gone when their time is over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Surface
from honeyguide.config.sources import SourceUse
from honeyguide.errors import Conflict, FilterError, InvalidInput, NotFound
from honeyguide.messages import ItemIn, Rule, Slate, SlateItem
from honeyguide.recipes import source_names
from honeyguide.recommend import late
from tests.shop import BALL, HOUR, NOW, TEA, open_shop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock, train=False) as hg:
        yield hg


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def save(shop: Honeyguide, kind: Any, **fields: Any) -> list[str]:
    rule = Rule(**{"name": kind, "kind": kind, **fields})
    found: list[str] = shop.run(shop.runtime.decisions.save(rule, by="ann")).warnings
    return found


def put(shop: Honeyguide, item_id: str, **fields: Any) -> None:
    shop.run(shop.runtime.ingest.patch_items([ItemIn(item_id=item_id, **fields)]))


def check_replay(shop: Honeyguide, slate: Slate) -> None:
    explained = shop.explain(slate.request_id)
    assert explained.replayed == ids(slate)
    assert explained.matches


def test_a_request_is_filtered_by_a_condition(shop: Honeyguide) -> None:
    slate = shop.recommend("u0", n=5, filter="item.price >= 8 and 'kitchen' in item.categories")
    assert slate.items
    assert set(ids(slate)) <= set(TEA[3:])
    again = shop.recommend("u0", n=5, filter="item.price >= 8 and 'kitchen' in item.categories")
    assert again.cached
    assert ids(again) == ids(slate)
    check_replay(shop, again)
    assert shop.recommend("u0", n=5, filter="item.price > 1e6").empty_because == "no item meets the filter of the request"
    with pytest.raises(FilterError, match=r"item\.price") as raised:
        shop.recommend("u0", filter="item.prise > 5")
    assert raised.value.errors[0].pointer == "/filter"


def test_a_condition_knows_the_user_the_context_and_feature_views(shop: Honeyguide) -> None:
    bought = "user.total_purchases > 0 and item.id in ['cup', 'pot']"
    assert set(ids(shop.recommend("u0", filter=bought))) <= {"cup", "pot"}
    assert ids(shop.recommend("nobody", filter=bought)) == []
    assert ids(shop.recommend("u0", filter="context.shop == 'north'")) == []
    assert len(ids(shop.recommend("u0", n=3, filter="context.shop == 'north'", context={"shop": "north"}))) == 3
    assert "tea" not in ids(shop.recommend("tea", n=16, filter="item.id != user.id"))
    assert "tea" in ids(shop.recommend("stranger", n=16, filter="item.id != user.id"))


def test_a_filter_rule_holds_at_once_for_lists_that_are_kept(shop: Honeyguide) -> None:
    before = shop.recommend("u0", n=8)
    assert shop.recommend("u0", n=8).cached
    save(shop, "filter", where="item.price >= 8")
    after = shop.recommend("u0", n=8)
    cheap = {*TEA[:3], *BALL[:3]}
    assert set(ids(before)) & cheap
    assert not set(ids(after)) & cheap
    check_replay(shop, after)
    made = shop.recommend("u0", n=8, surface="popular")
    assert not set(ids(made)) & cheap
    check_replay(shop, made)
    put(shop, ids(made)[0], price=1.0)
    assert ids(made)[0] not in ids(shop.recommend("u0", n=8, surface="popular")), "what has changed since is looked at again"


def test_a_filter_rule_on_the_user_is_in_no_list_of_before(shop: Honeyguide) -> None:
    shop.recommend("u0", n=8)
    save(shop, "filter", where="user.total_purchases > 100")
    after = shop.recommend("u0", n=8)
    assert (after.cached, ids(after)) == (False, [])
    assert after.empty_because == "the rule 'filter' leaves no item"


def test_a_rule_that_hides_everything_says_so(shop: Honeyguide) -> None:
    assert save(shop, "filter", where="item.price < 0") == ["no item meets it: lists are empty while it is in force"]
    slate = shop.recommend("u0")
    assert (ids(slate), slate.empty_because, slate.degraded) == ([], "the rule 'filter' leaves no item", [])
    again = shop.recommend("u0")
    assert (again.cached, again.empty_because) == (True, slate.empty_because)
    shop.run(shop.runtime.decisions.remove("filter", by="ann"))
    assert shop.recommend("u0").stale, "the empty list is served once more at most"
    shop.run(shop.runtime.cache.drain())
    assert shop.recommend("u0").items


def test_boosts_and_buries_move_items(shop: Honeyguide) -> None:
    plain = shop.recommend("nobody", n=16, surface="popular")
    last = ids(plain)[-1]
    save(shop, "boost", where=f"item.id == '{last}'", factor=100.0)
    shop.recommend("nobody", n=16, surface="popular")
    shop.run(shop.runtime.cache.drain())
    boosted = shop.recommend("nobody", n=16, surface="popular")
    assert ids(boosted)[0] == last
    assert shop.explain(boosted.request_id).trace["rules"]["weights"] == {last: 100.0}
    check_replay(shop, boosted)
    first = ids(plain)[0]
    save(shop, "bury", where=f"item.id == '{first}'", factor=0.01)
    shop.recommend("nobody", n=16, surface="popular")
    shop.run(shop.runtime.cache.drain())
    assert ids(shop.recommend("nobody", n=16, surface="popular")).index(first) > 8


def test_a_pin_is_in_its_slot_at_once_whatever_the_page(shop: Honeyguide) -> None:
    shop.recommend("u0", n=8)
    save(shop, "pin", item_id="whistle", slot=3)
    slate = shop.recommend("u0", n=8)
    assert ids(slate)[2] == "whistle"
    assert slate.items[2].reason.code == "pinned"
    assert [item.rank for item in slate.items] == list(range(1, 9))
    assert ids(shop.recommend("u0", n=4)) == ids(slate)[:4]
    assert ids(shop.recommend("u0", n=2, offset=2)) == ids(slate)[2:4]
    assert ids(shop.recommend("u0", n=100))[:8] == ids(slate)
    check_replay(shop, shop.recommend("u0", n=8))
    assert "whistle" not in ids(shop.recommend("u0", n=8, exclude=["whistle"]))


def test_a_kept_list_with_a_pin_is_served_as_it_is_kept(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page is cut out of the text like any other: nothing is read but ids."""
    save(shop, "pin", item_id="whistle", slot=3)
    made = shop.recommend("u0", n=8, explore=False)

    def read(text: bytes) -> list[SlateItem]:
        raise AssertionError("items are read to be served")

    monkeypatch.setattr(late, "items_of", read)
    kept = shop.recommend("u0", n=8, explore=False)
    assert (kept.cached, ids(kept)) == (True, ids(made))
    assert ids(kept)[2] == "whistle"


def test_pins_stand_on_later_pages_of_a_list_that_was_made_anew(shop: Honeyguide) -> None:
    """Between two pages the user buys what the first has shown; a pin of the first page is not shown again, others are at
    their slots, and one that came too late for its slot is the next."""
    save(shop, "pin", name="first", item_id="whistle", slot=2)
    save(shop, "pin", name="second", item_id="net", slot=7)
    page = shop.recommend("u0", n=4, explore=False)
    assert ids(page)[1] == "whistle"
    shop.ingest([{"type": "purchase", "user_id": "u0", "item_id": ids(page)[0]}])
    save(shop, "pin", name="late", item_id="cap", slot=1)
    pages = ids(page)
    while page.next_cursor is not None:
        page = shop.recommend("u0", n=4, cursor=page.next_cursor, explore=False)
        pages += ids(page)
        check_replay(shop, page)
    assert len(set(pages)) == len(pages)
    assert pages[4] == "cap"
    assert pages[6] == "net"


def test_a_pin_keeps_its_slot_on_a_later_page_when_what_came_before_may_not_be_shown_any_more(shop: Honeyguide) -> None:
    save(shop, "pin", item_id="net", slot=7)
    page = shop.recommend("u0", n=4, explore=False)
    put(shop, ids(page)[0], hidden=True)
    onward = shop.recommend("u0", n=4, cursor=page.next_cursor, explore=False)
    assert ids(onward)[2] == "net"
    assert not set(ids(onward)) & set(ids(page))
    check_replay(shop, onward)


def test_a_pinned_item_that_is_not_available_leaves_its_slot_to_the_next(shop: Honeyguide) -> None:
    save(shop, "pin", item_id="whistle", slot=1)
    assert ids(shop.recommend("u0", n=8))[0] == "whistle"
    put(shop, "whistle", available=False)
    slate = shop.recommend("u0", n=8)
    assert "whistle" not in ids(slate)
    assert len(slate.items) == 8
    assert save(shop, "pin", item_id="whistle", slot=1) == [
        "'whistle' is hidden, deleted or not available, so its slot goes to the next item"
    ]
    assert save(shop, "pin", item_id="unheard", slot=1) == [
        "there is no item 'unheard', so nothing is pinned until there is one"
    ]
    with pytest.raises(Conflict, match="slot 1"):
        save(shop, "pin", name="second", item_id="tea", slot=1)


def test_promotions_fill_their_share(shop: Honeyguide) -> None:
    save(shop, "promote", where="item.category == 'sport'", percent=50.0, surface="home")
    slate = shop.recommend("u0", n=10)
    for length in range(1, 11):
        assert sum(item_id in BALL for item_id in ids(slate)[:length]) >= length // 2
    assert ids(shop.recommend("u0", n=4)) == ids(slate)[:4]
    check_replay(shop, slate)


def test_promotions_bring_the_best_of_what_they_are_about(tmp_path: Path, clock: ManualClock) -> None:
    """Not what the shop has first: of 260 items on sale the last one is the one that is bought."""
    few = Surface(name="home", sources=[SourceUse(name="popular", limit=3)])
    sale = [{"item_id": f"sale-{number}", "title": "Sale", "categories": ["sale"]} for number in range(260)]
    with open_shop(tmp_path, clock=clock, train=False, surfaces=[few]) as shop:
        shop.ingest(sale, "items")
        shop.ingest([{"type": "purchase", "user_id": "u1", "item_id": "sale-259", "ts": NOW - HOUR}])
        shop.run(shop.runtime.baseline.round())
        save(shop, "promote", where="item.category == 'sale'", percent=50.0)
        slate = shop.recommend("stranger", n=6)
        assert next(item_id for item_id in ids(slate) if item_id.startswith("sale-")) == "sale-259"
        assert [item.reason.code for item in slate.items if item.item_id == "sale-259"] == ["promoted"]
        explained = shop.explain(slate.request_id)
        assert explained.matches
        (account,) = [each for each in explained.trace["items"] if each["item_id"] == "sale-259"]
        assert account["moves"]["promotions"] > 0


def test_what_rules_want_is_no_source_to_choose(shop: Honeyguide) -> None:
    assert not {"pinned", "promoted", "rules"} & set(source_names())
    with pytest.raises(InvalidInput, match="recipe"):
        shop.recommend("u0", recipe={"sources": [{"name": "promoted"}]})


def test_a_rule_begins_and_ends_by_the_clock(shop: Honeyguide, clock: ManualClock) -> None:
    save(shop, "filter", where="item.category == 'sport'", starts_at=NOW + 10_000, ends_at=NOW + 20_000)
    assert set(ids(shop.recommend("u0", n=5))) & set(TEA)
    clock.advance(9.9)
    assert set(ids(shop.recommend("u0", n=5))) & set(TEA)
    clock.advance(0.1)
    during = shop.recommend("u0", n=5)
    assert set(ids(during)) <= set(BALL)
    shop.run(shop.runtime.cache.drain())
    made = shop.recommend("u0", n=5)
    assert not made.stale
    check_replay(shop, made)
    clock.advance(10)
    shop.recommend("u0", n=5)
    shop.run(shop.runtime.cache.drain())
    assert set(ids(shop.recommend("u0", n=5))) & set(TEA)
    check_replay(shop, made)


def test_a_preview_compares_and_leaves_no_trace(shop: Honeyguide) -> None:
    rule = Rule(name="sale", kind="filter", where="item.category == 'sport'", starts_at=NOW + HOUR)
    served = shop.recommend("u0", n=5)
    shop.run(shop.runtime.slates.round())
    slates = shop.runtime.store.slates.count()
    found = shop.run(shop.runtime.decisions.preview(rule, ["u0", "stranger"], n=5))
    assert (found.matches, found.items) == (8, 16)
    assert [user.user_id for user in found.users] == ["u0", "stranger"]
    assert found.users[0].before == ids(served)
    assert set(found.users[0].after) <= set(BALL)
    assert found.users[0].gone == [item_id for item_id in ids(served) if item_id in TEA]
    assert shop.runtime.store.rules.all() == []
    shop.run(shop.runtime.slates.round())
    assert shop.runtime.store.slates.count() == slates
    assert shop.run(shop.runtime.decisions.preview(rule)).users[0].user_id == "u0", "users served last are the sample"
    assert {user.surface for user in found.users} == {"home"}, "a rule for all surfaces is shown on the front page"
    nothing = Rule(name="sale", kind="filter", where="item.price < 0")
    hidden = shop.run(shop.runtime.decisions.preview(nothing, ["u0"]))
    assert hidden.users[0].because == "the rule 'sale' leaves no item"


def test_rules_are_checked_against_what_is_known(shop: Honeyguide) -> None:
    put(shop, "tea", properties={"brand": "acme", "spec": {"colour": "red"}})
    save(shop, "filter", where="item.properties.brand == 'acme' or item.properties.spec.colour is None")
    with pytest.raises(FilterError, match=r"Did you mean item\.properties\.brand"):
        save(shop, "filter", name="b", where="item.properties.brnd == 'acme'")
    with pytest.raises(FilterError, match="a text is compared with a number"):
        save(shop, "filter", name="b", where="item.properties.brand == 5")
    with pytest.raises(NotFound):
        shop.run(shop.runtime.decisions.remove("nothing", by="ann"))


def test_other_processes_hear_of_rules(shop: Honeyguide, tmp_path: Path) -> None:
    with Honeyguide.open(shop.settings, clock=ManualClock(NOW)) as other:
        other.recommend("u0", n=5)
        save(shop, "filter", where="item.category == 'sport'")
        other.run(other.runtime.ruling.refresh())
        assert set(ids(other.recommend("u0", n=5))) <= set(BALL)
