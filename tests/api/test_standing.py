"""Given items in order, lists for sessions, lists that are the same for all."""

from typing import Any

import pytest

from honeyguide.messages import Ranking, Slate
from tests.api.site import Site, pointers, problem


def ids(answer: Any) -> list[str]:
    return [entry["item_id"] for entry in answer.json()["items"]]


def test_all_given_items_come_back_in_order_or_are_named(site: Site) -> None:
    site.fill()
    site.publish("knn")
    site.ask("PATCH", "/v1/items/i4", json={"hidden": True})
    asked = {"user_id": "u1", "items": ["i3", "nowhere", "i4", "i9", "i3", "i2", "gone"]}
    answer = site.post("/v1/rank", asked)
    told = answer.json()
    assert list(told) == list(Ranking.__struct_fields__)
    assert sorted(ids(answer)) == ["i2", "i3", "i9"]
    assert (told["unknown"], told["left_out"]) == (["nowhere", "gone"], ["i4"])
    assert [entry["rank"] for entry in told["items"]] == [1, 2, 3]
    scores = [entry["score"] for entry in told["items"]]
    assert scores == sorted(scores, reverse=True)
    assert (told["surface"], told["rung"], told["next_cursor"]) == ("rank", "personal", None)
    slate = site.get(f"/v1/recommendations/{told['request_id']}").json()
    assert slate["items"] == ids(answer)
    assert site.get(f"/v1/recommendations/{told['request_id']}/explanation").json()["matches"] is True


def test_what_was_bought_is_ranked_as_well(shop: Site) -> None:
    bought = [f"i{(2 + step * 3) % 30}" for step in range(1, 5)]
    assert sorted(ids(shop.post("/v1/rank", {"user_id": "u1", "items": bought}))) == sorted(bought)


def test_a_large_order_is_whole(shop: Site) -> None:
    every = [f"i{number}" for number in range(30)] + [f"x{number}" for number in range(470)]
    answer = shop.post("/v1/rank", {"user_id": "u1", "items": every})
    assert len(ids(answer)) == 30
    assert len(answer.json()["unknown"]) == 470


def test_ranking_for_nobody_and_with_filters(shop: Site) -> None:
    asked = {"items": ["i1", "i2", "i3", "i4"], "personalised": False, "filters": {"category": "even"}}
    answer = shop.post("/v1/rank", asked)
    assert sorted(ids(answer)) == ["i2", "i4"]
    assert answer.json()["left_out"] == ["i1", "i3"]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"user_id": "u1", "items": []}, "/items"),
        ({"user_id": "u1", "items": [f"i{number}" for number in range(501)]}, "/items"),
        ({"items": ["i1"]}, "/user_id"),
        ({"user_id": "u1"}, "/items"),
        ({"user_id": "u1", "items": ["i1"], "surface": "nowhere"}, "/surface"),
    ],
)
def test_what_cannot_be_ranked(shop: Site, body: dict[str, Any], at: str) -> None:
    assert pointers(shop.post("/v1/rank", body)) == [at]


def test_candidates_that_do_not_exist_are_named(shop: Site) -> None:
    answer = shop.post("/v1/recommendations", {"user_id": "u1", "candidates": ["nowhere", "i9", "gone"]})
    assert (ids(answer), answer.json()["unknown"]) == (["i9"], ["nowhere", "gone"])
    again = shop.post("/v1/recommendations", {"user_id": "u1", "candidates": ["nowhere", "i9", "gone"]})
    assert (again.json()["cached"], again.json()["unknown"]) == (True, ["nowhere", "gone"])
    none = shop.post("/v1/recommendations", {"user_id": "u1", "candidates": ["nowhere"]})
    assert (none.status_code, ids(none), none.json()["unknown"]) == (200, [], ["nowhere"])


def test_a_session_is_all_that_is_known(shop: Site) -> None:
    before = shop.get("/v1/system").json()["position"]
    answer = shop.post("/v1/sessions/recommendations", {"events": [{"item_id": "i3"}, {"item_id": "i6"}], "n": 5})
    told = answer.json()
    assert list(told) == list(Slate.__struct_fields__)
    assert (told["user_id"], told["rung"], told["cached"]) == ("", "session", False)
    assert any(entry["reason"].get("item_id") in ("i3", "i6") for entry in told["items"])
    assert shop.get("/v1/system").json()["position"] == before
    record = shop.get(f"/v1/recommendations/{told['request_id']}").json()
    assert (record["user_id"], record["items"]) == ("", ids(answer))
    assert shop.get(f"/v1/recommendations/{told['request_id']}/explanation").json()["matches"] is True


