"""Experiments over HTTP: decided, served, refused; and that other servers hear of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from honeyguide.bootstrap import open_runtime
from honeyguide.config import Settings
from honeyguide.config.settings import Project
from tests.api.site import Site

VARIETY = {
    "name": "variety",
    "surface": "home",
    "arms": [{"name": "control", "weight": 0.5}, {"name": "varied", "weight": 0.5, "changes": {"max_per_category": 1}}],
    "goals": ["ctr"],
    "by": "ann",
    "why": "lists look alike",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path).fill()
    yield site
    site.close()


def refused(answer: httpx.Response, status: int) -> Any:
    """The problem that an answer of this status tells."""
    assert answer.status_code == status, answer.text
    return answer.json()


def act(shop: Site, what: str, **body: Any) -> Any:
    answer = shop.post(f"/v1/experiments/variety:{what}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_experiment_from_the_first_request_to_the_last(shop: Site) -> None:
    assert shop.get("/v1/experiments").json()["items"] == []
    checked = shop.post("/v1/experiments:check", VARIETY)
    assert (checked.status_code, checked.json()["revision"]) == (200, 0)
    made = shop.post("/v1/experiments", VARIETY)
    assert made.status_code == 201
    draft = made.json()
    assert (draft["state"], draft["seed"], draft["starts_at"], draft["warnings"]) == ("draft", "variety", None, [])
    assert shop.get("/v1/experiments/variety").json() == draft
    edited = shop.ask("PATCH", "/v1/experiments/variety", json={"coverage": 0.5, "starts_at": "2099-01-01T00:00:00Z"}).json()
    assert (edited["coverage"], edited["starts_at"]) == (0.5, "2099-01-01T00:00:00.000Z")
    shop.ask("PATCH", "/v1/experiments/variety", json={"starts_at": None})
    assert act(shop, "start", by="bob")["state"] == "running"
    assert act(shop, "ramp", coverage=1.0)["coverage"] == 1.0
    slate = shop.get("/v1/recommendations?user_id=u1&n=3").json()
    record = shop.get(f"/v1/recommendations/{slate['request_id']}").json()
    assigned = shop.get("/v1/experiments/variety/assignments/u1").json()
    assert (assigned["enrolled"], assigned["unit_id"]) == (True, "u1")
    assert record["arm"] == record["served_arm"] == f"variety:1:{assigned['arm']}"
    assert record["assigned"][0]["reason"] == "hash"
    second = act(shop, "phase", arms=[{"name": "control", "weight": 0.2}, {"name": "varied", "weight": 0.8}], why="a bug")
    assert (second["phase"], second["seed"]) == (2, "variety:2")
    assert act(shop, "stop", verdict="varied is shipped", by="ann")["verdict"] == "varied is shipped"
    changes = shop.get("/v1/experiments/variety/history").json()["items"]
    assert [change["change"] for change in changes] == [
        "stopped",
        "phase",
        "ramped",
        "started",
        "edited",
        "edited",
        "created",
    ]
    assert (changes[3]["changed_by"], changes[-1]["why"]) == ("bob", "lists look alike")
    (listed,) = shop.get("/v1/experiments").json()["items"]
    assert listed["state"] == "stopped"


def test_what_does_not_fit_says_where(shop: Site) -> None:
    arms = [{"name": "control", "weight": 0.5}, {"name": "varied", "weight": 0.4, "changes": {"max_per_categry": 1}}]
    wrong = refused(shop.post("/v1/experiments", {**VARIETY, "surface": "nowhere", "arms": arms}), 422)
    assert wrong["code"] == "invalid_experiment"
    assert {each["pointer"] for each in wrong["errors"]} == {"/surface", "/arms"}
    arms[1]["weight"] = 0.5
    wrong = refused(shop.post("/v1/experiments", {**VARIETY, "arms": arms}), 422)
    assert wrong["errors"][0]["pointer"] == "/arms/1/changes/max_per_categry"
    wrong = refused(shop.post("/v1/experiments", {**VARIETY, "goal": ["ctr"]}), 422)
    assert "goals" in wrong["errors"][0]["detail"]
    assert "starts_at" in str(refused(shop.post("/v1/experiments", {**VARIETY, "starts_at": "soon"}), 422))
    assert refused(shop.get("/v1/experiments/none"), 404)["code"] == "experiment_not_found"
    assert refused(shop.get("/v1/experiments/none/history"), 404)["code"] == "experiment_not_found"
    assert refused(shop.get("/v1/experiments/none/assignments/u1"), 404)["code"] == "experiment_not_found"
    assert refused(shop.post("/v1/experiments/none:start", {}), 404)["code"] == "experiment_not_found"
    assert shop.post("/v1/experiments", VARIETY).status_code == 201
    assert refused(shop.post("/v1/experiments", VARIETY), 409)["code"] == "experiment_exists"
    assert refused(shop.post("/v1/experiments/variety:ramp", {"coverage": 0.5}), 409)["code"] == "not_running"
    act(shop, "start")
    assert refused(shop.ask("PATCH", "/v1/experiments/variety", json={"coverage": 0.1}), 409)["code"] == "needs_new_phase"
    same = {**VARIETY, "name": "second"}
    assert refused(shop.post("/v1/experiments:check", same), 409)["code"] == "changes_collide"


def test_units_beside_users_and_arms_to_look_at(shop: Site) -> None:
    shop.post("/v1/experiments", {**VARIETY, "unit": "device", "coverage": 0.0, "forced": {"d9": "varied"}})
    act(shop, "start")

    def arm(path: str, body: dict[str, Any]) -> str:
        answer = shop.post(path, body)
        assert answer.status_code == 200, answer.text
        found: str = shop.get(f"/v1/recommendations/{answer.json()['request_id']}").json()["arm"]
        return found

    assert arm("/v1/recommendations", {"user_id": "u1"}) == ""
    assert arm("/v1/recommendations", {"user_id": "u1", "device_id": "d9"}) == "variety:1:varied"
    assert arm("/v1/sessions/recommendations", {"events": [{"item_id": "i1"}], "device_id": "d9"}) == "variety:1:varied"
    looked_at = {"user_id": "u1", "device_id": "d1", "arms": {"variety": "control"}}
    assert arm("/v1/recommendations", looked_at) == "variety:1:control"
    by_url = shop.get("/v1/recommendations?user_id=u1&device_id=d9").json()
    assert shop.get(f"/v1/recommendations/{by_url['request_id']}").json()["assigned"][0]["unit"] == "d9"
    wrong = refused(shop.post("/v1/recommendations", {"user_id": "u1", "arms": {"variety": "nothing"}}), 422)
    assert wrong["errors"][0]["pointer"] == "/arms/variety"
    forged = shop.post("/v1/recommendations", {"user_id": "u1", "assigned": []})
    assert forged.status_code == 422, "arms are decided here, never told by the caller"


def test_another_process_hears_of_a_start_and_a_stop_in_its_next_round(shop: Site) -> None:
    """It reads the experiments that run 5 times a second (`jobs.DUTIES`), and comes to the same arms."""
    data_dir = shop.runtime.settings.project.data_dir
    other = open_runtime(Settings(project=Project(data_dir=data_dir)), shop.clock)
    try:
        shop.post("/v1/experiments", VARIETY)
        act(shop, "start")
        shop.runner.run(other.enrolment.refresh())
        assert set(other.enrolment.running) == {"home"}
        for number in range(20):
            here = shop.get(f"/v1/experiments/variety/assignments/u{number}").json()
            there = shop.runner.run(other.experiments.assignment("variety", f"u{number}"))
            assert (there.arm, there.enrolled) == (here["arm"], True)
        act(shop, "stop")
        shop.runner.run(other.enrolment.refresh())
        assert other.enrolment.running == {}
    finally:
        other.store.close()


def test_a_server_that_loses_the_table_goes_on_with_what_it_knows(shop: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.post("/v1/experiments", VARIETY)
    act(shop, "start")
    runtime = shop.runtime

    def away() -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(runtime.store.experiments, "running", away)
    with pytest.raises(OSError, match="away"):
        shop.runner.run(runtime.enrolment.refresh())
    slate = shop.get("/v1/recommendations?user_id=u1").json()
    assert shop.get(f"/v1/recommendations/{slate['request_id']}").json()["arm"].startswith("variety:1:")


def test_other_kinds_are_kept_with_what_they_need(shop: Site) -> None:
    bandit = {**VARIETY, "kind": "bandit", "bandit": {"every": 12, "uniform": 0.2}}
    made = shop.post("/v1/experiments", bandit)
    assert made.status_code == 201, made.text
    assert (made.json()["kind"], made.json()["bandit"]["every"]) == ("bandit", 12)
    wrong = refused(shop.post("/v1/experiments:check", {**bandit, "name": "b2", "goals": []}), 422)
    assert [each["pointer"] for each in wrong["errors"]] == ["/goals"]
    three = [{"name": f"a{at}", "weight": share} for at, share in enumerate([0.5, 0.25, 0.25])]
    mixed = {**VARIETY, "name": "mixed", "kind": "interleaving", "arms": three}
    assert refused(shop.post("/v1/experiments", mixed), 422)["errors"][0]["pointer"] == "/arms"
    mixed["arms"] = VARIETY["arms"]
    assert shop.post("/v1/experiments", mixed).json()["interleave"] == "team_draft"
    assert shop.ask("PATCH", "/v1/experiments/mixed", json={"interleave": "probabilistic"}).json()["revision"] == 2
    assert [each["name"] for each in shop.get("/v1/experiments").json()["items"]] == ["mixed", "variety"]
