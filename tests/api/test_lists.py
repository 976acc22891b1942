"""Lists over HTTP: the simple contract to the letter, the full one in its parts."""

from typing import Any

import pytest

from honeyguide.messages import Slate
from tests.api.site import Site, pointers, problem


def ids(answer: Any) -> list[str]:
    return [entry["item_id"] for entry in answer.json()["items"]]


def test_the_simple_answer_is_exactly_as_promised(shop: Site) -> None:
    shop.runtime.cache.clear()
    first = shop.post("/recommendations?user_id=first&n=5")
    again = shop.post("/recommendations?user_id=first&n=5")
    assert first.status_code == 200
    assert list(first.json()) == ["user_id", "items", "cached", "request_id"]
    assert first.json()["user_id"] == "first"
    assert len(first.json()["items"]) == 5
    assert (first.json()["cached"], again.json()["cached"]) == (False, True)
    assert first.json()["items"] == again.json()["items"]
    assert first.json()["request_id"] != again.json()["request_id"]
    assert first.headers["x-request-id"] == first.json()["request_id"]


def test_get_answers_like_post(shop: Site) -> None:
    assert (
        shop.get("/recommendations?user_id=u2&n=4").json()["items"]
        == shop.post("/recommendations?user_id=u2&n=4").json()["items"]
    )


def test_n_is_ten_unless_said(shop: Site) -> None:
    assert len(shop.post("/recommendations?user_id=u3").json()["items"]) == 10


def test_a_body_gets_scores_and_reasons_too(shop: Site) -> None:
    answer = shop.post(
        "/recommendations", {"user_id": "u1", "n": 3, "filters": {"category": "even", "price": {"max": 20}}}
    ).json()
    assert list(answer) == ["user_id", "items", "cached", "request_id", "recommendations", "model_used"]
    assert [entry["item_id"] for entry in answer["recommendations"]] == answer["items"]
    assert all(int(item[1:]) % 2 == 0 and int(item[1:]) < 20 for item in answer["items"])
    for entry in answer["recommendations"]:
        assert list(entry) == ["item_id", "score", "reason"]
        assert isinstance(entry["reason"], str)
        assert entry["reason"]
    assert answer["model_used"] == "knn@1"


def test_naming_the_model_that_serves_anyway_keeps_the_cache(shop: Site) -> None:
    shop.post("/recommendations", {"user_id": "u5"})
    named = shop.post("/recommendations", {"user_id": "u5", "model_name": "champion"}).json()
    assert named["cached"] is True
    assert shop.post("/recommendations?user_id=u5&model_name=knn@1").json()["cached"] is False
    problem(shop.post("/recommendations", {"user_id": "u5", "model_name": "nothing"}), 404)


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("n=5", "/user_id"),
        ("user_id=", "/user_id"),
        ("user_id=u&n=0", "/n"),
        ("user_id=u&n=-1", "/n"),
        ("user_id=u&n=501", "/n"),
        ("user_id=u&n=ten", "/n"),
        ("user_id=u&n=99999999999999999999", "/n"),
        ("user_id=u&nn=5", "/nn"),
        ("user_id=u&model_name=", "/model_name"),
        ("user_id=a&user_id=b", "/user_id"),
        ("user_id=a%00b", "/user_id"),
        ("user_id=" + "x" * 257, "/user_id"),
        ("user_id=" + "%F0%9F%8D%AF" * 65, "/user_id"),
    ],
)
def test_bad_parameters_are_pointed_at(shop: Site, query: str, at: str) -> None:
    assert pointers(shop.post(f"/recommendations?{query}")) == [at]


@pytest.mark.parametrize("user_id", ["nobody-yet", "with space", "a/b", "ü🍯", "x" * 256, "null", "%41"])
def test_any_user_gets_a_list(shop: Site, user_id: str) -> None:
    for answer in (
        shop.post("/recommendations", params={"user_id": user_id}),
        shop.post("/recommendations", {"user_id": user_id}),
    ):
        assert answer.status_code == 200
        assert answer.json()["user_id"] == user_id
        assert len(answer.json()["items"]) == 10


def test_body_and_parameters_together_are_refused(shop: Site) -> None:
    for path in ("/recommendations?user_id=u", "/v1/recommendations?user_id=u", "/track/view?user_id=u&item_id=i1"):
        assert "both" in problem(shop.post(path, {"user_id": "u"}), 422)["detail"]


