"""Features over HTTP: the views there are, one value, many values; unknown ones, odd ids, wrong requests."""

from urllib.parse import quote

import pytest

from honeyguide.testing.stores.rows import ODD_IDS
from tests.api.site import NOW, Site


def test_the_views_there_are(shop: Site) -> None:
    answer = shop.get("/v1/features").json()
    views = {view["name"]: view for view in answer["items"]}
    assert views["clicks_1h"] == {
        "name": "clicks_1h", "entity": "item", "kind": "count", "events": ["click"], "over": [], "of": "",
        "window": 3600.0, "ttl": 3600.0, "compared": 0, "mismatches": 0,
    }  # fmt: skip
    assert views["total_purchases"]["window"] is None
    assert answer["position"] == shop.runner.run(shop.runtime.store.log.position())
    assert answer["users_through"] <= answer["position"]


def test_a_users_value_knows_what_was_acknowledged(site: Site) -> None:
    for count in range(1, 4):
        event = {"type": "purchase", "user_id": "u", "item_id": "a", "value": 2.5}
        sequence = site.post("/v1/events", event).json()["sequence"]
        found = site.get("/v1/features/total_spent/u").json()
        assert (found["value"], found["status"], found["as_of"]) == (2.5 * count, "present", sequence)
    assert found["event_time"].startswith("2026-")


def test_a_users_value_knows_events_that_leave_the_lists_as_they_are(shop: Site) -> None:
    """An impression replaces no token: whoever keeps values by tokens would not hear of it."""
    rate, ask = "/v1/features/user_click_rate_30d/u1", "/v1/recommendations?user_id=u1&n=3"
    shop.post("/v1/events", {"type": "click", "user_id": "u1", "item_id": "i1"})
    slate = shop.get(ask).json()
    shop.runner.run(shop.runtime.cache.drain())
    before = shop.get(rate).json()
    seen = {"type": "impression", "user_id": "u1", "request_id": slate["request_id"], "properties": {"items": ["i1", "i2"]}}
    sequence = shop.post("/v1/events", seen).json()["sequence"]
    assert shop.get(ask).json()["served_from"] == "l1"
    after = shop.get(rate).json()
    assert after["value"] < before["value"]
    assert after["as_of"] == sequence


def test_an_items_value_is_there_after_the_fold(site: Site) -> None:
    site.post("/v1/events", {"type": "click", "user_id": "u", "item_id": "a"})
    site.runtime.folding.refresh()
    assert site.get("/v1/features/clicks_1d/a").json()["value"] == 1.0


def test_who_nobody_knows_is_missing_and_an_unknown_view_is_named(shop: Site) -> None:
    found = shop.get("/v1/features/avg_rating/nobody").json()
    assert (found["value"], found["status"], found["event_time"]) == (None, "missing", None)
    answer = shop.get("/v1/features/avg_ratng/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "view_not_found")
    assert "There are: total_purchases" in answer.text
    assert shop.post("/v1/features:read", {"user_ids": ["u1"], "views": ["nothing"]}).status_code == 404


def test_many_at_once_are_of_one_moment(shop: Site) -> None:
    body = {"user_ids": ["u1", "u2", "u1"], "item_ids": ["i1", "nothing"], "views": ["total_purchases", "price"]}
    answer = shop.post("/v1/features:read", body).json()
    assert set(answer["users"]) == {"u1", "u2"}
    assert set(answer["users"]["u1"]) == {"total_purchases"}
    assert answer["users"]["u1"]["total_purchases"]["value"] == 4.0
    assert answer["users"]["u1"]["total_purchases"]["as_of"] == answer["as_of"]
    assert answer["items"]["i1"]["price"]["value"] == 1.5
    assert answer["items"]["nothing"]["price"]["status"] == "missing"
    assert len(shop.post("/v1/features:read", {"user_ids": ["u1"]}).json()["users"]["u1"]) > 10


@pytest.mark.parametrize("name", ODD_IDS)
def test_odd_ids_are_read_exactly(shop: Site, name: str) -> None:
    shop.post("/v1/events", {"type": "purchase", "user_id": name, "item_id": "i1", "ts": NOW})
    assert shop.get(f"/v1/features/total_purchases/{quote(name, safe='')}").json()["value"] == 1.0
    read = shop.post("/v1/features:read", {"user_ids": [name], "views": ["total_purchases"]}).json()
    assert read["users"][name]["total_purchases"]["value"] == 1.0


def test_what_does_not_fit_is_pointed_at(shop: Site) -> None:
    answer = shop.post("/v1/features:read", {"user_ids": ["u1", "", "x" * 257], "item_ids": ["a\0b"]})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/user_ids/1", "/user_ids/2", "/item_ids/0"]
    assert shop.post("/v1/features:read", {"item_ids": [str(n) for n in range(1_001)]}).status_code == 422
    assert shop.get(f"/v1/features/total_purchases/{'x' * 257}").status_code == 422
