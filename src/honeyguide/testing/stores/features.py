"""What every store must do with feature states."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from honeyguide.errors import Conflict
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import ODD_IDS, change, event, run
from honeyguide.types import FeatureCheck, FeatureRows, Folded, LogRow, UserState

Read = Callable[..., Coroutine[Any, Any, FeatureRows]]


def folded(state: UserState) -> Folded:
    """What the state holds for features."""
    assert state.folded is not None
    return state.folded


class FeatureSuite(Fixtures):
    """The contract of `protocols.FeatureStates`."""

    def test_nothing_is_folded_at_first(self, store: Store) -> None:
        """Reads of a group that was never begun give the events alone."""
        assert store.features.mark("user-x") is None
        assert store.features.groups() == {}
        assert store.features.states("user-x", ["u"]) == {}
        assert list(store.features.scan("user-x")) == []
        assert run(store.features.read()) == FeatureRows(0, {}, {}, 0)
        rows = [event("u", "i", ts=5), event("v", "i"), event("u", None, type="impression"), change("user_put", "u", a=1)]
        position = run(store.log.append(rows)).sequence
        read = run(store.features.read(["u", "w"], "user-x", ["i"], "item-x"))
        assert (read.as_of, read.items, read.items_through) == (position, {}, 0)
        assert folded(read.users["u"]) == Folded((), (rows[0], rows[2]), position)
        assert (read.users["u"].events, read.users["u"].known) == ((), True)
        assert read.users["w"] == UserState("w", position, folded=Folded((), (), position))

    def test_states_come_back_with_the_events_after_them(self, store: Store) -> None:
        """A read is the state and what came after it, whatever kind of event, in the order of the log."""
        run(store.log.append([event("u", "i"), event("u", "j")]))
        store.features.advance("user-x", {"u": b"\x00\xff", "v": b""}, after=0, sequence=2)
        store.features.advance("item-x", {"i": b"item"}, after=0, sequence=1)
        later = [event("u", None, type="search", ts=-9), event("u", "k", ts=-3), event("v", "i"), event("u", "k", ts=-4)]
        position = run(store.log.append(later)).sequence
        read = run(store.features.read(["u"], "user-x", ["i", "j"], "item-x"))
        assert folded(read.users["u"]) == Folded((b"\x00\xff",), (later[0], later[1], later[3]), position)
        assert (read.items, read.items_through, read.as_of) == ({"i": b"item"}, 1, position)
        mark = store.features.mark("item-x")
        assert mark is not None
        assert read.items_at == mark.updated_at
        state = run(store.log.user_state("u", limit=2, features="user-x"))
        assert (folded(state), len(state.events)) == (folded(read.users["u"]), 2)
        assert run(store.log.user_state("u", limit=2)).folded is None

    def test_the_past_is_read_without_what_came_later(self, store: Store) -> None:
        """A state that is ahead of the asked position is of no use; the events up to there are."""
        rows = [event("u", f"i{at}") for at in range(6)]
        run(store.log.append(rows))
        store.features.advance("user-x", {"u": b"four"}, after=0, sequence=4)
        past = run(store.log.user_state("u", limit=1, until=3, features="user-x"))
        assert folded(past) == Folded((), tuple(rows[:3]), 3)
        past = run(store.log.user_state("u", limit=1, until=5, features="user-x"))
        assert folded(past) == Folded((b"four",), (rows[4],), 5)

    def test_merged_users_are_read_as_one(self, store: Store) -> None:
        """All states and all events, under whichever id they were; before the merge, apart."""
        run(store.log.append([event("anon", "a"), event("ann", "b")]))
        store.features.advance("user-x", {"anon": b"1", "ann": b"2"}, after=0, sequence=2)
        later = [event("anon", "c"), change("user_merge", "anon", canonical_id="ann"), event("ann", "d")]
        run(store.log.append(later))
        for name in ("anon", "ann"):
            rows = folded(run(store.features.read([name], "user-x")).users[name])
            assert sorted(rows.states) == [b"1", b"2"]
            assert rows.tail == (later[0], later[2])
        before = folded(run(store.log.user_state("anon", limit=1, until=3, features="user-x")))
        assert (before.states, before.tail) == ((b"1",), (later[0],))

    def test_only_who_continues_where_the_mark_is_may_fold_on(self, store: Store, opened: Callable[[], Store]) -> None:
        """Two who fold the same rows: one wins, the other is told, and nothing of it is kept."""
        store.features.advance("user-x", {"u": b"a"}, after=0, sequence=5)
        for after in (0, 4, 6):
            with pytest.raises(Conflict):
                opened().features.advance("user-x", {"u": b"wrong", "w": b"wrong"}, after=after, sequence=9)
        with pytest.raises(Conflict):
            store.features.advance("user-y", {"u": b"wrong"}, after=3, sequence=9)
        assert store.features.states("user-x", ["u", "w"]) == {"u": b"a"}
        opened().features.advance("user-x", {}, after=5, sequence=8)
        mark = store.features.mark("user-x")
        assert mark is not None
        assert (mark.sequence, mark.generation) == (8, 0)

    def test_folding_at_the_same_time_counts_once(self, store: Store, opened: Callable[[], Store]) -> None:
        """Of many who try the same step exactly one succeeds, at the beginning too."""
        stores = [store, opened()]

        def step(each: Store, after: int) -> int:
            try:
                each.features.advance("user-x", {"u": str(after).encode()}, after=after, sequence=after + 1)
            except Conflict:
                return 0
            return 1

        with ThreadPoolExecutor(4) as pool:
            for after in range(12):
                assert sum(pool.map(lambda at, after=after: step(stores[at % 2], after), range(4))) == 1
        assert store.features.states("user-x", ["u"]) == {"u": b"11"}

    def test_amending_changes_states_where_the_fold_is(self, store: Store) -> None:
        """Replaced and removed at the mark, which stays; the generation tells readers who kept something."""
        store.features.advance("item-x", {"a": b"1", "b": b"2"}, after=0, sequence=5)
        store.features.amend("item-x", {"a": None, "b": b"3", "c": b"4"}, at=5)
        assert store.features.states("item-x", "abc") == {"b": b"3", "c": b"4"}
        mark = store.features.mark("item-x")
        assert mark is not None
        assert (mark.sequence, mark.generation) == (5, 1)
        for at in (4, 6):
            with pytest.raises(Conflict):
                store.features.amend("item-x", {"b": None}, at=at)
        with pytest.raises(Conflict):
            store.features.amend("item-never", {"b": None}, at=0)

    def test_ids_are_forgotten_in_every_group_of_their_entity(self, store: Store) -> None:
        """And in no group of the other."""
        for group in ("user-x", "user-y", "item-x"):
            store.features.advance(group, {"a": b"1", "b": b"2"}, after=0, sequence=5)
        store.features.forget("user", ["a", "nobody"])
        assert {group: store.features.states(group, "ab") for group in store.features.groups()} == {
            "item-x": {"a": b"1", "b": b"2"},
            "user-x": {"b": b"2"},
            "user-y": {"b": b"2"},
        }
        generations = {group: mark.generation for group, mark in store.features.groups().items()}
        assert generations == {"item-x": 0, "user-x": 1, "user-y": 1}

    def test_scans_and_drops_go_over_the_whole_group(self, store: Store, opened: Callable[[], Store]) -> None:
        """In order of id, in batches, each once; a dropped group leaves the others alone and can begin anew."""
        ids = [f"i{at:04}" for at in range(1_201)] + [name for name in ODD_IDS if name > "j"]
        store.features.advance("item-x", {name: name.encode() for name in reversed(ids)}, after=0, sequence=7)
        store.features.advance("item-y", {"i0000": b"y"}, after=0, sequence=7)
        batches = list(opened().features.scan("item-x"))
        assert max(map(len, batches)) <= 1_000
        found = [entry for batch in batches for entry in batch]
        assert [name for name, _ in found] == sorted(ids, key=str.encode)
        assert all(name.encode() == state for name, state in found)
        store.features.drop("item-x")
        store.features.drop("item-x")
        assert list(store.features.groups()) == ["item-y"]
        assert list(store.features.scan("item-x")) == []
        assert store.features.states("item-y", ["i0000"]) == {"i0000": b"y"}
        store.features.advance("item-x", {"a": b"1"}, after=0, sequence=2)

    def test_a_comparison_with_the_log_is_kept(self, store: Store, opened: Callable[[], Store]) -> None:
        """The last one; it is no group of states."""
        assert store.features.checked() == FeatureCheck()
        for sequence in (4, 9):
            check = FeatureCheck(
                sequence=sequence, checked_at=5, views={"a": (7, 1)}, examples=[{"request_id": "r", "view": "a"}]
            )
            store.features.note_check(check)
            assert opened().features.checked() == check
        assert store.features.groups() == {}

    def test_odd_ids_have_states_of_their_own(self, store: Store) -> None:
        """Ids are bytes here too, for users and items, in tails as well."""
        rows: list[LogRow] = [event(name, name) for name in ODD_IDS]
        run(store.log.append(rows))
        for group in ("user-x", "item-x"):
            store.features.advance(group, {name: name.encode() for name in ODD_IDS}, after=0, sequence=len(rows))
        read = run(store.features.read(ODD_IDS, "user-x", ODD_IDS, "item-x"))
        assert read.items == {name: name.encode() for name in ODD_IDS}
        assert {name: folded(state).states for name, state in read.users.items()} == {
            name: (name.encode(),) for name in ODD_IDS
        }

    def test_a_tail_is_bounded_and_says_how_far_it_reaches(self, store: Store) -> None:
        """While a long log is folded anew, a user with very many events is read as of an earlier position."""
        for _ in range(6):
            run(store.log.append([event("u", "i") for _ in range(1_000)]))
        rows = folded(run(store.features.read(["u"], "user-x")).users["u"])
        assert [row.sequence for row in rows.tail] == list(range(1, rows.through + 1))
        assert 1_000 <= rows.through < 6_000
        store.features.advance("user-x", {"u": b"state"}, after=0, sequence=5_990)
        assert folded(run(store.features.read(["u"], "user-x")).users["u"]).through == 6_000