def test_a_session_that_has_just_begun(shop: Site) -> None:
    answer = shop.post("/v1/sessions/recommendations", {"events": []})
    assert answer.json()["rung"] == "popular"
    assert len(ids(answer)) == 10


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"events": [{"item_id": "i1"}] * 201}, "/events"),
        ({"events": [{"item_id": "i1", "type": "nope"}]}, "/events/0/type"),
        ({"events": [{"item_id": "i1", "user_id": "u1"}]}, "/events/0/user_id"),
        ({"n": 3}, "/events"),
    ],
)
def test_what_is_no_session(shop: Site, body: dict[str, Any], at: str) -> None:
    assert pointers(shop.post("/v1/sessions/recommendations", body)) == [at]


def test_popular_and_new_lists(shop: Site) -> None:
    popular = shop.get("/v1/lists/popular?n=6")
    assert popular.json()["surface"] == "popular"
    assert len(ids(popular)) == 6
    page = shop.get(f"/v1/lists/popular?n=6&cursor={popular.json()['next_cursor']}")
    assert not set(ids(page)) & set(ids(popular))
    even = shop.get("/v1/lists/popular?n=5&category=even&price_max=20&exclude=i2")
    assert all(int(item[1:]) % 2 == 0 and int(item[1:]) < 20 and item != "i2" for item in ids(even))
    assert ids(shop.get("/v1/lists/popular?n=5&segment=nobody")) == ids(popular)[:5]


def test_conditions_in_lists_of_all_forms(shop: Site) -> None:
    low = "item.price < 15 and 'even' in item.categories"
    for answer in (
        shop.get("/v1/lists/popular", params={"n": 9, "filter": low}),
        shop.get("/v1/lists/new", params={"n": 9, "filter": low, "exclude_category": "odd"}),
        shop.post("/v1/sessions/recommendations", {"events": [{"item_id": "i3"}], "filter": low}),
        shop.post("/v1/rank", {"user_id": "u1", "items": [f"i{number}" for number in range(30)], "filter": low}),
    ):
        assert answer.status_code == 200, answer.text
        assert ids(answer)
        assert not [item for item in ids(answer) if int(item[1:]) % 2 or int(item[1:]) >= 15], answer.url
    none = shop.get("/v1/lists/popular", params={"filter": "item.price < 0"}).json()
    assert (none["items"], none["empty_because"]) == ([], "no item meets the filter of the request")
    page = shop.get("/v1/lists/popular", params={"n": 3, "filter": low}).json()
    onward = shop.get("/v1/lists/popular", params={"n": 3, "filter": low, "cursor": page["next_cursor"]})
    assert not set(ids(onward)) & {entry["item_id"] for entry in page["items"]}
    for answer in (
        shop.get("/v1/lists/popular", params={"filter": "item.prise < 5"}),
        shop.post("/v1/rank", {"user_id": "u1", "items": ["i1"], "filter": "item.prise < 5"}),
    ):
        assert pointers(answer) == ["/filter"]
        assert "item.price" in answer.text


def test_the_newest_come_first(site: Site) -> None:
    site.fill(items=3)
    for number in range(4):
        site.clock.advance(60.0)  # type: ignore[attr-defined]
        site.ask("PUT", f"/v1/items/n{number}", json={"title": f"New {number}"})
    answer = site.get("/v1/lists/new?n=4")
    assert ids(answer) == ["n3", "n2", "n1", "n0"]
    assert answer.json()["items"][0]["reason"]["code"] == "new"


def test_what_rises_is_trending(site: Site) -> None:
    site.fill()
    assert site.get("/v1/lists/trending?n=3").status_code == 200
    events = [{"type": "click", "user_id": f"w{number}", "item_id": "i29"} for number in range(30)]
    site.post("/v1/events:batch", events)
    site.runner.run(site.runtime.folding.round())
    site.runner.run(site.runtime.columns.round())
    site.runtime.cache.clear()
    answer = site.get("/v1/lists/trending?n=3")
    assert ids(answer)[0] == "i29"
    assert answer.json()["items"][0]["reason"] == {"code": "trending", "text": "rising now"}


@pytest.mark.parametrize("path", ["/v1/lists/best", "/v1/lists/home"])
def test_lists_that_there_are_not(shop: Site, path: str) -> None:
    assert pointers(shop.get(path)) == ["/name"]
    assert problem(shop.post("/v1/lists/popular", {}), 405)


def test_users_like_a_user(shop: Site) -> None:
    told = shop.get("/v1/users/u1/similar?n=3").json()
    assert told["user_id"] == "u1"
    assert 1 <= len(told["users"]) <= 3
    assert all(each["user_id"] != "u1" and 0 < each["score"] <= 1 for each in told["users"])
    assert shop.get("/v1/users/nobody/similar").json()["users"] == []
    assert pointers(shop.get("/v1/users/u1/similar?n=0")) == ["/n"]


def test_what_is_bought_together(shop: Site) -> None:
    answer = shop.get("/v1/items/i3/together?n=4&user_id=u1")
    assert (answer.status_code, answer.json()["surface"]) == (200, "cart")
    assert "i3" not in ids(answer)
    assert shop.get("/v1/items/never%2Fseen/together").status_code == 200
