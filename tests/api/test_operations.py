"""Model versions, aliases and jobs over HTTP."""

import asyncio
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from honeyguide.jobs.training import Training
from honeyguide.models import REGISTRY
from honeyguide.stores.files import FileArtefacts
from tests.api.site import Site, pointers, problem


@pytest.fixture
def trained(site: Site) -> Site:
    """A site with two versions of one model and one of another; knn@2 is the champion, knn@1 was before it."""
    site.fill()
    site.publish("popular", alias=None)
    site.publish("knn")
    site.publish("knn")
    return site


def test_versions_are_listed_newest_first(trained: Site) -> None:
    page = trained.get("/v1/models?limit=2").json()
    rest = trained.get(f"/v1/models?limit=2&cursor={page['next_cursor']}").json()
    listed = page["items"] + rest["items"]
    assert [(entry["model"], entry["version"]) for entry in listed] == [("knn", 2), ("knn", 1), ("popular", 1)]
    assert listed[0]["aliases"] == ["champion"]
    assert listed[1]["aliases"] == []
    assert rest["next_cursor"] is None


def test_a_version_shows_its_manifest(trained: Site) -> None:
    found = trained.get("/v1/models/knn/versions/1").json()
    assert found["metrics"] == {"ndcg": 0.5}
    assert found["manifest"]["model"] == "knn"
    assert set(found["manifest"]["files"]) == {"arrays.safetensors", "items.json"}
    problem(trained.get("/v1/models/knn/versions/9"), 404)
    problem(trained.get("/v1/models/nothing/versions/1"), 404)
    assert pointers(trained.get("/v1/models/knn/versions/one")) == ["/version"]


def renewed(site: Site, query: dict[str, Any]) -> dict[str, Any]:
    """The list once the one that was kept has been made anew: it may have been served once more, marked stale."""
    answer: dict[str, Any] = site.post("/v1/recommendations", query).json()
    if answer["stale"]:
        site.runner.run(site.runtime.cache.drain())
        answer = site.post("/v1/recommendations", query).json()
    assert not answer["stale"]
    return answer


def test_an_alias_is_pointed_and_lists_follow(trained: Site) -> None:
    assert trained.post("/v1/recommendations", {"user_id": "u1"}).json()["model"] == "knn@2"
    put = trained.ask("PUT", "/v1/aliases/champion", json={"model": "knn", "version": 1})
    assert put.json() == {"alias": "champion", "model": "knn", "version": 1, "serving": "knn@1"}
    assert trained.get("/v1/aliases/champion").json() == put.json()
    last = trained.post("/v1/recommendations", {"user_id": "u1"}).json()
    once_more, warmed = ("knn@2", "stale"), ("knn@1", "l1")  # warmed if the slate above was stored before the switch
    assert (last["model"], last["served_from"]) in (once_more, warmed)
    assert renewed(trained, {"user_id": "u1"})["model"] == "knn@1"
    assert trained.get("/health").json()["models"] == ["knn@1"]


def test_rolling_back(trained: Site) -> None:
    back = trained.post("/v1/aliases/champion:rollback")
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert trained.post("/v1/recommendations", {"user_id": "u1"}).json()["model"] == "knn@1"
    trained.ask("PUT", "/v1/aliases/fresh", json={"model": "popular", "version": 1})
    assert "nothing else before" in problem(trained.post("/v1/aliases/fresh:rollback"), 409)["detail"]
    problem(trained.post("/v1/aliases/nothing:rollback"), 404)
    assert trained.get("/v1/aliases/champion:rollback").headers["allow"] == "POST"


def test_another_alias_can_be_asked_for(trained: Site) -> None:
    trained.ask("PUT", "/v1/aliases/challenger", json={"model": "knn", "version": 1})
    assert trained.post("/v1/recommendations", {"user_id": "u1", "model": "challenger"}).json()["model"] == "knn@1"
    aliases = trained.get("/v1/aliases").json()["items"]
    assert [entry["alias"] for entry in aliases] == ["challenger", "champion"]
    gone = trained.ask("DELETE", "/v1/aliases/challenger")
    assert (gone.status_code, gone.content) == (204, b"")
    problem(trained.ask("DELETE", "/v1/aliases/challenger"), 404)
    problem(trained.post("/v1/recommendations", {"user_id": "u1", "model": "challenger"}), 404)


