"""Results and sizes of experiments over HTTP."""

import msgspec
import pytest

from honeyguide.messages import Arm, Experiment
from tests.api.site import Site, pointers, problem


def test_a_size_is_told(shop: Site) -> None:
    found = shop.post("/v1/sample-size", {"base": 0.05, "lift": 0.08, "per_day": 4000}).json()
    assert found == {
        "control": 48364, "treatment": 48364, "total": 96728, "lift": 0.08, "comparisons": 1, "days": 25
    }  # fmt: skip
    wrong = shop.post("/v1/sample-size", {"base": 5, "lift": 0.0})
    problem(wrong, 422)
    assert pointers(wrong) == ["/base", "/lift"]


@pytest.fixture
def experiment(site: Site) -> Experiment:
    arms = [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5)]
    draft = Experiment(name="variety", surface="home", arms=arms, seed="v", goals=["ctr"], watched=["clicks"])
    return site.runtime.store.experiments.put(draft, "created", by="test")


def test_results_are_told_of_what_runs_and_of_nothing_else(site: Site, experiment: Experiment) -> None:
    problem(site.get("/v1/experiments/nothing/results"), 404, "experiment_not_found")
    problem(site.get("/v1/experiments/variety/results"), 409, "experiment_not_started")
    now = site.runtime.clock.now_ms()
    running = msgspec.structs.replace(experiment, state="running", phase=1, started_at=now, phase_started_at=now)
    site.runtime.store.experiments.put(running, "started", by="test")
    found = site.get("/v1/experiments/variety/results").json()
    assert found["decision"]["verdict"] == "keep running"
    assert found["units"] == {"control": 0, "varied": 0}
    assert [(each["metric"], each["value"]) for each in found["metrics"]] == [("ctr", None), ("clicks", None)]
    problem(site.get("/v1/experiments/variety/results?phase=3"), 404, "phase_not_found")
