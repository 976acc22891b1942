"""Items and users over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.site import Site, pointers, problem

FULL: dict[str, Any] = {
    "title": "Teapot",
    "categories": ["kitchen", "tea"],
    "price": 24.5,
    "image_url": "https://shop.example/t.jpg",
    "url": "/teapot",
    "available": True,
    "hidden": False,
    "created_at": "2026-03-01T12:00:00.000Z",
    "properties": {"colour": "blue", "sizes": [1, 2]},
    "vector": [0.5, -0.25],
}


def every_page(site: Site, path: str, limit: int) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = site.get(f"{path}?limit={limit}{cursor}").json()
        assert list(page) == ["items", "next_cursor"]
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_an_item_comes_back_as_it_was_put(site: Site) -> None:
    written = site.ask("PUT", "/v1/items/pot", json=FULL)
    assert (written.status_code, written.json()) == (200, {"accepted": 1, "sequence": 1})
    assert site.get("/v1/items/pot").json() == {"item_id": "pot", **FULL, "sequence": 1}


def test_a_put_replaces_and_a_patch_changes(site: Site) -> None:
    site.ask("PUT", "/v1/items/pot", json=FULL)
    site.ask("PATCH", "/v1/items/pot", json={"price": 20, "hidden": True})
    patched = site.get("/v1/items/pot").json()
    assert (patched["price"], patched["hidden"], patched["title"]) == (20.0, True, "Teapot")
    site.ask("PUT", "/v1/items/pot", json={"title": "Pot"})
    replaced = site.get("/v1/items/pot").json()
    assert (replaced["price"], replaced["hidden"], replaced["categories"]) == (None, False, [])


def test_a_deleted_item_is_gone_from_everything(site: Site) -> None:
    site.fill()
    assert site.ask("DELETE", "/v1/items/i3").status_code == 200
    assert "deleted" in problem(site.get("/v1/items/i3"), 404)["detail"]
    problem(site.ask("DELETE", "/v1/items/i3"), 404)
    problem(site.ask("PATCH", "/v1/items/i3", json={"price": 1}), 404)
    assert "i3" not in [item["item_id"] for item in every_page(site, "/v1/items", 7)]
    assert "i3" not in site.post("/recommendations?user_id=new&n=100").json()["items"]
    assert site.ask("PUT", "/v1/items/i3", json={"title": "back"}).status_code == 200
    assert site.get("/v1/items/i3").json()["title"] == "back"


def test_a_hidden_item_is_not_in_the_next_list_even_from_the_cache(site: Site) -> None:
    site.fill()
    first = site.post("/recommendations?user_id=u1").json()["items"]
    site.ask("PATCH", f"/v1/items/{first[0]}", json={"hidden": True})
    after = site.post("/recommendations?user_id=u1").json()["items"]
    assert first[0] not in after
    assert len(after) == 10


@pytest.mark.parametrize(
    "item_id", ["a/b", "a b", "ü🍯", "100%", "%2F", "..", ".", "a?b#c", "a:batch", "x" * 256, "similar"]
)
def test_any_id_works_in_a_path(site: Site, item_id: str) -> None:
    path = "/v1/items/" + quote(item_id, safe="").replace(".", "%2E")
    assert site.ask("PUT", path, json={"title": "x"}).status_code == 200
    assert site.get(path).json()["item_id"] == item_id
    assert site.get(path + "/similar").status_code == 200
    assert site.ask("DELETE", path).status_code == 200


@pytest.mark.parametrize("item_id", ["a%00b", "x" * 257, "%F0%9F%8D%AF" * 65])
def test_an_id_that_is_none_is_refused(site: Site, item_id: str) -> None:
    assert pointers(site.ask("PUT", f"/v1/items/{item_id}", json={})) == ["/item_id"]
    problem(site.get(f"/v1/items/{item_id}"), 404)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"price": "cheap"}, "/price"),
        ({"price": -1}, "/price"),
        ({"categories": "kitchen"}, "/categories"),
        ({"categories": ["a", 1]}, "/categories/1"),
        ({"titel": "x"}, "/titel"),
        ({"created_at": "yesterday"}, "/created_at"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"vector": []}, "/vector"),
        ({"properties": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {}}}}}}}}}}}, None),
        ({"item_id": "other"}, "/item_id"),
    ],
)
def test_bad_items_are_pointed_at(site: Site, body: dict[str, Any], at: str | None) -> None:
    found = pointers(site.ask("PUT", "/v1/items/pot", json=body))
    assert len(found) == 1
    assert at is None or found == [at]


def test_many_items_at_once(site: Site) -> None:
    rows = [{"item_id": "a", **FULL}, {"title": "no id"}, {"item_id": "b", "price": "x"}, {"item_id": "c"}]
    answer = site.post("/v1/items:batch", rows, headers={"idempotency-key": "k"})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    assert [(entry["index"], entry["pointer"]) for entry in answer.json()["rejected"]] == [(1, "/item_id"), (2, "/price")]
    again = site.post("/v1/items:batch", rows, headers={"idempotency-key": "k"})
    assert again.json() == answer.json()
    lines = b'{"item_id": "d"}\n{"item_id": "e"}\n'
    assert (
        site.ask("POST", "/v1/items:batch", content=lines, headers={"content-type": "application/x-ndjson"}).json()[
            "accepted"
        ]
        == 2
    )
    assert [item["item_id"] for item in every_page(site, "/v1/items", 2)] == ["a", "c", "d", "e"]


def test_pages_of_items_are_whole_and_in_order(site: Site) -> None:
    site.fill(items=25)
    expected = sorted(f"i{n}" for n in range(25))
    for limit in (1, 7, 25, 1000):
        assert [item["item_id"] for item in every_page(site, "/v1/items", limit)] == expected


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=", "/cursor"),
        ("page=2", "/page"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/items", "/v1/users", "/v1/models", "/v1/jobs"])
def test_bad_pages_are_pointed_at(shop: Site, path: str, query: str, at: str) -> None:
    assert pointers(shop.get(f"{path}?{query}")) == [at]


def test_a_cursor_is_for_its_own_list(shop: Site) -> None:
    cursor = shop.get("/v1/items?limit=1").json()["next_cursor"]
    assert shop.get(f"/v1/items?limit=1&cursor={cursor}").status_code == 200
    assert pointers(shop.get(f"/v1/users?limit=1&cursor={cursor}")) == ["/cursor"]


def test_users(site: Site) -> None:
    assert site.ask("PUT", "/v1/users/u%2F1", json={"properties": {"country": "PT", "age": 30}}).json()["accepted"] == 1
    assert site.ask("PATCH", "/v1/users/u%2F1", json={"properties": {"age": 31}}).json()["accepted"] == 1
    found = site.get("/v1/users/u%2F1").json()
    assert found["user_id"] == "u/1"
    assert found["canonical_id"] is None
    assert found["properties"]["age"] == 31
    problem(site.get("/v1/users/nobody"), 404)
    assert pointers(site.ask("PUT", "/v1/users/x", json={"properties": []})) == ["/properties"]
    assert pointers(site.ask("PUT", "/v1/users/x", json={"name": "y"})) == ["/name"]
    site.ask("PATCH", "/v1/users/new", json={"properties": {}})
    assert [user["user_id"] for user in every_page(site, "/v1/users", 1)] == ["new", "u/1"]


def test_a_resource_is_sent_again_only_when_it_has_changed(site: Site) -> None:
    site.ask("PUT", "/v1/items/pot", json=FULL)
    first = site.get("/v1/items/pot")
    tag = first.headers["etag"]
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        same = site.get("/v1/items/pot", headers={"if-none-match": sent})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert site.get("/v1/items/pot", headers={"if-none-match": '"other"'}).status_code == 200
    site.ask("PATCH", "/v1/items/pot", json={"price": 1})
    changed = site.get("/v1/items/pot", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_body_where_none_belongs_is_refused(site: Site) -> None:
    site.ask("PUT", "/v1/items/pot", json={})
    assert "body" in problem(site.ask("DELETE", "/v1/items/pot", content=b"{}"), 422)["detail"]
    assert site.ask("DELETE", "/v1/items/pot", content=b"").status_code == 200


def test_items_and_users_are_found_by_the_beginning_of_their_ids(site: Site) -> None:
    for name in ("ab", "abc", "abd", "ac", "b"):
        site.put(f"/v1/items/{name}", {"title": name})
        site.put(f"/v1/users/{name}", {"properties": {}})
    for kind, field in (("items", "item_id"), ("users", "user_id")):
        assert [row[field] for row in site.get(f"/v1/{kind}?prefix=ab").json()["items"]] == ["ab", "abc", "abd"]
        first = site.get(f"/v1/{kind}?prefix=ab&limit=2").json()
        assert [row[field] for row in first["items"]] == ["ab", "abc"]
        rest = site.get(f"/v1/{kind}?prefix=ab&limit=2&cursor={first['next_cursor']}").json()
        assert ([row[field] for row in rest["items"]], rest["next_cursor"]) == (["abd"], None)
        assert site.get(f"/v1/{kind}?prefix=zz").json() == {"items": [], "next_cursor": None}
    site.delete("/v1/items/ab")
    assert [row["item_id"] for row in site.get("/v1/items?prefix=ab").json()["items"]] == ["abc", "abd"]


def test_named_items_come_in_one_answer(site: Site) -> None:
    site.fill()
    site.delete("/v1/items/i2")
    found = site.get("/v1/items?item_id=i1&item_id=i2&item_id=i3&item_id=none").json()
    assert ([item["item_id"] for item in found["items"]], found["next_cursor"]) == (["i1", "i3"], None)
    assert pointers(site.get("/v1/items?" + "&".join(f"item_id={n}" for n in range(1001)))) == ["/item_id"]


def test_the_history_of_a_user_is_newest_first_and_follows_merges(site: Site) -> None:
    site.fill()
    site.put("/v1/users/u1", {"properties": {"country": "PT"}})
    site.post("/v1/events", {"type": "rating", "user_id": "visitor", "item_id": "i9", "value": 4})
    site.post("/v1/users/visitor:merge", {"into": "u1"})
    found = site.get("/v1/users/visitor/events?limit=3").json()
    assert (found["known"], found["properties"], found["as_of"]) == (
        True,
        {"country": "PT"},
        site.get("/v1/system").json()["position"],
    )
    newest, *rest = found["items"]
    assert (newest["item_id"], newest["type"], newest["value"]) == ("i9", "rating", 4.0)
    assert len(rest) == 2
    assert [newest["sequence"], *[event["sequence"] for event in rest]] == sorted(
        (e["sequence"] for e in found["items"]), reverse=True
    )
    nobody = site.get("/v1/users/nobody/events").json()
    assert (nobody["known"], nobody["items"]) == (False, [])
    assert pointers(site.get("/v1/users/u1/events?limit=0")) == ["/limit"]
