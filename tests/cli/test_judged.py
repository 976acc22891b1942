"""`experiments results` and `sample-size`."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Project, Settings
from honeyguide.library import Honeyguide
from honeyguide.messages import Arm, Experiment, Guardrail
from honeyguide.stores.urls import open_store
from honeyguide.types import Assigned, LogRow, ServedSlate, label_of
from tests.cli.conftest import Run

DATA = "honeyguide-data"


@pytest.fixture
def experiment(folder: Path) -> Path:
    """One that has run for nine days: 300 users, those of the treatment click twice as often."""
    clock = SystemClock()
    began = clock.now_ms() - 9 * 86_400_000
    arms = [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5)]
    running = Experiment(
        name="variety", surface="home", arms=arms, seed="v", goals=["clicks"],
        guardrails=[Guardrail(metric="ctr", margin=0.1)],
        hypothesis="Variety is liked.", state="running", phase=1, started_at=began, phase_started_at=began, min_days=3,
        planned_units=300,
    )  # fmt: skip
    (folder / "honeyguide.toml").write_text(f'[project]\ndata_dir = "{DATA}"\n')
    with closing(open_store(Settings(project=Project(data_dir=folder / DATA)), clock)) as store:
        store.experiments.put(running, "started", by="test")
        rows, slates = [], []
        for n in range(300):
            at, user, arm = began + n * 2_000_000, f"u{n}", arms[n % 2].name
            own = Assigned(experiment="variety", phase=1, arm=arm, unit=user, reason="hash", weight=0.5)
            label = label_of([own])
            slates.append(ServedSlate(
                request_id=f"r{n:03}", ts=at, user_id=user, surface="home", items=["a"], n=1, served_from="computed",
                rung="popular", model="popular@1", as_of=0, computed_at=at, seed=0, config="", arm=label, assigned=[own],
                served_arm=label,
            ))  # fmt: skip
            rows += [
                LogRow(event_id=f"e{n}-{c}", ts=at + 1, received_at=at + 1, user_id=user, item_id="a", type="click",
                       request_id=f"r{n:03}")
                for c in range((n // 2) % 3 + (2 if arm == "varied" else 0))
            ]  # fmt: skip
        store.slates.append(slates)
        asyncio.run(store.log.append(rows))
    return folder


def test_results_are_folded_shown_and_written(run: Run, experiment: Path) -> None:
    shown = run("experiments", "results", "variety", "--html", "report.html")
    for said in ("variety, phase 1, running", "control 150, varied 150", "sample-ratio", "clicks", "ctr", "ship varied"):
        assert said in shown.out
    written = (experiment / "report.html").read_text()
    assert "Variety is liked." in written
    assert "Ship varied" in written
    found = run("experiments", "results", "variety", "--json").json
    assert found["decision"]["verdict"] == "ship"
    assert [(each["metric"], each["role"], each["standing"]) for each in found["metrics"]] == [
        ("clicks", "goal", "better"), ("ctr", "guardrail", "kept")
    ]  # fmt: skip
    assert "There is no experiment 'nothing'" in run("experiments", "results", "nothing", code=1).err
    assert "has no phase 4" in run("experiments", "results", "variety", "--phase", "4", code=1).err


def test_the_library_tells_the_same(experiment: Path) -> None:
    with closing(Honeyguide.open(experiment / "honeyguide.toml", data_dir=experiment / DATA)) as hg:
        found = hg.results("variety")
    assert (found.units, found.decision.verdict) == ({"control": 150, "varied": 150}, "ship")


def test_a_size_is_told_and_what_does_not_fit_is_named(run: Run) -> None:
    told = run("experiments", "sample-size", "--base", "0.05", "--lift", "0.08", "--per-day", "4000").out
    assert "96,728" in told
    assert "run 4 whole weeks" in told
    found = run("experiments", "sample-size", "--base", "20", "--deviation", "40", "--units", "20000", "--json").json
    assert found["lift"] == pytest.approx(0.0826, abs=0.001)
    wrong = run("experiments", "sample-size", "--base", "0.05", code=1).err
    assert "/lift" in wrong
