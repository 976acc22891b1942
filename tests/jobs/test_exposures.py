"""The fold of experiments: whatever is cut where and dies when, each unit is exposed once and each event counts once."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.metrics import DEFAULT_METRICS
from honeyguide.errors import Conflict
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.jobs.exposures import ExposureFolding
from honeyguide.jobs.judging import Judging
from honeyguide.messages import Arm, Experiment, Guardrail
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import FoldStep, Total, phase_key
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import Assigned, LogRow, ServedSlate, label_of

NOW = 20_000 * DAY_MS
METRICS = {metric.name: metric for metric in DEFAULT_METRICS}
KEY = phase_key("variety", 1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path, clock)) as opened:
        yield opened


def folding(store: Store, clock: ManualClock) -> ExposureFolding:
    return ExposureFolding(store, METRICS, ("country",), clock, Metrics())


def started(store: Store, **fields: Any) -> Experiment:
    given: dict[str, Any] = {
        "name": "variety", "surface": "home", "seed": "v", "goals": ["ctr", "clicks"], "watched": ["conversion", "revenue"],
        "arms": [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5)], "min_days": 1,
        "state": "running", "phase": 1, "started_at": NOW, "phase_started_at": NOW,
    }  # fmt: skip
    return store.experiments.put(Experiment(**{**given, **fields}), "started", by="test")


def assigned(unit: str, arm: str = "control", **fields: Any) -> Assigned:
    return Assigned(
        **{"experiment": "variety", "phase": 1, "arm": arm, "unit": unit, "reason": "hash", "weight": 0.5, **fields}
    )


def slate(request_id: str, at: int, *arms: Assigned, served: bool = True, **fields: Any) -> ServedSlate:
    label = label_of(list(arms))
    return ServedSlate(**{
        "request_id": request_id, "ts": NOW + at, "user_id": arms[0].unit if arms else "nobody", "surface": "home",
        "items": ["a", "b"], "n": 2, "served_from": "computed", "rung": "personal", "model": "m@1", "as_of": 0,
        "computed_at": 0, "seed": 0, "config": "c", "arm": label, "assigned": list(arms),
        "served_arm": label if served else "", **fields,
    })  # fmt: skip


def event(name: str, at: int, user_id: str, type: str = "click", **fields: Any) -> LogRow:
    given = {"event_id": name, "ts": NOW + at, "received_at": NOW + at, "user_id": user_id, "item_id": "a", "type": type}
    return LogRow(**{**given, **fields})


def append(store: Store, *rows: LogRow) -> None:
    asyncio.run(store.log.append(rows))


def totals(store: Store, key: tuple[str, int] = KEY) -> dict[str, dict[str, Total]]:
    found: dict[str, dict[str, Total]] = {}
    for batch in store.outcomes.all_totals(key):
        for metric, unit, total in batch:
            if "@" not in metric and total != Total():
                found.setdefault(unit, {})[metric] = total
    return found


def test_only_what_comes_after_the_first_exposure_counts(store: SqliteStore, clock: ManualClock) -> None:
    """T9, in whatever order lists and events come to be known."""
    started(store)
    append(store, event("before", -5, "ann"), event("long-before", -15 * DAY_MS, "ann"), event("after", 20, "ann"))
    clock.advance(60)
    asyncio.run(folding(store, clock).refresh())
    assert totals(store) == {}
    store.slates.append([slate("r1", 10, assigned("ann"))])  # comes late
    append(store, event("on-list", 30, "ann", request_id="r1"), event("stranger", 30, "eve"))
    asyncio.run(folding(store, clock).refresh())
    assert totals(store) == {"ann": {"ctr": Total(1, 1, 1), "clicks": Total(2, 0, 1), "~named": Total(0, 1)}}


def test_a_click_serves_the_experiment_whose_list_it_names(store: SqliteStore, clock: ManualClock) -> None:
    """Two experiments on two surfaces; a list that names another user's is nobody's."""
    started(store)
    started(store, name="other", surface="cart", seed="o")
    store.slates.append([
        slate("r1", 1, assigned("ann")), slate("r2", 2, assigned("ann", experiment="other"), surface="cart"),
        slate("r3", 3, assigned("bob")),
    ])  # fmt: skip
    append(store, event("a", 10, "ann", request_id="r2"), event("b", 11, "ann", request_id="r3"))
    append(store, event("c", 12, "ann", request_id="lost"))
    clock.advance(60)
    asyncio.run(folding(store, clock).refresh())
    assert totals(store)["ann"]["ctr"] == Total(0, 1)
    assert totals(store)["ann"]["~named"] == Total(1, 3)
    assert totals(store, phase_key("other", 1))["ann"]["ctr"] == Total(1, 1)


def test_first_exposures_stay_and_crossings_are_counted(store: SqliteStore, clock: ManualClock) -> None:
    started(store)
    forced = assigned("qa", reason="forced")
    store.slates.append([
        slate("r1", 5, assigned("ann"), served=False), slate("r2", 6, assigned("ann", "varied")),
        slate("r3", 4, assigned("ann")), slate("r4", 7, forced), slate("r5", 8),
        slate("r6", 9, assigned("ann", phase=2)),
    ])  # fmt: skip
    asyncio.run(folding(store, clock).refresh())
    ((ann,),) = list(store.outcomes.all_exposures(KEY))
    assert (ann.arm, ann.served_arm, ann.first_at, ann.served, ann.crossed) == ("control", "", NOW + 5, 3, 1)
    rows, _, final = store.outcomes.sketches(KEY)
    exposed = next(row for row in rows if row.metric == "~exposed")
    assert (exposed.n, exposed.sum_x, exposed.sum_y, final) == (1, 1.0, 1.0, False)


def test_sessions_and_devices_are_units_of_their_own(store: SqliteStore, clock: ManualClock) -> None:
    started(store, unit="session")
    append(store, event("early", 5, "ann", session_id="s1"), event("other", 5, "ann", session_id="s2"))
    clock.advance(60)
    asyncio.run(folding(store, clock).refresh())
    store.slates.append([slate("r1", 1, assigned("s1"), user_id="ann")])
    append(store, event("late", 9, "bob", session_id="s1"))
    asyncio.run(folding(store, clock).refresh())
    assert totals(store) == {"s1": {"ctr": Total(0, 1), "clicks": Total(2)}}


def test_a_stopped_experiment_is_folded_to_its_end_and_no_further(store: SqliteStore, clock: ManualClock) -> None:
    running = started(store)
    store.slates.append([slate("r1", 1, assigned("ann"))])
    append(store, event("in", 500, "ann"), event("out", 1000, "ann"))
    clock.advance(0.5)
    fold = folding(store, clock)
    asyncio.run(fold.round())
    store.experiments.put(msgspec.structs.replace(running, state="stopped", stopped_at=NOW + 1000), "stopped", by="test")
    clock.advance(60)
    asyncio.run(fold.round())
    asyncio.run(fold.round())
    assert totals(store)["ann"]["clicks"] == Total(1)
    assert store.outcomes.sketches(KEY)[2]
    append(store, event("much-later", 70_000, "ann"))
    asyncio.run(fold.round())
    assert totals(store)["ann"]["clicks"] == Total(1)


def test_without_experiments_nothing_is_read_and_the_marks_follow(store: SqliteStore, clock: ManualClock) -> None:
    for start in range(0, 2000, 1000):
        append(store, *(event(f"e{n}", n, f"u{n}") for n in range(start, start + 1000)))
    asyncio.run(folding(store, clock).round())
    assert store.outcomes.marks().log == 2000
    started(store)
    store.slates.append([slate("r1", 10_000, assigned("u7"))])
    asyncio.run(folding(store, clock).round())
    assert totals(store) == {"u7": {"clicks": Total(0, 0, 1), "ctr": Total(0, 1, 1)}}


def test_segments_are_those_at_the_first_exposure(store: SqliteStore, clock: ManualClock) -> None:
    started(store)
    put = LogRow(
        event_id="p", ts=NOW, received_at=NOW, kind="user_put", user_id="ann", payload='{"properties":{"country":"pt"}}'
    )
    append(store, put)
    store.slates.append([slate("r1", 1, assigned("ann")), slate("r2", 1, assigned("bob"))])
    asyncio.run(folding(store, clock).refresh())
    rows = store.outcomes.sketches(KEY)[0]
    assert {row.segment: row.n for row in rows if row.metric == "~exposed" and row.segment} == {"country=pt": 1}


def test_an_erased_user_leaves_the_sums_of_what_goes_on(store: SqliteStore, clock: ManualClock) -> None:
    started(store)
    store.slates.append([slate("r1", 1, assigned("ann")), slate("r2", 1, assigned("bob"))])
    append(store, event("a", 5, "ann"), event("b", 5, "bob"))
    clock.advance(60)
    fold = folding(store, clock)
    asyncio.run(fold.refresh())
    list(store.people.erase(["ann"], until=2))
    fold.erased()
    rows = store.outcomes.sketches(KEY)[0]
    assert [row.n for row in rows if row.metric == "~exposed"] == [1]
    assert set(totals(store)) == {"bob"}


# --- random logs ------------------------------------------------------------------------------------------------------


def made(seed: int, users: int = 40, length: int = 600) -> list[ServedSlate | LogRow]:
    """Lists and events as they come in: late ones, clocks that go back, events on lists of others, big numbers."""
    chance = random.Random(seed)
    arms = {f"u{n}": chance.choice(["control", "varied"]) for n in range(users)}
    found: list[ServedSlate | LogRow] = []
    for n in range(length):
        user = f"u{chance.randrange(users)}"
        at = n * 1000 + chance.choice([0, 0, 0, -5000, 3000])
        if chance.random() < 0.3:
            arm = arms[user] if chance.random() < 0.98 else "control"
            found.append(slate(f"r{n}", at, assigned(user, arm), served=chance.random() < 0.9))
            continue
        kind = chance.choice(["click", "purchase", "view", "add_to_cart", "impression"])
        request = f"r{chance.randrange(n + 1)}" if chance.random() < 0.5 else None
        value = chance.choice([None, 0.1, 19.99, 1e9, 3.3]) if kind == "purchase" else None
        item_id = None if kind == "impression" else "a"
        found.append(
            event(f"e{n}", at, user, kind, request_id=request, value=value, item_id=item_id, received_at=NOW + n * 1000)
        )
    return found


def expected(world: Sequence[ServedSlate | LogRow]) -> dict[str, dict[str, Total]]:
    """The same by hand: no fold, no order of arrival but that of the lists."""
    first: dict[str, int] = {}
    lists: dict[str, str] = {}
    found: dict[str, dict[str, list[float]]] = {}
    for each in world:
        if isinstance(each, ServedSlate):
            first.setdefault(each.user_id, each.ts)
            lists[each.request_id] = each.user_id
    for each in world:
        user = each.user_id or ""
        own = found.setdefault(
            user, {name: [0.0, 0.0, 0.0] for name in ("ctr", "clicks", "conversion", "revenue", "~named")}
        )
        if isinstance(each, ServedSlate):
            own["ctr"][1] += 1
        elif user in first:
            place = 0 if each.ts >= first[user] else 2
            if each.request_id and place == 0:
                own["~named"][1] += 1
                own["~named"][0] += each.request_id not in lists
            if each.type == "click":
                own["clicks"][place] += 1
                own["ctr"][place] += place == 2 or lists.get(each.request_id or "") == user
            if each.type == "purchase":
                own["conversion"][place] = 1
                own["revenue"][place] += each.value or 0.0
    kept = {user: {name: Total(*total) for name, total in own.items() if any(total)} for user, own in found.items()}
    return {user: own for user, own in kept.items() if own and user in first}


def fed(store: Store, world: Sequence[ServedSlate | LogRow], clock: ManualClock) -> None:
    for each in world:
        if isinstance(each, ServedSlate):
            store.slates.append([each])
        else:
            clock.ms = max(clock.ms, each.received_at)
            append(store, each)


@pytest.mark.parametrize("seed", range(4))
def test_folded_in_steps_is_what_is_counted_by_hand_and_what_a_rebuild_makes(
    store: SqliteStore, clock: ManualClock, seed: int
) -> None:
    started(store)
    world, chance = made(seed), random.Random(seed)
    while world_left := world:
        size = chance.randrange(1, 120)
        part, world = world_left[:size], world_left[size:]
        fed(store, part, clock)
        asyncio.run(folding(store, clock).round())
    clock.advance(3600)
    asyncio.run(folding(store, clock).refresh())
    everything = made(seed)
    assert totals(store) == expected(everything)
    folded = store.outcomes.sketches(KEY)
    exposures = list(store.outcomes.all_exposures(KEY))
    asyncio.run(folding(store, clock).rebuild())
    assert store.outcomes.sketches(KEY) == folded
    assert list(store.outcomes.all_exposures(KEY)) == exposures


class _Dies:
    """Passes on to the table, and dies at some steps: before they are stored, or just after."""

    def __init__(self, table: Any, chance: random.Random) -> None:
        self._table, self._chance = table, chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def advance(self, step: FoldStep) -> None:
        fate = self._chance.random()
        if fate < 0.3:
            raise RuntimeError("killed before")
        self._table.advance(step)
        if fate < 0.6:
            raise RuntimeError("killed after")


@pytest.mark.parametrize("seed", range(2))
def test_who_dies_in_the_middle_counts_nothing_twice_and_loses_nothing(
    store: SqliteStore, clock: ManualClock, seed: int
) -> None:
    started(store)
    real, chance, world = store.outcomes, random.Random(seed), made(seed, length=300)
    store.outcomes = _Dies(real, chance)
    deaths = 0
    for start in range(0, len(world), 30):
        fed(store, world[start : start + 30], clock)
        try:
            asyncio.run(folding(store, clock).round())
        except RuntimeError:
            deaths += 1
    assert deaths > 2
    store.outcomes = real
    clock.advance(3600)
    asyncio.run(folding(store, clock).refresh())
    assert totals(store) == expected(made(seed, length=300))


def test_two_that_fold_at_once_do_not_count_twice(store: SqliteStore, clock: ManualClock) -> None:
    started(store)
    fed(store, made(7, length=200), clock)
    clock.advance(3600)

    async def both() -> None:
        one, two = folding(store, clock), folding(store, clock)
        for _ in range(10):
            await asyncio.gather(one.round(), two.round())

    asyncio.run(both())
    assert totals(store) == expected(made(7, length=200))


def test_slates_that_are_gone_are_no_ground_for_a_rebuild(store: SqliteStore, clock: ManualClock) -> None:
    started(store)
    store.slates.append([slate("r1", 1, assigned("ann")), slate("r2", 90_000, assigned("bob"))])
    asyncio.run(folding(store, clock).refresh())
    store.slates.expire(NOW + 10)
    with pytest.raises(Conflict, match="no longer kept"):
        asyncio.run(folding(store, clock).rebuild())
    assert set(store.outcomes.exposures(KEY, ["ann", "bob"])) == {"ann", "bob"}


# --- judging ----------------------------------------------------------------------------------------------------------


def harmed(store: Store, clock: ManualClock, users: int = 1200) -> Mapping[str, str]:
    """Users of whom those in the treatment click less."""
    chance = random.Random(1)
    arms = {f"u{n}": ("control", "varied")[n % 2] for n in range(users)}
    store.slates.append([slate(f"r{user}", 1, assigned(user, arm)) for user, arm in arms.items()])
    rows = [
        event(f"{user}-{n}", 10, user)
        for user, arm in arms.items()
        for n in range(chance.choice([0, 1, 1, 2, 3]) if arm == "varied" else chance.choice([1, 2, 3, 4]))
    ]
    for start in range(0, len(rows), 1000):
        append(store, *rows[start : start + 1000])
    clock.advance(3600)
    return arms


@pytest.mark.parametrize("more", [[], [Arm(name="shown", weight=0.0)]])
def test_a_broken_guardrail_stops_the_experiment_by_itself(store: SqliteStore, clock: ManualClock, more: list[Arm]) -> None:
    """Whether or not there is an arm for looking at, into which nobody is put."""
    arms = [Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5), *more]
    started(store, goals=["conversion"], guardrails=[Guardrail(metric="clicks", margin=0.05)], min_days=7, arms=arms)
    harmed(store, clock)
    fold, judging = folding(store, clock), Judging(store, METRICS, clock)
    asyncio.run(judging.round())
    assert store.experiments.get("variety").state == "running"
    asyncio.run(fold.refresh())
    asyncio.run(judging.round())
    stopped = store.experiments.get("variety")
    assert (stopped.state, stopped.verdict, stopped.stopped_at) == ("stopped", "roll back", clock.now_ms())
    change = store.experiments.history("variety")[0]
    assert (change.change, change.changed_by) == ("stopped", "guardrail")
    assert "clicks moves -" in change.why


def test_nothing_but_a_guardrail_stops_by_itself(store: SqliteStore, clock: ManualClock) -> None:
    started(store, goals=["clicks"], guardrails=[Guardrail(metric="conversion", margin=0.5)])
    harmed(store, clock)
    asyncio.run(folding(store, clock).refresh())
    clock.advance(86_400)
    judging = Judging(store, METRICS, clock)
    asyncio.run(judging.round())
    assert store.experiments.get("variety").state == "running"
    found = judging.results("variety")
    assert found.units == {"control": 600, "varied": 600}
    assert found.metrics[0].standing == "worse"


@pytest.mark.parametrize("kind", ["ab", "bandit", "interleaving"])
def test_the_clock_stops_what_is_over_and_nothing_later_counts(store: SqliteStore, clock: ManualClock, kind: Any) -> None:
    started(store, kind=kind, ends_at=NOW + 60_000)
    store.slates.append([slate("r1", 1, assigned("ann"))])
    append(store, event("e1", 10, "ann"))
    fold, judging = folding(store, clock), Judging(store, METRICS, clock)
    asyncio.run(judging.round())
    assert store.experiments.get("variety").state == "running"
    clock.advance(60)
    append(store, event("e2", 20, "ann", received_at=NOW + 60_000))
    clock.advance(30)
    asyncio.run(fold.refresh())
    assert not store.outcomes.sketches(KEY)[2], "while it can still be put off nothing is final"
    asyncio.run(judging.round())
    stopped = store.experiments.get("variety")
    assert (stopped.state, stopped.verdict, stopped.stopped_at) == ("stopped", "its time is over", NOW + 90_000)
    change = store.experiments.history("variety")[0]
    assert (change.change, change.changed_by, change.why) == ("stopped", "clock", "ends_at has come")
    asyncio.run(fold.refresh())
    assert store.outcomes.totals(KEY, ["ann"])["ann"]["clicks"].x == 1
    assert store.outcomes.sketches(KEY)[2]
    if kind == "ab":
        found = judging.results("variety")
        assert found.state == "stopped"
        assert found.days == pytest.approx(60_000 / DAY_MS)


def test_results_of_what_has_not_begun_and_of_phases_that_were(store: SqliteStore, clock: ManualClock) -> None:
    draft = started(store, name="draft", state="draft", phase=0, started_at=None)
    judging = Judging(store, METRICS, clock)
    with pytest.raises(Conflict, match="has not begun"):
        judging.results(draft.name)
    running = started(store)
    store.slates.append([slate("r1", 1, assigned("ann"))])
    asyncio.run(folding(store, clock).refresh())
    clock.advance(60)
    again = msgspec.structs.replace(running, phase=2, seed="v2", phase_started_at=clock.now_ms())
    store.experiments.put(again, "phase", by="test")
    assert judging.results("variety").units == {"control": 0, "varied": 0}
    first = judging.results("variety", 1)
    assert (first.phase, first.units, first.state) == (1, {"control": 1, "varied": 0}, "stopped")
    with pytest.raises(Exception, match="no phase 7"):
        judging.results("variety", 7)
