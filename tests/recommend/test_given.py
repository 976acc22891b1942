"""Requests of a form of their own as queries."""

from typing import Any

import pytest

from honeyguide.errors import InvalidInput
from honeyguide.messages import Filters, Query, Reason, SessionEvent, Slate, SlateItem
from honeyguide.recommend.given import MAX_SESSION, of_session, ranking, to_rank


def slate(shown: list[str], unknown: list[str]) -> Slate:
    made: dict[str, Any] = {
        "request_id": "r",
        "user_id": "u",
        "surface": "rank",
        "served_from": "computed",
        "cached": False,
        "stale": False,
        "as_of": 7,
        "model": "ease@1",
        "rung": "personal",
        "degraded": [],
        "unknown": unknown,
    }
    items = [SlateItem(item, 1.0, rank, ["model"], Reason("ranked", "x")) for rank, item in enumerate(shown, start=1)]
    return Slate(items=items, **made)


def test_each_given_item_is_asked_for_once_and_all_of_them() -> None:
    query = to_rank(["b", "a", "b", "c"], user_id="u", filters=Filters(category="x"))
    assert (query.candidates, query.n, query.surface) == (["b", "a", "c"], 3, "rank")
    assert (query.user_id, query.filters, query.explore) == ("u", Filters(category="x"), False)
    assert to_rank(["a"], surface="cart").surface == "cart"


@pytest.mark.parametrize("items", [[], [f"i{number}" for number in range(501)]])
def test_none_and_too_many_are_refused(items: list[str]) -> None:
    with pytest.raises(InvalidInput) as found:
        to_rank(items)
    assert [(fault.pointer, "Send 1 to 500" in fault.detail) for fault in found.value.errors] == [("/items", True)]


def test_what_is_not_in_order_is_unknown_or_left_out() -> None:
    query = to_rank(["a", "b", "c", "d", "e"], user_id="u")
    found = ranking(query, slate(["d", "a"], ["c"]))
    assert [item.item_id for item in found.items] == ["d", "a"]
    assert (found.unknown, found.left_out) == (["c"], ["b", "e"])
    assert (found.request_id, found.as_of, found.model) == ("r", 7, "ease@1")
    assert ranking(Query(), slate([], [])).left_out == []


def test_a_session_has_no_user_and_keeps_its_order() -> None:
    events = [SessionEvent(item_id="a"), SessionEvent(item_id="b", type="click", ts=5, value=2.0)]
    query = of_session(events, n=4, surface="home", exclude=["c"])
    assert (query.user_id, query.personalised, query.n, query.exclude) == ("", False, 4, ["c"])
    assert query.events is not None
    assert [(each.item_id, each.type, each.ts, each.value) for each in query.events] == [
        ("a", "view", None, None),
        ("b", "click", 5, 2.0),
    ]
    assert len({each.user_id for each in query.events}) == 1


def test_a_session_that_is_too_long_is_refused() -> None:
    assert of_session([SessionEvent(item_id="a")] * MAX_SESSION).events
    with pytest.raises(InvalidInput) as found:
        of_session([SessionEvent(item_id="a")] * (MAX_SESSION + 1))
    assert found.value.errors[0].pointer == "/events"
