"""Bandits in the database: a period ends, weights move to the better arm, units are drawn anew, and results are honest."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict
from honeyguide.experiments.assignment import Trial, assign
from honeyguide.experiments.bandit_results import BanditResults
from honeyguide.jobs.kinds import InterleavingResults, OtherResults
from honeyguide.jobs.weights import BanditWeights
from honeyguide.messages import Bandit, Experiment
from honeyguide.protocols.outcomes import Exposure, phase_key
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import INTERLEAVED, Interleaved
from tests.jobs.test_exposures import NOW, append, assigned, clock, event, folding, slate, started  # noqa: F401 - fixtures

HOUR = 3_600_000
RATES = {"control": 0.1, "varied": 0.35}


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteStore]:  # noqa: F811
    with closing(SqliteStore(tmp_path, clock)) as opened:
        yield opened


class Day:
    """Users who come once in each period and click by the rate of their arm."""

    def __init__(self, store: SqliteStore, clock: ManualClock, users: int = 700) -> None:  # noqa: F811
        self.store, self.clock, self.users = store, clock, users
        self.weights, self.fold = BanditWeights(store, clock), folding(store, clock)
        self.results = OtherResults(store, self.weights, clock)
        self.arms: list[dict[str, tuple[str, str]]] = []
        self._rng = np.random.default_rng(1)

    def passes(self) -> Experiment:
        """A period: lists, clicks, the fold, a day of time, and new weights."""
        experiment = self.store.experiments.get("variety")
        trial, at, met = Trial.of(experiment), self.clock.now_ms() - NOW, dict[str, tuple[str, str]]()
        slates, rows = [], []
        for number in range(self.users):
            unit = f"u{number}"
            found = assign(trial, unit, NOBODY, self.clock.now_ms())
            if found is None:
                continue
            met[unit] = found.arm, str(found.reason)
            name = f"{experiment.period}:{unit}"
            slates.append(slate(name, at + number, found))
            if self._rng.random() < RATES[found.arm]:
                rows.append(event(f"e{name}", at + number + 1, unit, request_id=name))
        self.arms.append(met)
        self.store.slates.append(slates)
        append(self.store, *rows)
        self.clock.advance(25 * 3_600)
        asyncio.run(self.fold.refresh())
        asyncio.run(self.weights.round())
        return self.store.experiments.get("variety")

    def found(self) -> BanditResults:
        """What is said of it."""
        said = self.results.of("variety")
        assert isinstance(said, BanditResults)
        return said


class _Nobody:
    """No condition looks at anything here."""


NOBODY: Any = _Nobody()


def begun(store: SqliteStore, **fields: Any) -> Experiment:
    how = Bandit(**{"every": 24.0, "window": 1.0, "floor": 0.05, "uniform": 0.2, "least": 50, **fields})
    return started(store, kind="bandit", bandit=how, goals=["conversion"], watched=[])


def clicks_are_goals(day: Day) -> None:
    """The metric `clicks` counts what `Day` sends."""
    experiment = day.store.experiments.get("variety")
    day.store.experiments.put(msgspec.structs.replace(experiment, goals=["clicks"]), "edited", by="test")


@pytest.fixture
def day(store: SqliteStore, clock: ManualClock) -> Day:  # noqa: F811
    begun(store)
    found = Day(store, clock)
    clicks_are_goals(found)
    return found


def test_traffic_goes_to_the_better_arm_and_every_unit_is_drawn_anew(day: Day) -> None:
    seeds = {day.store.experiments.get("variety").seed}
    first = day.passes()
    assert first.period == 1
    weights = {arm.name: arm.weight for arm in first.arms}
    assert weights["varied"] > 0.9
    assert weights["control"] >= 0.05
    assert sum(weights.values()) == pytest.approx(1.0)
    second = day.passes()
    assert (second.period, second.phase) == (2, 1)
    seeds |= {first.seed, second.seed}
    assert len(seeds) == 3
    before, after = ({unit: arm for unit, (arm, why) in arms.items() if why == "hash"} for arms in day.arms[:2])
    stayed = [unit for unit, arm in before.items() if after[unit] == arm == "control"]
    assert 0 < len(stayed) < 0.2 * len(before), "who was in an arm is drawn like all others"
    change = day.store.experiments.history("variety")[0]
    assert (change.change, change.changed_by) == ("weighed", "bandit")
    assert "learnt from" in change.why


def test_weights_are_logged_and_no_unit_has_met_two_arms(day: Day) -> None:
    first = day.passes()
    day.passes()
    for period, weights in ((0, [0.5, 0.5]), (1, [arm.weight for arm in first.arms])):
        exposures: list[Exposure] = []
        for batch in day.store.outcomes.all_exposures(phase_key("variety", 1, period)):
            exposures += batch
        assert len(exposures) == 700
        assert sum(each.crossed for each in exposures) == 0
        drawn = {(each.arm, each.weight) for each in exposures if each.reason == "hash"}
        assert drawn == set(zip(("control", "varied"), weights, strict=True))
        assert {each.weight for each in exposures if each.reason == "uniform"} == {0.5}


def test_the_slice_stays_where_it_is_and_measures(day: Day) -> None:
    for _ in range(3):
        day.passes()
    slices = [{unit: arm for unit, (arm, why) in arms.items() if why == "uniform"} for arms in day.arms]
    assert slices[0] == slices[1] == slices[2]
    assert len(slices[0]) == pytest.approx(140, abs=40)
    assert sum(arm == "control" for arm in slices[0].values()) == pytest.approx(70, abs=25)
    control, varied = day.found().arms
    assert control.slice_units + varied.slice_units == len(slices[0]), "each once, however often they came"
    assert varied.slice_difference == pytest.approx(3 * 0.25, abs=0.3)
    assert varied.slice_low is not None
    assert varied.slice_low < 0.75


def test_results_are_by_period_and_sizes_fit_the_weights_of_then(day: Day) -> None:
    for _ in range(3):
        day.passes()
    found = day.found()
    control, varied = found.arms
    assert (found.periods, found.alarm) == (4, False)
    assert found.mismatch is not None
    assert varied.difference == pytest.approx(0.25, abs=0.08)
    assert varied.low is not None
    assert varied.low > 0
    assert varied.best is not None
    assert varied.best > 0.99
    assert (control.difference, control.slice_difference) == (None, None)
    assert varied.units > 3 * control.units


def test_until_there_is_enough_all_are_alike(store: SqliteStore, clock: ManualClock) -> None:  # noqa: F811
    begun(store, least=10_000)
    few = Day(store, clock, users=50)
    clicks_are_goals(few)
    after = few.passes()
    assert [arm.weight for arm in after.arms] == [0.5, 0.5]
    assert "all alike until then" in store.experiments.history("variety")[0].why


def test_outcomes_whose_window_is_open_do_not_count_yet(store: SqliteStore, clock: ManualClock) -> None:  # noqa: F811
    begun(store, window=30.0)
    late = Day(store, clock)
    clicks_are_goals(late)
    assert [arm.weight for arm in late.passes().arms] == [0.5, 0.5], "all came 25 hours ago"
    assert [arm.units for arm in late.found().arms] == [0, 0]


def test_before_its_time_is_over_a_period_goes_on(day: Day) -> None:
    asyncio.run(day.weights.round())
    assert day.store.experiments.get("variety").period == 0


def test_another_process_was_faster(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = day.store.experiments.get("variety")
    stale = msgspec.structs.replace(experiment)
    day.store.experiments.put(experiment, "edited", by="ann")
    monkeypatch.setattr(day.store.experiments, "running", lambda: [stale])
    day.clock.advance(25 * 3_600)
    asyncio.run(day.weights.round())
    assert day.store.experiments.get("variety").period == 0


def test_an_a_b_test_has_results_of_its_own(store: SqliteStore, clock: ManualClock) -> None:  # noqa: F811
    started(store)
    with pytest.raises(Conflict, match="compared by its metrics"):
        OtherResults(store, BanditWeights(store, clock), clock).of("variety")


def test_credit_of_interleaved_lists_is_folded_by_user(store: SqliteStore, clock: ManualClock) -> None:  # noqa: F811
    """Clicks on the second arm's items, on nobody's, on items that are not there, and what the goal does not count."""
    started(store, kind="interleaving", goals=["ctr"], watched=[])
    results = OtherResults(store, BanditWeights(store, clock), clock)
    how = Interleaved(
        arms=("control", "varied"), method="team_draft", shares=[1.0, 0.0, None], model="m@1", as_of=0, computed_at=0
    )
    rows, slates = [], []
    for number in range(60):
        unit, name = f"u{number}", f"r{number}"
        mine = assigned(unit, INTERLEAVED, weight=1.0)
        slates.append(slate(name, number, mine, items=["b", "a", "c"], interleaved=how))
        item = "b" if number < 40 else "a" if number < 48 else "c"
        rows.append(event(f"e{name}", number + 1, unit, item_id=item, request_id=name))
    rows.append(event("far", 100, "u0", item_id="zzz", request_id="r0"))
    rows.append(event("view", 101, "u0", item_id="a", type="view", request_id="r0"))
    rows.append(event("loose", 102, "u1", item_id="a"))
    store.slates.append(slates)
    append(store, *rows)
    clock.advance(60)
    asyncio.run(folding(store, clock).refresh())
    found = results.of("variety")
    assert isinstance(found, InterleavingResults)
    assert (found.users, found.prefer_first, found.prefer_second, found.neither) == (60, 8, 40, 12)
    assert found.delta == pytest.approx(32 / 120)
    assert found.at_once is not None
    assert found.at_once < 1e-4
    asyncio.run(folding(store, clock).rebuild())
    assert results.of("variety") == found, "folded again from lists and log it is the same"
