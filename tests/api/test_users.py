"""Users over HTTP beside their attributes: merges and exports."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.process import ServerProcess
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
    assert site.ask("BREW", "/v1/users/ann:merge").headers["allow"] == "POST"


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_an_export_is_all_that_is_held_of_all_ids(site: Site) -> None:
    site.fill()
    seen(site, "visitor", "ann", "bob")
    site.ask("PUT", "/v1/users/ann", json={"properties": {"country": "PT"}})
    site.post("/v1/users/visitor:merge", {"into": "ann"})
    slate = site.post("/v1/recommendations", {"user_id": "ann", "n": 3}).json()
    answer = site.get("/v1/users/visitor/export")
    told = lines(answer)
    assert "content-length" not in answer.headers
    begin, end = told[0], told[-1]
    assert (begin["table"], begin["user_id"], begin["user_ids"]) == ("export", "visitor", ["visitor", "ann"])
    assert begin["as_of"] == site.get("/v1/system").json()["position"]
    features = {line["view"]: line["value"] for line in told if line["table"] == "features"}
    assert features["recent_views"] == ["i1", "i0"]
    rows = {"users": 2, "user_links": 1, "log": 4, "slates": 1, "features": len(features)}
    assert end == {"table": "end", "rows": rows}
    assert len(told) == 2 + sum(end["rows"].values())
    (served,) = [line for line in told if line["table"] == "slates"]
    assert (served["request_id"], served["items"]) == (slate["request_id"], [item["item_id"] for item in slate["items"]])
    assert "bob" not in answer.text
    assert site.ask("HEAD", "/v1/users/visitor/export").text == ""


def test_nothing_is_held_about_a_stranger(site: Site) -> None:
    problem(site.get("/v1/users/nobody/export"), 404, "user_not_found")
    site.fill()
    site.get("/recommendations?user_id=nobody")
    assert [line["table"] for line in lines(site.get("/v1/users/nobody/export"))] == ["export", "slates", "end"]


def test_a_long_export_comes_in_pieces(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as ask:
        events = [{"type": "view", "user_id": "ann", "item_id": f"i{at}"} for at in range(999)]
        for _ in range(3):
            assert ask.post("/v1/events:batch", json=events).json()["accepted"] == 999
        whole = ask.get("/v1/users/ann/export")
        assert lines(whole)[-1]["rows"]["log"] == 2997
        assert whole.headers["transfer-encoding"] == "chunked"
        assert ask.head("/v1/users/ann/export").content == b""
