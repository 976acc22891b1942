"""Page after page over HTTP, while the list changes."""

from typing import Any

from tests.api.site import Site


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["item_id"] for entry in answer["items"]]


def test_pages_of_a_list_that_changes_between_them(site: Site) -> None:
    site.fill(items=60)
    site.publish("knn")
    query = {"user_id": "u1", "n": 6}
    first = site.post("/v1/recommendations", query).json()
    seen, cursor = ids(first), first["next_cursor"]
    for bought in ("i40", "i33", first["items"][2]["item_id"]):
        site.post(f"/track/purchase?user_id=u1&item_id={bought}")
        page = site.post("/v1/recommendations", {**query, "cursor": cursor}).json()
        assert len(page["items"]) == 6
        assert not set(ids(page)) & {*seen, bought}
        told = site.get(f"/v1/recommendations/{page['request_id']}/explanation").json()
        assert told["matches"] is True, told
        seen, cursor = seen + ids(page), page["next_cursor"]
    site.ask("PATCH", f"/v1/items/{seen[0]}", json={"hidden": True})
    rest: list[str] = []
    while cursor is not None:
        page = site.post("/v1/recommendations", {**query, "cursor": cursor}).json()
        rest, cursor = rest + ids(page), page["next_cursor"]
    assert len(set(rest)) == len(rest)
    assert not set(rest) & set(seen)
    bought_of_old = {f"i{(2 + step * 3) % 60}" for step in range(1, 5)}
    everything = {f"i{number}" for number in range(60)} - bought_of_old - {"i40", "i33"}
    assert set(rest) | set(seen) >= everything


def test_the_last_page_has_no_cursor(site: Site) -> None:
    site.fill(items=9)
    first = site.post("/v1/recommendations", {"user_id": "new", "n": 5}).json()
    last = site.post("/v1/recommendations", {"user_id": "new", "n": 5, "cursor": first["next_cursor"]}).json()
    assert sorted(ids(first) + ids(last)) == sorted(f"i{number}" for number in range(9))
    assert last["next_cursor"] is None
