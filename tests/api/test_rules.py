"""Rules over HTTP: kept, read, previewed, removed; conditions in requests; what does not fit."""

from typing import Any

import httpx
import pytest

from tests.api.site import Site


def refused(answer: httpx.Response, status: int) -> Any:
    """The problem that an answer of this status tells."""
    assert answer.status_code == status
    return answer.json()


CHEAP = {"kind": "filter", "where": "item.price < 8", "owner": "ann", "note": "clearance"}


def test_a_rule_is_kept_listed_and_removed_with_its_history(shop: Site) -> None:
    kept = shop.put("/v1/rules/cheap", CHEAP).json()
    assert (kept["name"], kept["revision"], kept["active"], kept["owner"]) == ("cheap", 1, True, "ann")
    assert shop.get("/v1/rules/cheap").json() == kept
    assert [rule["name"] for rule in shop.get("/v1/rules").json()["items"]] == ["cheap"]
    later = {**CHEAP, "starts_at": "2099-01-01T00:00:00Z", "revision": 1}
    assert shop.put("/v1/rules/cheap", later).json()["active"] is False
    assert refused(shop.put("/v1/rules/cheap", later), 409)["code"] == "rule_changed"
    assert shop.delete("/v1/rules/cheap").status_code == 204
    changes = shop.get("/v1/rules/cheap/history").json()["items"]
    assert [change["rule"] and change["rule"]["revision"] for change in changes] == [None, 2, 1]
    assert refused(shop.get("/v1/rules/cheap"), 404)["code"] == "rule_not_found"
    assert refused(shop.get("/v1/rules/never/history"), 404)["code"] == "rule_not_found"


def test_a_preview_tells_before_and_after(shop: Site) -> None:
    rule = {"kind": "filter", "where": "item.id == 'i1'"}
    found = shop.post("/v1/rules:preview", {"rule": rule, "user_ids": ["somebody"], "n": 3}).json()
    assert found["matches"] == 1
    (user,) = found["users"]
    assert user["after"] == ["i1"]
    assert len(user["before"]) == 3
    assert shop.get("/v1/rules").json()["items"] == []
    wrong = refused(shop.post("/v1/rules:preview", {"rule": {"kind": "filter", "where": "item.prise"}}), 422)
    assert wrong["errors"][0]["pointer"] == "/rule/where"
    assert "item.price" in wrong["errors"][0]["detail"]


def test_conditions_in_requests(shop: Site) -> None:
    asked = shop.post("/v1/recommendations", {"user_id": "u", "filter": "item.id in ['i1', 'i2']"}).json()
    assert {item["item_id"] for item in asked["items"]} <= {"i1", "i2"}
    by_url = shop.get("/v1/recommendations?user_id=u&filter=item.id%20%3D%3D%20%27i1%27").json()
    assert [item["item_id"] for item in by_url["items"]] == ["i1"]
    simple = shop.post("/recommendations", {"user_id": "u", "filters": "item.id == 'i2'"}).json()
    assert simple["items"] == ["i2"]
    nothing = shop.post("/v1/recommendations", {"user_id": "u", "filter": "item.price < 0"}).json()
    assert (nothing["items"], nothing["empty_because"]) == ([], "no item meets the filter of the request")
    wrong = refused(shop.post("/v1/recommendations", {"user_id": "u", "filter": "item.price <"}), 422)
    assert (wrong["code"], wrong["errors"][0]["pointer"]) == ("invalid_filter", "/filter")
    assert "^" in wrong["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "boost", "where": "item.price > 1", "factor": 1e300}, "/factor"),
        ({"kind": "pin", "item_id": "i1"}, "/slot"),
        ({"kind": "filter", "where": "item.price > 1", "starts_at": "soon"}, "/starts_at"),
        ({"kind": "hide", "where": "item.price > 1"}, "/kind"),
        ({"kind": "filter", "where": "item.price > 1", "surface": "nowhere"}, "/surface"),
        ({"kind": "filter", "where": "not " * 99 + "item.available"}, "/where"),
    ],
)
def test_what_does_not_fit_is_refused(shop: Site, body: dict[str, object], pointer: str) -> None:
    answer = refused(shop.put("/v1/rules/wrong", body), 422)
    assert answer["errors"][0]["pointer"] == pointer
