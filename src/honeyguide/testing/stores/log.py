"""What every event log must do."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest

from honeyguide.errors import InvalidInput, TooLarge
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import ODD_IDS, all_items, change, event, run
from honeyguide.types import MAX_BATCH, LogRow, UserState


class LogSuite(Fixtures):
    """The contract of `protocols.EventLog`."""

    def test_an_empty_store_answers(self, store: Store) -> None:
        """Nothing is there, and nothing fails."""
        assert run(store.log.position()) == 0
        assert run(store.log.user_state("u", limit=10)) == UserState("u", 0)
        assert list(store.log.scan()) == []
        assert run(store.log.append([])).accepted == 0
        assert store.log.interactions().schema == {
            "user_id": pl.String, "item_id": pl.String, "type": pl.String, "value": pl.Float64, "quantity": pl.Float64,
            "ts": pl.Int64, "sequence": pl.Int64,
        }  # fmt: skip
        assert [run(store.catalogue.items(limit=5)), run(store.catalogue.users(limit=5)), all_items(store)] == [[], [], []]
        assert run(store.catalogue.item("i")) is None
        assert run(store.catalogue.user("u")) is None
        assert store.catalogue.item_at("i", 5) is None
        assert store.catalogue.user_segments(["a"]).columns == ["user_id", "a"]
        assert store.slates.count() == 0
        assert [store.registry.versions(), store.jobs.page(limit=5)] == [[], []]

    def test_an_append_is_read_at_the_position_it_answers(self, store: Store) -> None:
        """Read your writes: `as_of` is at least what the append answered."""
        for size in (1, 2, 30):
            rows = [event("u", f"i{at}", ts=at) for at in range(size)]
            appended = run(store.log.append(rows))
            assert (appended.accepted, appended.duplicates) == (size, ())
            assert [row.sequence for row in rows] == list(range(appended.sequence - size + 1, appended.sequence + 1))
            state = run(store.log.user_state("u", limit=100))
            assert state.as_of >= appended.sequence
            assert {entry.sequence for entry in state.events} >= {row.sequence for row in rows}
            assert run(store.log.position()) == appended.sequence

    def test_an_event_id_counts_once(self, store: Store) -> None:
        """The first row of an id stays; others are left out, and named by their position in the batch."""
        first = event("u", "a", event_id="same")
        rows = [event("u", "b"), event("u", "c", event_id="same"), event("u", "d"), event("u", "e", event_id="same")]
        assert run(store.log.append([first])).accepted == 1
        appended = run(store.log.append(rows))
        assert (appended.accepted, appended.duplicates) == (2, (1, 3))
        assert [row.sequence > 0 for row in rows] == [True, False, True, False]
        assert appended.sequence == rows[2].sequence == run(store.log.position())
        at, b, d = first.sequence, rows[0].sequence, rows[2].sequence
        again = run(store.log.append([*rows, first]))
        assert (again.accepted, again.duplicates) == (0, (0, 1, 2, 3, 4))
        assert again.sequence == appended.sequence
        assert (appended.held, again.held) == ((at, at), (b, at, d, at, at))
        assert [row.item_id for batch in store.log.scan() for row in batch] == ["a", "b", "d"]
        assert run(store.catalogue.item("c")) is None, "a row that was left out made an item"
        run(store.log.append([event("u", "c")]))
        assert run(store.catalogue.item("c")) is not None, "a row that was left out keeps a later one from making its item"

    def test_who_sends_again_is_told_the_position_of_what_is_there(self, store: Store) -> None:
        """Not that of the whole log: a list that knows of the first row of an id is as new as the answer promises."""
        first = event("u", "a", event_id="x")
        run(store.log.append([event("v", "z"), first]))
        at = first.sequence
        run(store.log.append([event("v", "z"), event("v", "z")]))
        again = run(store.log.append([event("u", "a", event_id="x")]))
        assert (again.sequence, again.held) == (at, (at,))
        mixed = run(store.log.append([event("u", "a", event_id="x"), event("u", "b")]))
        assert (mixed.sequence, mixed.held) == (run(store.log.position()), (at,))

    def test_a_retry_that_ends_with_duplicates_leaves_the_position_at_the_last_row(self, store: Store) -> None:
        """Numbers that duplicates used up are not positions."""
        run(store.log.append([event("u", "a", event_id="x")]))
        appended = run(store.log.append([event("u", "b"), event("u", "a", event_id="x")]))
        assert run(store.log.position()) == appended.sequence
        later = run(store.log.append([event("u", "c")]))
        assert later.sequence > appended.sequence

    def test_history_is_ordered_by_time_then_by_arrival(self, store: Store) -> None:
        """Late events take their place; of events at the same time the earlier in the log is the older; the limit keeps
        the latest."""
        run(store.log.append([event("u", "b", ts=5), event("u", "d", ts=9), event("u", "a", ts=2)]))
        run(store.log.append([event("u", "c", ts=5), event("v", "x", ts=1), event("u", "e", ts=9)]))
        state = run(store.log.user_state("u", limit=100))
        assert [entry.item_id for entry in state.events] == ["a", "b", "c", "d", "e"]
        assert [entry.item_id for entry in run(store.log.user_state("u", limit=3)).events] == ["c", "d", "e"]
        assert run(store.log.user_state("u", limit=0)) == UserState("u", state.as_of, known=True)

    def test_impressions_are_no_history(self, store: Store) -> None:
        """They are kept, make the user known, and are in neither the state nor the interactions."""
        rows = [event("u", None, type="impression"), event("u", "a", type="impression"), event("v", None, type="search")]
        position = run(store.log.append(rows)).sequence
        assert run(store.log.user_state("u", limit=9)) == UserState("u", position, known=True)
        assert run(store.log.user_state("v", limit=9)).known
        assert not run(store.log.user_state("w", limit=9)).known
        assert not run(store.log.user_state("v", limit=9, until=position - 1)).known
        assert store.log.interactions().is_empty()
        assert sum(len(batch) for batch in store.log.scan()) == 3

    def test_a_row_comes_back_as_it_went_in(self, store: Store) -> None:
        """Every field, to the last bit."""
        full = LogRow(
            event_id="e", ts=-5, received_at=2**53, user_id="u", item_id="i", type="purchase", value=0.1 + 0.2,
            quantity=1e-300, session_id="s", device_id="d", surface="home", request_id="r", imported=True,
            payload='{"a": "\U0001f36f"}',
        )  # fmt: skip
        bare = LogRow(event_id="f", ts=0, received_at=0)
        run(store.log.append([full, bare]))
        assert [row for batch in store.log.scan() for row in batch] == [full, bare]
        (seen,) = run(store.log.user_state("u", limit=1)).events
        assert (seen.value, seen.ts) == (0.1 + 0.2, -5)

    def test_odd_ids_are_kept_exactly(self, store: Store) -> None:
        """Ids are bytes: no case, form, space or sign means anything."""
        rows = [event(name, name, event_id=name, session_id=name) for name in ODD_IDS]
        run(store.log.append([*rows, *[change("user_put", name, properties={name: name}) for name in ODD_IDS]]))
        for name in ODD_IDS:
            state = run(store.log.user_state(name, limit=9))
            assert [entry.item_id for entry in state.events] == [name]
            assert state.properties == {name: name}
            found = run(store.catalogue.item(name))
            assert found is not None
            assert found.item_id == name
        assert store.log.interactions()["user_id"].to_list() == ODD_IDS
        assert [item.item_id for item in run(store.catalogue.items(limit=99))] == sorted(ODD_IDS, key=str.encode)
        assert run(store.log.append([event("u", "i", event_id=name) for name in ODD_IDS])).accepted == 0

    def test_a_batch_is_bounded(self, store: Store) -> None:
        """`MAX_BATCH` rows go in one append, one more does not."""
        assert run(store.log.append([event("u", "i") for _ in range(MAX_BATCH)])).accepted == MAX_BATCH
        with pytest.raises(TooLarge):
            run(store.log.append([event("u", "i") for _ in range(MAX_BATCH + 1)]))
        assert run(store.log.position()) == MAX_BATCH

    def test_a_row_that_cannot_be_stored_fails_alone(self, store: Store) -> None:
        """Its append fails as a whole with `InvalidInput`; those that came at the same time are stored."""
        bad = [
            [event("u", "half of a bad batch"), event("u", "\ud800")],
            [event("u", "too late", ts=2**63)],
            [LogRow(kind="item_put", event_id="p", ts=0, received_at=0, item_id="i", payload='{"title": 5}')],
            [LogRow(kind="user_merge", event_id="m", ts=0, received_at=0, user_id="u", payload="{}")],
        ]
        good = [[event("u", f"good{at}")] for at in range(20)]

        async def together() -> list[Any]:
            batches = [*good[:10], *bad, *good[10:]]
            return await asyncio.gather(*(store.log.append(rows) for rows in batches), return_exceptions=True)

        results = run(together())
        assert [type(result) for result in results[10:14]] == [InvalidInput] * 4
        assert [result.accepted for result in [*results[:10], *results[14:]]] == [1] * 20
        assert sorted(item.item_id for item in all_items(store)) == sorted(f"good{at}" for at in range(20))

    def test_concurrent_appends_are_each_whole(self, store: Store, opened: Callable[[], Store]) -> None:
        """Many tasks at the same time: each append's rows stand together in the log, each id once."""

        async def together() -> list[Any]:
            batches = [[event("u", f"t{task}", ts=at) for at in range(7)] for task in range(80)]
            shared = [event("u", "shared", event_id="shared") for _ in range(20)]
            work = [store.log.append(rows) for rows in batches] + [store.log.append([row]) for row in shared]
            return await asyncio.gather(*work)

        results = run(together())
        assert sum(result.accepted for result in results) == 80 * 7 + 1
        rows = [row for batch in opened().log.scan() for row in batch]
        assert [row.sequence for row in rows] == sorted({row.sequence for row in rows})
        assert [row.item_id for row in rows if row.item_id == "shared"] == ["shared"]
        runs = [(row.item_id, row.ts) for row in rows if row.item_id != "shared"]
        assert all([ts for _, ts in runs[at : at + 7]] == list(range(7)) for at in range(0, len(runs), 7))

    def test_two_stores_write_at_the_same_time(self, store: Store, opened: Callable[[], Store]) -> None:
        """What both append counts once, nothing is lost, and no number is given twice."""
        stores = [store, opened()]

        def work(mine: Store) -> int:
            accepted = 0
            for part in range(25):
                rows = [event("u", f"i{part}", event_id=f"both{part}"), event("u", "own"), event("u", "own")]
                accepted += run(mine.log.append(rows)).accepted
            return accepted

        with ThreadPoolExecutor(2) as pool:
            assert sum(pool.map(work, stores)) == 25 + 2 * 25 * 2
        rows = [[row for batch in each.log.scan() for row in batch] for each in stores]
        assert rows[0] == rows[1]
        assert len({row.sequence for row in rows[0]}) == len(rows[0]) == 125
        assert {item.item_id for item in all_items(store)} == {"own", *(f"i{part}" for part in range(25))}

    def test_a_scan_is_bounded_and_in_order(self, store: Store) -> None:
        """`after` is left out, `until` is in, `limit` counts rows over all batches."""
        rows = [event("u", "i", ts=-at) for at in range(5 * MAX_BATCH)]
        for start in range(0, len(rows), MAX_BATCH):
            run(store.log.append(rows[start : start + MAX_BATCH]))
        scanned = list(store.log.scan())
        assert len(scanned) > 1
        assert [row for batch in scanned for row in batch] == rows
        assert [row for batch in store.log.scan(after=rows[9].sequence, until=rows[12].sequence) for row in batch] == rows[
            10:13
        ]
        assert [row for batch in store.log.scan(limit=2 * MAX_BATCH + 1) for row in batch] == rows[: 2 * MAX_BATCH + 1]
        assert list(store.log.scan(after=rows[-1].sequence)) == list(store.log.scan(limit=0)) == []

    def test_whoever_follows_gets_the_next_rows(self, store: Store) -> None:
        """A few at a time, in order, until there are no more."""
        rows = [event("u", f"i{at}") for at in range(7)]
        run(store.log.append(rows))
        assert run(store.log.rows_after(0, limit=3)) == rows[:3]
        assert run(store.log.rows_after(rows[2].sequence, limit=MAX_BATCH)) == rows[3:]
        assert run(store.log.rows_after(rows[6].sequence, limit=MAX_BATCH)) == []

    def test_interactions_are_the_history_of_all(self, store: Store) -> None:
        """Events that name a user and an item, by time then arrival, up to a position."""
        late = event("v", "b", ts=1, type="purchase", value=9.5, quantity=2)
        rows = [event("u", "a", ts=5), event("u", None, type="search"), change("item_put", "a", title="A"), late]
        run(store.log.append([*rows, event("u", "a", ts=5)]))
        found = store.log.interactions()
        assert found.select("user_id", "item_id", "type", "value", "quantity", "ts").rows() == [
            ("v", "b", "purchase", 9.5, 2.0, 1), ("u", "a", "view", None, None, 5), ("u", "a", "view", None, None, 5),
        ]  # fmt: skip
        assert found["sequence"].to_list() == [late.sequence, rows[0].sequence, late.sequence + 1]
        assert store.log.interactions(until=rows[0].sequence)["item_id"].to_list() == ["a"]

    def test_a_watch_notices_commits_of_others(self, store: Store, opened: Callable[[], Store]) -> None:
        """Once per look, whoever committed, never without a commit."""
        watch = store.log.watch()
        other = opened()
        assert not run(watch.changed())
        for writer in (store, other):
            run(writer.log.append([event("u", "i"), event("u", "j")]))
            run(writer.log.append([event("u", "i")]))
            assert run(watch.changed())
            assert not run(watch.changed())
            assert run(store.log.user_state("u", limit=99)) == run(other.log.user_state("u", limit=99))

    def test_what_was_seen_lately_is_found_up_to_a_position(self, store: Store) -> None:
        """Items of impressions, the latest first, merges followed; positions and what cannot be read are no items."""

        def seen(name: str, ts: int, payload: str) -> LogRow:
            return LogRow(event_id=f"{name}{ts}", ts=ts, received_at=9, user_id=name, type="impression", payload=payload)

        rows = [
            seen("u", 10, '{"items": ["a", "b", 3]}'),
            seen("u", 30, '{"items": ["a"]}'),
            seen("u", 20, '{"positions": [1, 2]}'),
            seen("v", 25, '{"items": ["c"]}'),
            seen("u", 40, "[]"),
        ]
        position = run(store.log.append(rows)).sequence

        def found(name: str, **bounds: int) -> list[tuple[str, int]]:
            return run(store.log.impressions(name, **{"since": 0, "until": position, "limit": 9, **bounds}))

        assert found("u") == [("a", 30), ("a", 10), ("b", 10)]
        assert found("u", since=10) == [("a", 30)]
        assert found("u", until=1) == [("a", 10), ("b", 10)]
        assert found("u", limit=2) == [("a", 30)]
        assert found("w") == []
        run(store.log.append([change("user_merge", "v", canonical_id="u")]))
        assert found("u") == [("a", 30), ("a", 10), ("b", 10)], "not merged at that position"
        assert found("u", until=position + 1) == [("a", 30), ("c", 25), ("a", 10), ("b", 10)]
        assert found("v", until=position + 1) == found("u", until=position + 1)
