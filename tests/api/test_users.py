"""Users over HTTP beside their attributes: merges."""

import pytest

from tests.api.site import Site, pointers, problem


def seen(site: Site, *names: str) -> None:
    events = [{"type": "view", "user_id": name, "item_id": f"i{at}"} for at, name in enumerate(names)]
    assert site.post("/v1/events:batch", events).json()["accepted"] == len(names)


def test_a_visitor_becomes_a_user(site: Site) -> None:
    seen(site, "visitor", "ann")
    answer = site.post("/v1/users/visitor:merge", {"into": "ann"})
    assert answer.status_code == 200
    assert answer.json() == {
        "canonical_id": "ann",
        "user_ids": ["visitor", "ann"],
        "accepted": 1,
        "sequence": 3,
        "unknown": [],
    }
    assert site.get("/v1/users/visitor").json()["canonical_id"] == "ann"
    assert site.post("/v1/users/visitor:merge", {"into": "ann"}).json()["accepted"] == 0


def test_merges_that_cannot_be(site: Site) -> None:
    seen(site, "visitor", "ann", "bob")
    assert pointers(site.post("/v1/users/ann:merge", {"into": "ann"})) == ["/into"]
    assert pointers(site.post("/v1/users/ann:merge", {})) == ["/into"]
    assert pointers(site.post("/v1/users/ann:merge", {"into": "x" * 257})) == ["/into"]
    problem(site.post("/v1/users/nobody:merge", {"into": "none"}), 404, "unknown_users")
    site.post("/v1/users/visitor:merge", {"into": "ann"})
    problem(site.post("/v1/users/visitor:merge", {"into": "bob"}), 409, "merged_elsewhere")


@pytest.mark.parametrize("name", ["a:merge", "a%3Amerge", ":merge", "a:merge:merge", "a%2Fb:merge"])
def test_an_id_may_end_like_a_verb(site: Site, name: str) -> None:
    """The verb belongs to POST; for other methods it is a part of the id."""
    written = site.ask("PUT", f"/v1/users/{name}", json={"properties": {"x": 1}})
    assert written.status_code == 200
    found = site.get(f"/v1/users/{name}").json()
    assert found["user_id"] == name.replace("%3A", ":").replace("%2F", "/")
    merged = site.post(f"/v1/users/{name}:merge", {"into": "b"})
    assert merged.json()["user_ids"] == [found["user_id"], "b"]


def test_the_methods_there_are_are_told(site: Site) -> None:
    assert problem(site.post("/v1/users/ann", {}), 405)["code"] == "method_not_allowed"
    assert site.ask("DELETE", "/v1/users/ann:merge").headers["allow"] == "POST"
