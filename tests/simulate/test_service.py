"""What the shoppers send: events as a page would report them, with ids that make a repetition count once."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from honeyguide.simulate import Session, Shop
from honeyguide.simulate.reference import World
from honeyguide.simulate.service import Failed, Reporter, Service
from honeyguide.simulate.shopper import Bought, Click, Reaction


@pytest.fixture
def reporter(small: Shop) -> Reporter:
    return Reporter(World(small).visit(Session(4, small.opened_at)), "home")


def test_the_impression_names_the_slate_and_all_that_was_on_it(reporter: Reporter, small: Shop) -> None:
    (event,) = reporter.seen([9, 0, 3], Reaction((), ()), "REQ")
    assert event == {
        "event_id": "REQ-impression",
        "type": "impression",
        "user_id": "user_5",
        "session_id": f"user_5-{small.opened_at}",
        "surface": "home",
        "request_id": "REQ",
        "properties": {"items": ["item_10", "item_1", "item_4"]},
    }


def test_a_click_is_followed_by_the_view_of_the_items_page(reporter: Reporter) -> None:
    events = reporter.seen([9, 0], Reaction((Click(0, 1, 12.5, False),), ()), "REQ")
    assert [event["type"] for event in events] == ["impression", "click", "view"]
    click, view = events[1:]
    assert click["item_id"] == view["item_id"] == "item_1"
    assert click["request_id"] == view["request_id"] == "REQ"
    assert "value" not in click
    assert view["value"] == 12.5


def test_carts_and_hides_are_told(reporter: Reporter) -> None:
    events = reporter.seen([9, 0, 5], Reaction((Click(9, 0, 30.0, True),), (5,)), "REQ")
    assert [event["type"] for event in events] == ["impression", "click", "view", "add_to_cart", "hide"]
    assert events[3]["quantity"] == 1.0
    assert (events[4]["item_id"], events[4]["request_id"]) == ("item_6", "REQ")


def test_a_purchase_has_its_price_and_the_slate_that_led_to_it(reporter: Reporter, small: Shop) -> None:
    events = reporter.bought([Bought(2, "ONE"), Bought(7, "TWO")])
    assert [event["request_id"] for event in events] == ["ONE", "TWO"]
    assert [event["value"] for event in events] == [small.items.price[2], small.items.price[7]]
    assert all(type(event["value"]) is float and event["quantity"] == 1.0 for event in events)


def test_a_rating_is_of_no_slate(reporter: Reporter) -> None:
    (event,) = reporter.ratings([(3, 4)])
    assert (event["type"], event["item_id"], event["value"]) == ("rating", "item_4", 4.0)
    assert "request_id" not in event
    assert "surface" not in event


def test_ids_are_different_and_the_same_when_told_again(reporter: Reporter) -> None:
    reaction = Reaction((Click(9, 0, 30.0, True), Click(0, 1, 9.0, False)), (5,))
    told = [event["event_id"] for event in reporter.seen([9, 0, 5], reaction, "REQ")]
    assert len(set(told)) == len(told)
    assert told == [event["event_id"] for event in reporter.seen([9, 0, 5], reaction, "REQ")]
    assert not set(told) & {event["event_id"] for event in reporter.seen([9, 0, 5], reaction, "NEXT")}


def test_nothing_has_a_time_of_its_own(reporter: Reporter) -> None:
    everything = [
        *reporter.seen([9], Reaction((Click(9, 0, 30.0, True),), ()), "REQ"),
        *reporter.bought([Bought(9, "REQ")]),
        *reporter.ratings([(9, 5)]),
    ]
    assert all("ts" not in event for event in everything)


def sent(handler: Any, rows: int) -> list[httpx.Request]:
    """The requests that putting so many items takes."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        found: httpx.Response = handler(request)
        return found

    async def put() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://shop") as client:
            await Service(client).put_items([{"item_id": f"item_{number}"} for number in range(rows)])

    asyncio.run(put())
    return requests


def test_batches_are_no_larger_than_the_server_takes() -> None:
    requests = sent(lambda _: httpx.Response(200, json={"rejected": []}), 2_300)
    assert [request.content.count(b"item_id") for request in requests] == [1_000, 1_000, 300]
    assert {request.url.path for request in requests} == {"/v1/items:batch"}


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_status_that_is_no_success_is_told(status: int) -> None:
    with pytest.raises(Failed, match=f"^/v1/items:batch: {status}$"):
        sent(lambda _: httpx.Response(status), 1)


def test_a_server_that_is_gone_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await Service(client).recommend("user_1", 10)

    with pytest.raises(Failed, match=r"^/v1/recommendations: ConnectError$"):
        asyncio.run(ask())