def test_the_full_slate_says_how_it_came_about(shop: Site) -> None:
    answer = shop.post("/v1/recommendations", {"user_id": "u1", "n": 4, "surface": "home"})
    slate = answer.json()
    assert list(slate) == list(Slate.__struct_fields__)
    assert [entry["rank"] for entry in slate["items"]] == [1, 2, 3, 4]
    assert slate["model"] == "knn@1"
    assert slate["rung"] == "personal"
    assert slate["degraded"] == []
    assert all(entry["reason"]["text"] and entry["sources"] for entry in slate["items"])
    assert answer.headers["cache-control"] == "private"


def test_parameters_and_body_mean_the_same(shop: Site) -> None:
    by_get = shop.get("/v1/recommendations?user_id=u1&n=6&category=even&price_max=20.5&exclude=i2&exclude=i4")
    by_post = shop.post(
        "/v1/recommendations",
        {"user_id": "u1", "n": 6, "filters": {"category": ["even"], "price": {"max": 20.5}}, "exclude": ["i2", "i4"]},
    )
    assert ids(by_get) == ids(by_post)
    assert not {"i2", "i4"} & set(ids(by_get))


@pytest.mark.parametrize(("price", "some"), [({"min": -1e308}, True), ({"max": 1e308}, True), ({"min": 1e308}, False)])
def test_a_price_may_be_out_of_all_proportion(shop: Site, price: dict[str, float], some: bool) -> None:
    answer = shop.post("/v1/recommendations", {"user_id": "u1", "filters": {"price": price}})
    assert bool(ids(answer)) is some
    assert answer.json()["degraded"] == []


def test_candidates_limit_the_answer(shop: Site) -> None:
    answer = shop.post("/v1/recommendations", {"user_id": "u1", "candidates": ["i9", "i11", "not-there"]})
    assert set(ids(answer)) <= {"i9", "i11"}
    assert ids(answer)


def test_the_cache_says_where_the_list_came_from(shop: Site) -> None:
    shop.runtime.cache.clear()
    fresh = shop.get("/v1/recommendations?user_id=u7")
    assert fresh.headers["x-honeyguide-cache"] == "computed"
    assert fresh.headers["server-timing"].startswith("total;dur=")
    again = shop.get("/v1/recommendations?user_id=u7")
    assert again.headers["x-honeyguide-cache"] == "l1"
    assert "server-timing" not in again.headers
    explained = shop.get("/v1/recommendations?user_id=u7&explain=true")
    assert "retrieve;dur=" in explained.headers["server-timing"]
    assert explained.json()["trace"]


def test_pages_follow_one_another(shop: Site) -> None:
    whole = ids(shop.get("/v1/recommendations?user_id=u1&n=9"))
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        answer = shop.get(f"/v1/recommendations?user_id=u1&n=3{cursor}")
        seen += ids(answer)
        cursor = "&cursor=" + answer.json()["next_cursor"]
    assert seen == whole
    by_body = shop.post("/v1/recommendations", {"user_id": "u1", "n": 3, "cursor": cursor.removeprefix("&cursor=")})
    assert not set(ids(by_body)) & set(whole)


@pytest.mark.parametrize("cursor", ["x", "", "aGcxOjI", "%F0%9F%8D%AF", "aGcxOi0x"])
def test_a_bad_cursor_is_refused(shop: Site, cursor: str) -> None:
    assert pointers(shop.get(f"/v1/recommendations?user_id=u1&cursor={cursor}")) == ["/cursor"]


def test_the_end_has_no_cursor(shop: Site) -> None:
    answer = shop.get("/v1/recommendations?user_id=nobody&n=500").json()
    assert answer["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"user_id": "u", "n": "ten"}, "/n"),
        ({"user_id": "u", "n": 0}, "/n"),
        ({"user_id": "u", "surface": "hoem"}, "/surface"),
        ({"user_id": "u", "limit": 5}, "/limit"),
        ({"user_id": "u", "model": ""}, "/model"),
        ({"user_id": "u", "events": [{"type": "nope", "user_id": "u", "item_id": "i1"}]}, "/events/0/type"),
        ({"user_id": "u", "recipe": {"candidates": 1}}, "/recipe/candidates"),
        ({"user_id": "u", "recipe": {"nothing": 1}}, "/recipe/nothing"),
        ({"user_id": "u", "candidates": "i1"}, "/candidates"),
        ({"user_id": "u", "item_id": ""}, "/item_id"),
        ({}, "/user_id"),
    ],
)
def test_bad_queries_are_pointed_at(shop: Site, body: dict[str, Any], at: str) -> None:
    assert pointers(shop.post("/v1/recommendations", body)) == [at]