@pytest.mark.parametrize("alias", ["Champion", "9lives", "a%20b", "a@1", "x" * 65, "a%2Fb"])
def test_what_is_no_name_for_an_alias(trained: Site, alias: str) -> None:
    assert pointers(trained.ask("PUT", f"/v1/aliases/{alias}", json={"model": "knn", "version": 1})) == ["/alias"]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"model": "knn", "version": 9}, 404), ({"model": "knn"}, 422), ({"model": "knn", "version": "1"}, 422)],
)
def test_an_alias_points_only_at_what_there_is(trained: Site, body: dict[str, Any], status: int) -> None:
    problem(trained.ask("PUT", "/v1/aliases/champion", json=body), status)
    assert trained.get("/v1/aliases/champion").json()["version"] == 2


def test_a_damaged_version_is_refused_and_the_old_one_serves(trained: Site) -> None:
    version = trained.publish("ease", alias=None)
    arrays = trained.runtime.artefacts.path("ease", version.version) / "arrays.safetensors"
    arrays.chmod(0o644)
    arrays.write_bytes(arrays.read_bytes()[:-1])
    found = problem(trained.ask("PUT", "/v1/aliases/champion", json={"model": "ease", "version": 1}), 409)
    assert "ease@1 cannot be served" in found["detail"]
    assert trained.post("/v1/recommendations", {"user_id": "u1"}).json()["model"] == "knn@2"


def test_a_version_is_read_beside_the_loop_that_answers(trained: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = []

    def path(model: str, version: int) -> Path:
        readers.append(threading.current_thread())
        return FileArtefacts.path(trained.runtime.artefacts, model, version)

    monkeypatch.setattr(trained.runtime.artefacts, "path", path)
    trained.publish("ease")
    for version in (1, 2):
        trained.ask("PUT", "/v1/aliases/champion", json={"model": "ease", "version": 1})
        asked = {"user_id": "u1", "model": f"popular@{version}"}
        trained.post("/v1/recommendations", asked)
    assert len(readers) >= 2
    assert threading.main_thread() not in readers


def test_pages_and_batches_are_made_by_the_versions_that_they_began_with(trained: Site) -> None:
    trained.publish("ease", alias=None)
    query = {"user_id": "u1", "n": 3}
    whole = trained.post("/v1/recommendations", {**query, "n": 6}).json()
    first = trained.post("/v1/recommendations", query).json()
    states = trained.runtime.recommend.states
    read = states.of_many

    async def read_and_switch(queries: Any) -> Any:
        known = await read(queries)
        trained.runtime.store.registry.set_alias("champion", "ease", 1)
        await trained.runtime.serving.refresh()
        return known

    states.of_many = read_and_switch  # type: ignore[method-assign]
    batch = trained.post("/v1/recommendations:batch", {"queries": [query, {"user_id": "u2"}, {"user_id": "u3"}]}).json()
    assert [slate["model"] for slate in batch["slates"]] == ["knn@2"] * 3
    second = trained.post("/v1/recommendations", {**query, "cursor": first["next_cursor"]}).json()
    assert second["model"] == "knn@2"
    assert [item["item_id"] for item in first["items"] + second["items"]] == [item["item_id"] for item in whole["items"]]
    fresh = renewed(trained, query)
    assert fresh["model"] == "ease@1"
    assert trained.post("/v1/recommendations", {**query, "cursor": fresh["next_cursor"]}).json()["model"] == "ease@1"


def test_the_page_of_a_list_whose_versions_are_gone_is_made_by_those_there_are(trained: Site) -> None:
    first = trained.post("/v1/recommendations", {"user_id": "u1", "n": 3}).json()
    for version in (1, 2) * 3 + (1,):
        trained.ask("PUT", "/v1/aliases/champion", json={"model": "knn", "version": version})
        trained.ask("PUT", "/v1/aliases/other", json={"model": "knn", "version": version})
    answer = trained.post("/v1/recommendations", {"user_id": "u1", "n": 3, "cursor": first["next_cursor"]})
    assert (answer.status_code, answer.json()["model"]) == (200, "knn@1")


WAITS = 'import sys, time; print(\'{"progress": 0.5, "stage": "fit"}\', file=sys.stderr, flush=True); time.sleep(60)'
WORKS = "import json, sys; print(json.dumps({'models': sys.argv[1:]}))"


def jobs_run(site: Site, program: str) -> None:
    """Let jobs run this program instead of a training."""
    site.runtime.queue.kinds["train"] = Training([sys.executable, "-c", program], REGISTRY)


def until(site: Site, job_id: str, state: str) -> dict[str, Any]:
    """Ask for the job until it is in that state."""
    for _ in range(1000):
        job: dict[str, Any] = site.get(f"/v1/jobs/{job_id}").json()
        if job["state"] == state:
            return job
        site.runner.run(asyncio.sleep(0.02))
    raise AssertionError(job)


def test_a_job_is_started_followed_and_listed(site: Site) -> None:
    jobs_run(site, WORKS)
    started = site.post("/v1/jobs", {"kind": "train", "models": ["ease", "knn"]})
    assert started.status_code == 202
    job_id = started.json()["job_id"]
    assert started.headers["location"] == f"/v1/jobs/{job_id}"
    assert started.json()["params"] == {"models": ["ease", "knn"]}
    done = until(site, job_id, "succeeded")
    assert done["result"] == {"models": ["ease", "knn"]}
    assert (done["progress"], done["finished_at"]) == (1.0, "2026-05-28T20:26:40.000Z")
    second = site.post("/v1/jobs", {"kind": "train"}).json()["job_id"]
    until(site, second, "succeeded")
    first_page = site.get("/v1/jobs?limit=1").json()
    assert [job["job_id"] for job in first_page["items"]] == [second]
    rest = site.get(f"/v1/jobs?limit=1&cursor={first_page['next_cursor']}").json()
    assert [job["job_id"] for job in rest["items"]] == [job_id]


def test_a_training_may_have_a_budget(site: Site) -> None:
    jobs_run(site, WORKS)
    started = site.post("/v1/jobs", {"kind": "train", "models": ["knn"], "budget": "90s"}).json()
    assert started["params"] == {"models": ["knn"], "budget": "90s"}
    assert until(site, started["job_id"], "succeeded")["result"] == {"models": ["--budget", "90s", "knn"]}


def test_one_training_at_a_time_and_it_can_be_cancelled(site: Site) -> None:
    jobs_run(site, WAITS)
    job_id = site.post("/v1/jobs", {"kind": "train"}).json()["job_id"]
    problem(site.post("/v1/jobs", {"kind": "train"}), 409)
    cancelled = site.ask("DELETE", f"/v1/jobs/{job_id}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    until(site, job_id, "cancelled")
    problem(site.ask("DELETE", "/v1/jobs/nothing"), 404)
    problem(site.get("/v1/jobs/nothing"), 404)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"kind": "dance"}, "/kind"),
        ({}, "/kind"),
        ({"kind": "train", "models": "ease"}, "/models"),
        ({"kind": "train", "models": ["--help"]}, None),
        ({"kind": "train", "model": "ease"}, "/model"),
        ({"kind": "train", "budget": 90}, "/budget"),
        ({"kind": "train", "budget": "soon"}, "/budget"),
        ({"kind": "train", "budget": "--help"}, "/budget"),
        ({"kind": "train", "budget": "8d"}, "/budget"),
    ],
)
def test_bad_jobs_are_pointed_at(site: Site, body: dict[str, Any], at: str | None) -> None:
    found = pointers(site.post("/v1/jobs", body))
    assert at is None or found == [at]


