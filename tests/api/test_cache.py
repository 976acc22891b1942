"""The cache over HTTP: its figures, why a list comes from where it does, clearing, warming; for admins only."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Cache
from tests.api.site import Site, pointers, problem


def why(site: Site, **asked: Any) -> dict[str, Any]:
    answer = site.get("/v1/cache/why", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def recommend(site: Site, user: str, **fields: Any) -> dict[str, Any]:
    answer = site.post("/v1/recommendations", {"user_id": user, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def warm(site: Site, **body: Any) -> list[dict[str, Any]]:
    answer = site.post("/v1/cache:warm", body)
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Site]:
    """Nothing is made in advance: what was asked for is all there is."""
    site = Site(tmp_path, cache=Cache(warm_users=0)).fill()
    site.publish("popular")
    yield site
    site.close()


def test_figures_begin_at_nothing_and_follow_what_is_asked(filled: Site) -> None:
    (tier,) = filled.get("/v1/cache").json()["tiers"]
    assert (tier["tier"], tier["entries"], tier["hit_rate"], tier["bound"]) == ("l1", 0, None, 256_000_000)
    for _ in range(3):
        recommend(filled, "u1")
    filled.post("/track/view?user_id=u1&item_id=i1")
    recommend(filled, "u1")
    found = filled.get("/v1/cache").json()
    (tier,) = found["tiers"]
    assert (tier["entries"], tier["hits"], tier["stale"], tier["misses"]) == (1, 2, 1, 1)
    assert (tier["hit_rate"], tier["stale_rate"]) == (0.5, 0.25)
    assert tier["bytes"] > 400
    assert (found["processes"], found["shared"]) == (1, None)
    assert found["made"]["computed"] >= 1
    assert found["made"]["invalidated"]["soft_event"] >= 1


def test_why_a_list_is_fresh_then_stale_then_computed(filled: Site) -> None:
    clock = filled.clock
    assert isinstance(clock, ManualClock)
    found = why(filled, user_id="u1")
    assert (found["verdict"], found["copies"]) == ("computed", [])
    assert "no tier holds it" in found["reason"]
    served = recommend(filled, "u1")
    clock.advance(10.0)
    found = why(filled, user_id="u1", n=5)
    (copy,) = found["copies"]
    assert found["verdict"] == "l1"
    assert found["reason"] == f"fresh in l1 for {copy['fresh_for_seconds']:.0f} s more"
    assert (copy["age_seconds"], copy["model"], copy["as_of"]) == (10.0, "popular@1", served["as_of"])
    sequence = filled.post("/track/view?user_id=u1&item_id=i1").json()["sequence"]
    clock.advance(4.0)
    found = why(filled, user_id="u1")
    assert found["verdict"] == "stale"
    assert found["reason"] == f"stale: the user's view of i1 came after it was made (log position {sequence}, 4 s ago)"
    assert (found["soft_set_by"], found["copies"][0]["same_soft"], found["copies"][0]["same_hard"]) == (
        sequence,
        False,
        True,
    )
    filled.post("/track/purchase?user_id=u1&item_id=i2")
    found = why(filled, user_id="u1")
    assert found["verdict"] == "computed"
    assert "the user's purchase of i2 came after it was made" in found["reason"]
    assert recommend(filled, "u1")["served_from"] == "computed", "as was said"


def test_why_says_when_time_is_over_and_when_other_versions_serve(filled: Site) -> None:
    clock = filled.clock
    assert isinstance(clock, ManualClock)
    recommend(filled, "u1")
    clock.advance(100.0)
    found = why(filled, user_id="u1")
    assert found["verdict"] == "stale"
    assert "its time was over" in found["reason"]
    clock.advance(4_000.0)
    found = why(filled, user_id="u1")
    assert (found["verdict"], "its time was over" in found["reason"]) == ("computed", True)
    recommend(filled, "u2")
    filled.publish("popular")
    found = why(filled, user_id="u2")
    assert (found["verdict"], found["reason"]) == (
        "stale",
        "stale: it was made by popular@1, and popular@2 serves now",
    )


def test_why_of_a_request_tells_how_it_was_served(filled: Site) -> None:
    recommend(filled, "u1")
    served = recommend(filled, "u1", n=3)
    found = why(filled, request_id=served["request_id"])
    assert (found["user_id"], found["n"], found["verdict"]) == ("u1", 3, "l1")
    assert (found["request"]["served_from"], found["request"]["model"]) == ("l1", "popular@1")
    filtered = recommend(filled, "u1", filters={"category": ["odd"]})
    assert why(filled, request_id=filtered["request_id"])["verdict"] == "l1"
    alone = recommend(filled, "u1", model="champion")
    assert "never kept" in why(filled, request_id=alone["request_id"])["reason"]
    problem(filled.get("/v1/cache/why?request_id=nothing"), 404)


def test_why_of_a_user_nobody_knows_is_that_of_the_list_they_share(filled: Site) -> None:
    assert "share one list" in why(filled, user_id="stranger")["reason"]
    recommend(filled, "other stranger")
    found = why(filled, user_id="stranger")
    assert (found["verdict"], "share one list" in found["reason"]) == ("l1", True)


def test_a_question_that_cannot_be_answered_says_what_is_wrong(filled: Site) -> None:
    assert pointers(filled.get("/v1/cache/why")) == ["/user_id"]
    assert pointers(filled.get("/v1/cache/why?user_id=u&surface=nowhere&n=0")) == ["/n", "/surface"]
    assert pointers(filled.post("/v1/cache:clear", {"user_id": ""})) == ["/user_id"]
    assert pointers(filled.post("/v1/cache:warm", {"users": -1})) == ["/users"]
    assert pointers(filled.post("/v1/cache:warm", {"users": 1, "user_ids": ["u"]})) == ["/users"]
    for ids in (None, [], ["u"]):
        assert pointers(filled.post("/v1/cache:warm", {"user_ids": ids, "surface": "nowhere"})) == ["/surface"]


def test_clearing_a_user_leaves_the_others_alone(filled: Site) -> None:
    for user in ("u1", "u2", "u3"):
        recommend(filled, user)
        recommend(filled, user, n=200, surface="popular")
    assert filled.post("/v1/users/u2:merge", {"into": "u1"}).status_code == 200
    for user in ("u1", "u2"):
        recommend(filled, user)
    cleared = filled.post("/v1/cache:clear", {"user_id": "u1"}).json()
    assert cleared == {"cleared": "user", "user_ids": ["u1", "u2"], "reach": "process"}
    found = why(filled, user_id="u2")
    assert (found["verdict"], "the cache was cleared" in found["reason"]) == ("computed", True)
    assert why(filled, user_id="u1", surface="popular", n=200)["verdict"] == "computed"
    assert recommend(filled, "u1")["served_from"] == "computed"
    assert recommend(filled, "u3")["served_from"] == "l1"


def test_clearing_all(filled: Site) -> None:
    recommend(filled, "u1")
    assert filled.post("/v1/cache:clear", {}).json() == {"cleared": "everything", "user_ids": [], "reach": "process"}
    assert recommend(filled, "u1")["served_from"] == "computed"
    assert filled.get("/v1/cache").json()["made"]["invalidated"]["cleared"] == 1


def test_warming_the_users_who_ask_most_or_those_that_are_named(filled: Site) -> None:
    for user in (1, 2, 2, 3, 3, 3):
        recommend(filled, f"u{user}")
    filled.runner.run(filled.runtime.slates.round())
    filled.post("/v1/cache:clear", {})
    assert warm(filled, users=2)[-1] == {"done": 2, "of": 2, "made": 2}
    assert [why(filled, user_id=f"u{user}")["verdict"] for user in (1, 2, 3)] == ["computed", "l1", "l1"]
    lines = warm(filled, user_ids=[f"u{number}" for number in range(120)])
    assert [line["done"] for line in lines] == [0, 50, 100, 120]
    assert lines[-1]["made"] == 120
    assert why(filled, user_id="u1")["verdict"] == "l1"
    assert filled.get("/v1/cache").json()["made"]["warmed"]["request"] == 122


def test_only_an_admin_may(filled: Site) -> None:
    gate = filled.app._gate
    gate._digest = b"a key is set"
    gate.scopes = lambda headers: frozenset(("recommend:read", "events:write", "catalog:write", "metrics:read"))  # type: ignore[method-assign]
    for answer in (
        filled.get("/v1/cache"),
        filled.get("/v1/cache/why?user_id=u1"),
        filled.post("/v1/cache:clear", {}),
        filled.post("/v1/cache:warm", {}),
    ):
        assert "scope admin" in problem(answer, 403)["detail"]