def test_a_dry_run_leaves_no_trace(shop: Site) -> None:
    shop.runtime.cache.clear()
    answer = shop.post("/v1/recommendations", {"user_id": "dry", "dry_run": True})
    problem(shop.get(f"/v1/recommendations/{answer.json()['request_id']}"), 404)
    assert shop.post("/v1/recommendations", {"user_id": "dry"}).json()["cached"] is False


def test_an_overlay_of_events_counts_for_this_request_only(shop: Site) -> None:
    plain = ids(shop.post("/v1/recommendations", {"user_id": "newcomer"}))
    event = {"type": "purchase", "user_id": "newcomer", "item_id": plain[0]}
    with_it = shop.post("/v1/recommendations", {"user_id": "newcomer", "events": [event]})
    assert plain[0] not in ids(with_it)
    assert ids(shop.post("/v1/recommendations", {"user_id": "newcomer"})) == plain


def test_impersonal_lists_are_the_same_for_all(shop: Site) -> None:
    lists = [ids(shop.get(f"/v1/recommendations?user_id={user}&personalised=false")) for user in ("u1", "u2", "zz")]
    assert lists[0] == lists[1] == lists[2]


def test_a_list_that_is_kept_for_strangers_answers_nobody_who_forgot_the_name(shop: Site) -> None:
    assert shop.get("/v1/recommendations?personalised=false").status_code == 200
    assert pointers(shop.get("/v1/recommendations")) == ["/user_id"]


def test_similar_items(shop: Site) -> None:
    answer = shop.get("/v1/items/i3/similar?n=4")
    assert answer.status_code == 200
    assert answer.json()["surface"] == "similar"
    assert 0 < len(ids(answer)) <= 4
    assert "i3" not in ids(answer)
    assert shop.get("/v1/items/never%2Fseen/similar").status_code == 200
    assert pointers(shop.get("/v1/items/i3/similar?n=0")) == ["/n"]
    assert pointers(shop.get("/v1/items/i3/similar?surface=home")) == ["/surface"]


def test_many_lists_at_once(shop: Site) -> None:
    queries = [{"user_id": "u1", "n": 2}, {"user_id": "u2", "n": 3, "surface": "popular"}]
    answer = shop.post("/v1/recommendations:batch", {"queries": queries})
    slates = answer.json()["slates"]
    assert [(slate["user_id"], slate["surface"], len(slate["items"])) for slate in slates] == [
        ("u1", "home", 2),
        ("u2", "popular", 3),
    ]
    assert shop.get(f"/v1/recommendations/{slates[1]['request_id']}").json()["user_id"] == "u2"


def test_a_batch_points_at_the_query_that_does_not_fit(shop: Site) -> None:
    answer = shop.post("/v1/recommendations:batch", {"queries": [{"user_id": "u1"}, {"user_id": "u1", "n": 0}]})
    assert pointers(answer) == ["/queries/1/n"]
    answer = shop.post("/v1/recommendations:batch", {"queries": [{"user_id": "u1"}, {"user_id": "u1", "cursor": "x"}]})
    assert pointers(answer) == ["/queries/1/cursor"]
    for queries in ([], [{"user_id": "u"}] * 101):
        assert pointers(shop.post("/v1/recommendations:batch", {"queries": queries})) == ["/queries"]


def test_a_slate_is_found_by_its_request_id(shop: Site) -> None:
    served = shop.post("/v1/recommendations", {"user_id": "u4", "n": 3, "context": {"page": "start"}})
    request_id = served.json()["request_id"]
    record = shop.get(f"/v1/recommendations/{request_id}").json()
    assert (record["request_id"], record["user_id"], record["n"]) == (request_id, "u4", 3)
    assert record["items"] == ids(served)
    assert record["served_at"] == "2026-05-28T20:26:40.000Z"
    explained = shop.get(f"/v1/recommendations/{request_id}/explanation").json()
    assert explained["served"] == explained["replayed"] == ids(served)
    assert explained["matches"] is True
    for path in ("/v1/recommendations/nothing", "/v1/recommendations/nothing/explanation"):
        assert "nothing" in problem(shop.get(path), 404)["detail"]
