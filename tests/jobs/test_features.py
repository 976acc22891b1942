"""The background fold: whatever comes in in whatever order and however it is cut, the same bytes; nobody counts twice."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.clock import ManualClock
from honeyguide.features.fold import by_subject
from honeyguide.features.plan import Plan
from honeyguide.features.read import read
from honeyguide.features.state import decode, encode, state_of
from honeyguide.jobs.features import FeatureFolding
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import LogRow
from tests.features.events import DAY, NOW, events, views

PLANS = (Plan("user", views()), Plan("item", views("item")))
USERS, ITEMS = (plan.group for plan in PLANS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path, ManualClock(NOW))) as opened:
        yield opened


def folding(store: Store, plans: Sequence[Plan] = PLANS) -> FeatureFolding:
    return FeatureFolding(store.log, store.features, plans, ManualClock(NOW), Metrics())


def append(store: Store, rows: Sequence[LogRow]) -> None:
    for start in range(0, len(rows), 1_000):
        asyncio.run(store.log.append(rows[start : start + 1_000]))


def states(store: Store) -> dict[str, dict[str, bytes]]:
    return {group: {k: v for batch in store.features.scan(group) for k, v in batch} for group in (USERS, ITEMS)}


def expected(rows: Sequence[LogRow]) -> dict[str, dict[str, bytes]]:
    return {
        plan.group: {name: encode(plan, state_of(plan, mine)) for name, mine in by_subject(plan, rows).items()}
        for plan in PLANS
    }


def views_of(count: int, first: int = 0, user: Callable[[int], str] = lambda n: f"u{n % 50}") -> list[LogRow]:
    return [
        LogRow(event_id=f"v{n}", ts=NOW + n, received_at=NOW + n, user_id=user(n), item_id=f"i{n % 70}", type="view")
        for n in range(first, first + count)
    ]


@settings(max_examples=25)
@given(events(users=["u", "v/🍯"], most=30), st.data())
def test_the_fold_is_the_state_of_all_events_however_it_is_cut(rows: list[LogRow], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder, closing(SqliteStore(Path(folder), ManualClock(NOW))) as store:
        rest, job = list(rows), folding(store)
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            append(store, rest[:size])
            rest = rest[size:]
            if data.draw(st.booleans()):
                job.refresh()
        job.refresh()
        assert states(store) == expected(rows)


def test_throwing_the_states_away_and_folding_again_gives_the_same_bytes(store: Store) -> None:
    append(store, views_of(5_000))
    job = folding(store)
    for _ in range(9):
        asyncio.run(job.round())
    before = states(store)
    assert before == expected(views_of(5_000))
    job.refold()
    assert states(store) == before
    assert {group: mark.sequence for group, mark in store.features.groups().items()} == {USERS: 5_000, ITEMS: 5_000}


def test_rows_that_no_view_is_made_of_move_the_mark(store: Store) -> None:
    append(store, [LogRow(event_id="x", ts=1, received_at=1, user_id="u", type="search")])
    asyncio.run(folding(store).round())
    mark = store.features.mark(USERS)
    assert mark is not None
    assert mark.sequence == 1
    assert states(store) == {USERS: {}, ITEMS: {}}


def test_two_who_fold_at_the_same_time_count_every_event_once(store: Store) -> None:
    append(store, views_of(6_000))
    threads = [Thread(target=folding(store).refresh) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(store) == expected(views_of(6_000))


def test_a_step_touches_a_bounded_number_of_states(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [f"shown {n}" for n in range(400)]
    rows = [
        LogRow(
            event_id=f"p{n}",
            ts=NOW,
            received_at=NOW,
            user_id="u",
            type="impression",
            payload=msgspec.json.encode({"items": [f"{item} of {n}" for item in seen]}).decode(),
        )
        for n in range(9)
    ]
    append(store, rows)
    sizes, real = [], store.features.advance

    def advance(group: str, changed: dict[str, bytes], **where: int) -> None:
        sizes.append(len(changed))
        real(group, changed, **where)

    monkeypatch.setattr(store.features, "advance", advance)
    folding(store).refresh()
    assert max(sizes) <= 1_000
    assert len(states(store)[ITEMS]) == 9 * 400


def test_a_damaged_state_is_made_anew_from_the_log(store: Store) -> None:
    append(store, views_of(300))
    job = folding(store)
    job.refresh()
    store.features.amend(USERS, {"u7": b"honey"}, at=300)
    append(store, views_of(300, 300))
    for _ in range(3):
        asyncio.run(job.round())
    assert states(store) == expected(views_of(600))


def test_a_person_who_is_erased_is_in_no_state_any_more(store: SqliteStore) -> None:
    """Their rows are gone from the log; their own states go, and those of their items hold what the others did."""
    rows = views_of(2_000)
    append(store, rows)
    job = folding(store)
    job.refresh()
    store.features.advance("item-of-views-that-were", {"i1": b"u1 was here"}, after=0, sequence=9)
    store._writer.call(lambda db, ids: [db.execute("DELETE FROM log WHERE user_id = ?", (name,)) for name in ids], "u7")
    late = views_of(40, 2_000, user=lambda n: "u7" if n % 2 else "u8")  # the id is back already
    append(store, late)  # not folded yet
    mine = {row.item_id for row in rows if row.user_id == "u7" and row.item_id}
    job.erased({"u7": 2_000}, mine)
    kept = [row for row in rows if row.user_id != "u7"] + late
    assert states(store) == expected(kept)
    assert set(store.features.groups()) == {USERS, ITEMS}
    append(store, views_of(10, 3_000, user=lambda n: "u7"))  # the id may sign up again
    job.refresh()
    assert states(store) == expected([*kept, *views_of(10, 3_000, user=lambda n: "u7")])


def test_items_are_folded_again_while_others_fold_on(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, views_of(1_000))
    job = folding(store)
    job.refresh()
    real, steps = store.features.amend, iter([1, 2])

    def amend(group: str, changed: dict[str, bytes | None], *, at: int) -> None:
        if group == ITEMS and (step := next(steps, 0)):
            append(store, views_of(100, 1_000 * step))
            folding(store).refresh()  # another process
        real(group, changed, at=at)

    monkeypatch.setattr(store.features, "amend", amend)
    job.erased({}, ["i1", "i2", "unknown"])
    assert states(store) == expected([*views_of(1_000), *views_of(100, 1_000), *views_of(100, 2_000)])


def test_states_of_views_that_are_gone_are_removed_after_a_day(store: Store) -> None:
    clock = ManualClock(NOW)
    before = Plan("user", views()[:3])
    FeatureFolding(store.log, store.features, [before], clock, Metrics()).refresh()
    store.features.advance(before.group, {"u": b"x"}, after=0, sequence=4)
    job = FeatureFolding(store.log, store.features, PLANS, clock, Metrics())
    asyncio.run(job.round())
    assert before.group in store.features.groups()
    clock.advance(2 * DAY / 1000)
    asyncio.run(job.round())
    assert before.group not in store.features.groups()


def test_the_fold_says_how_late_it_is(store: Store) -> None:
    metrics, clock = Metrics(), ManualClock(NOW + 4_000)
    job = FeatureFolding(store.log, store.features, PLANS, clock, metrics)
    append(store, views_of(3))
    asyncio.run(job.round())

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"honeyguide_{name}", labels)

    assert value("event_lag_seconds_count", event_type="view") == 3
    assert value("event_lag_seconds_bucket", event_type="view", le="5.0") == 3
    assert value("event_lag_seconds_bucket", event_type="view", le="2.5") == 0
    assert value("event_oldest_unprocessed_timestamp_seconds", entity="item") == 0
    assert value("feature_writes_total", entity="item") == 3
    assert value("feature_last_refresh_timestamp_seconds", feature_view="all_views") == clock.ms / 1000


def test_what_was_folded_reads_as_it_should(store: Store) -> None:
    append(store, views_of(500))
    folding(store).refresh()
    found = read(PLANS[0], decode(states(store)[USERS]["u3"]), NOW + 500)
    assert found["all_views"].value == 10.0