def test_the_job_that_trains_is_our_own_command_on_the_same_data(tmp_path: Path) -> None:
    site = Site(tmp_path / "data dir")
    training = site.runtime.queue.kinds["train"]
    assert isinstance(training, Training)
    assert training.command[:3] == (sys.executable, "-m", "honeyguide")
    site.close()


def renamed(site: Site, items: int = 30) -> None:
    """Every item is deleted and comes again under another id."""
    rows = [{"item_id": f"new-{number}", "title": f"Item {number}"} for number in range(items)]
    assert site.post("/v1/items:batch", rows).json()["accepted"] == items
    for number in range(items):
        site.ask("DELETE", f"/v1/items/i{number}")


def test_a_version_whose_items_are_gone_is_refused_unless_it_shall_be(trained: Site) -> None:
    renamed(trained)
    found = problem(trained.ask("PUT", "/v1/aliases/champion", json={"model": "knn", "version": 1}), 409, "items_unknown")
    assert "ids of the catalogue had changed" in found["detail"]
    assert trained.get("/v1/aliases/champion").json()["serving"] == "knn@2"
    put = trained.ask("PUT", "/v1/aliases/champion", json={"model": "knn", "version": 1, "anyway": True})
    assert (put.status_code, put.json()["serving"]) == (200, "knn@1")
    back = trained.post("/v1/aliases/champion:rollback")
    assert (back.status_code, back.json()["serving"]) == (200, "knn@2"), "the way back asks for nothing"


def test_a_version_shows_its_lineage(trained: Site) -> None:
    lineage = trained.get("/v1/models/knn/versions/2").json()["lineage"]
    assert lineage["through"] == 1
    assert lineage["items"] == trained.get("/v1/models/knn/versions/2").json()["manifest"]["items"]
    assert lineage["gain"] is None
    assert lineage["params"] == trained.get("/v1/models/knn/versions/2").json()["manifest"]["params"]
