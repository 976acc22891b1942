"""What every store must know of persons, and forget of them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from honeyguide.errors import NotFound
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import all_items, change, event, run, slate, some_history
from honeyguide.types import LogRow


def tables(store: Store) -> list[Any]:
    """What is derived from the log, with the past of the links."""
    users = run(store.catalogue.users(limit=999))
    names = sorted({user.user_id for user in users})
    links = [record for record in store.people.held(names, until=0) if record[0] == "user_links"]
    return [all_items(store), users, links, store.log.interactions().rows()]


def erase(store: Store, *ids: str, until: int) -> Counter[str]:
    """Remove all about these ids."""
    removed: Counter[str] = Counter()
    for counts in store.people.erase(ids, until=until):
        removed.update(counts)
    return removed


def rows_of(store: Store) -> list[LogRow]:
    """The whole log."""
    return [row for batch in store.log.scan() for row in batch]


class PeopleSuite(Fixtures):
    """The contract of `protocols.People`, and of the slates of a user."""

    def test_everything_held_about_ids_is_told(self, store: Store) -> None:
        """Each row once and with all its fields, whatever its kind, in batches; nothing of anybody else."""
        made = [event("ann", f"i{at}", ts=at % 7, payload='{"p": {"q": 1}}') for at in range(700)]
        made += [event("ann", None, type="search", ts=3), event("ann", None, type="impression", ts=-4)]
        run(store.log.append([*made, event("bob", "i1"), change("item_put", "ann")]))
        run(
            store.log.append([change("user_put", "ann", properties={"x": 1}), change("user_merge", "ann", canonical_id="c")])
        )
        until = run(store.log.position())
        run(store.log.append([event("ann", "later")]))
        held = list(store.people.held(["ann", "c"], until=until))
        assert max(len(rows) for _, rows in held) < 700
        counts = Counter(table for table, rows in held for _ in rows)
        assert counts == {"users": 2, "user_links": 1, "log": 704}
        log = {row["sequence"]: row for table, rows in held if table == "log" for row in rows}
        assert len(log) == 704
        first = log[made[0].sequence]
        assert (first["payload"], first["imported"], first["item_id"]) == ({"p": {"q": 1}}, False, "i0")
        assert Counter(row["kind"] for row in log.values()) == {"event": 702, "user_put": 1, "user_merge": 1}
        users = {row["user_id"]: row for table, rows in held if table == "users" for row in rows}
        assert (users["ann"]["canonical_id"], users["ann"]["properties"]) == ("c", {"x": 1})
        assert list(store.people.held(["nobody"], until=until)) == []

    def test_slates_of_a_user(self, store: Store) -> None:
        """All of them, in order of time."""
        store.slates.append([slate(f"a{at}", user="ann") for at in range(450)] + [slate("b", user="bob")])
        found = [each.request_id for batch in store.slates.of_users(["ann", "nobody"]) for each in batch]
        assert found == [f"a{at}" for at in range(450)]
        assert sum(len(batch) for batch in store.slates.of_users(["bob", "ann"])) == 451
        assert list(store.slates.of_users(["nobody"])) == []

    def test_the_dead_do_not_come_back(self, store: Store, opened: Callable[[], Store]) -> None:
        """After a tombstone, no store on the data takes events from before it, nor imported attributes; later ones are."""
        run(store.log.append([event("ann", "i", ts=10, event_id="mine")]))
        assert store.people.bury(["ann", "anon"], at=100) == 1
        for each in (store, opened()):
            name = "ann" if each is store else "anon"
            rows = [
                event(name, "i", ts=99), event("bob", "j", ts=5), event(name, "k", ts=100),
                change("user_put", name, ts=500, imported=True, properties={"old": 1}), event("bob", "l", event_id="mine"),
                change("user_put", name, ts=500, properties={"new": 1}), event(name, "never seen", ts=-1),
                change("item_put", name, imported=True),
            ]  # fmt: skip
            appended = run(each.log.append(rows))
            assert (appended.accepted, appended.duplicates, appended.erased) == (4, (4,), (0, 3, 6))
            assert [row.sequence > 0 for row in rows] == [False, True, True, False, False, True, False, True]
            assert appended.sequence == rows[7].sequence == run(each.log.position())
        assert run(store.catalogue.item("never seen")) is None
        assert run(store.log.append([event("bob", "never seen", ts=1)])).accepted == 1
        assert run(opened().catalogue.item("never seen")) is not None
        assert run(store.log.append([event("ann", "i", ts=50)])).accepted == 0
        store.people.bury(["ann"], at=40)  # an earlier one does not take it back
        assert run(store.log.append([event("ann", "i", ts=50)])).erased == (0,)

    def test_pseudonyms_are_the_project_s(self, store: Store, opened: Callable[[], Store]) -> None:
        """The same for every process on the data, and nothing to read an id from."""
        one, other = store.people.pseudonyms.of("ann"), opened().people.pseudonyms.of("ann")
        assert one == other != store.people.pseudonyms.of("bob")
        assert len(one) == 32

    def test_an_erased_user_leaves_nothing(self, store: Store) -> None:
        """Not in the log, not in a table; what others did is as it was, and so is every item."""
        run(store.log.append([event("ann", "first", ts=5, session_id="s"), event("bob", "i", ts=6)]))
        run(store.log.append([event("ann", f"i{at}", ts=at, payload='{"a": 1}') for at in range(700)]))
        run(store.log.append([event("ann", None, type="search"), change("user_put", "ann", properties={"x": 1})]))
        run(
            store.log.append(
                [change("user_merge", "anon", canonical_id="ann"), event("anon", "i", ts=8), event("bob", "i3")]
            )
        )
        before = tables(store)
        until = store.people.bury(["ann", "anon"], at=1000)
        run(store.log.append([event("ann", "again", ts=2000)]))
        removed = erase(store, "ann", "anon", until=until)
        assert removed["log"] == 705
        assert removed["users"] == 2
        assert {row.user_id for row in rows_of(store)} == {None, "bob", "ann"}
        assert "ann" not in repr([row for row in rows_of(store) if row.sequence <= until])
        assert [row.item_id for row in rows_of(store) if row.user_id == "ann"] == ["again"]
        assert [item for item in all_items(store) if item.item_id != "again"] == before[0]
        assert [user.user_id for user in run(store.catalogue.users(limit=9))] == []
        assert erase(store, "ann", "anon", until=until) == Counter(), "a second time finds nothing"
        after = tables(store)
        store.catalogue.rebuild()
        assert tables(store) == after
        state = run(store.log.user_state("ann", limit=9, until=until))
        assert (state.events, state.properties) == ((), {})

    @pytest.mark.parametrize("seed", range(8))
    def test_any_erasure_leaves_what_a_rebuild_makes(self, store: Store, seed: int) -> None:
        """Whatever merges, deletes and departures there were; also after events of a new life, and broken off half-way."""
        rows = some_history(seed, 150)
        run(store.log.append(rows[:90]))
        victims = [user.user_id for user in run(store.catalogue.person("ann"))] or ["ann"]
        until = store.people.bury(victims, at=0)
        run(store.log.append(rows[90:]))
        steps = store.people.erase(victims, until=until)
        for _ in range(seed % 3):
            next(steps, None)
        erase(store, *victims, until=until)
        left = [row for row in rows_of(store) if row.sequence <= until]
        assert not {row.user_id for row in left} & set(victims)
        assert not any(f'"{name}"' in (row.payload or "") for row in left for name in victims)
        assert len(left) == len([row for row in rows[:90] if row.user_id not in victims and not _names(row, victims)]) + len(
            [row for row in left if row.event_id.startswith("item-")]
        )
        after = tables(store)
        store.catalogue.rebuild()
        assert tables(store) == after

    def test_slates_from_before_are_removed(self, store: Store) -> None:
        """Those made of the old log, and no others."""
        made = [slate(f"r{at}", user="ann" if at % 3 else "bob") for at in range(600)]
        for at, each in enumerate(made):
            each.as_of = 5 if at < 500 else 6
        store.slates.append(made)
        old = [each for each in made if each.user_id == "ann" and each.as_of == 5]
        removed: Counter[str] = Counter()
        for counts in store.slates.remove_users({"ann": 5, "anon": 5, "bob": 4}):
            removed.update(counts)
        assert removed == {"ann": len(old)}
        assert store.slates.count() == 600 - len(old)
        assert run(store.slates.get(old[0].request_id)) is None
        assert run(store.slates.get("r500")) is not None
        assert not any(store.slates.remove_users({"ann": 5}))
        assert store.slates.scrub()

    def test_answers_that_quote_an_id_are_removed(self, store: Store) -> None:
        """Words about a refused row may name a user."""
        quoting = ['{"detail": "user_id \'ann\' is odd"}', '{"user_id":"ann"}', '{"detail":"\\"ann\\""}']
        others = ['{"detail": "annual"}', '{"user_id":"bob"}', "ann"]
        for at, body in enumerate([*quoting, *others]):
            run(store.idempotency.put(f"k{at}", "h", 200, body.encode(), expires_at=2**60))
        assert erase(store, "ann", until=0) == {"idempotency_keys": 3}
        kept = [run(store.idempotency.get(f"k{at}", now=0)) is not None for at in range(6)]
        assert kept == [False, False, False, True, True, True]

    def test_what_was_removed_is_in_no_file(self, store: Store) -> None:
        """`scrub` says when it is done; it is at once where nobody reads."""
        run(store.log.append([event("ann", "i")]))
        erase(store, "ann", until=store.people.bury(["ann"], at=9))
        assert store.people.scrub()

    def test_old_events_go_and_nothing_else(self, store: Store) -> None:
        """By when they came in; items and users stay, so does the newest row, and a rebuild makes the same tables."""
        run(store.log.append([change("user_put", "u", properties={"x": 1}), change("item_put", "i", title="I")]))
        old = [event("u", f"i{at % 40}", ts=at, received_at=50) for at in range(300)]
        run(store.log.append([*old, event("u", "young", ts=1, received_at=100), event("u", "i", ts=2, received_at=60)]))
        before = [all_items(store), run(store.catalogue.users(limit=9))]
        position, removed, through = run(store.log.position()), 0, 0
        while (found := store.people.expire(100, after=through)).more:
            removed, through = removed + found.removed, found.through
        assert removed == 300
        assert run(store.log.position()) == position
        left = [row for row in rows_of(store) if row.kind == "event"]
        assert [(row.item_id, row.received_at) for row in left] == [("young", 100), ("i", 60)]
        assert [all_items(store), run(store.catalogue.users(limit=9))] == before
        store.catalogue.rebuild()
        assert [all_items(store), run(store.catalogue.users(limit=9))] == before
        assert run(store.log.append([event("u", "new", ts=3)])).sequence == position + 1

    def test_old_slates_go(self, store: Store) -> None:
        """The oldest first, some at a time."""
        made = [slate(f"r{at}") for at in range(450)]
        for at, each in enumerate(made):
            each.ts = at
        store.slates.append(made)
        steps = []
        while removed := store.slates.expire(430):
            steps.append(removed)
        assert sum(steps) == 430
        assert max(steps) <= 200
        assert store.slates.count() == 20

    def test_jobs_of_a_kind_and_their_parameters(self, store: Store, opened: Callable[[], Store]) -> None:
        """Unfinished ones are found, oldest first; parameters may be replaced, by any process."""
        first, other, second = (store.jobs.create(kind, {"at": at}) for at, kind in enumerate(("erase", "train", "erase")))
        claimed = store.jobs.claim("w", ["erase"])
        assert claimed is not None
        assert [job.job_id for job in opened().jobs.unfinished("erase")] == [first.job_id, second.job_id]
        opened().jobs.amend(first.job_id, {"new": [1]})
        assert store.jobs.get(first.job_id).params == {"new": [1]}
        assert store.jobs.get(other.job_id).params == {"at": 1}
        claimed.state = "succeeded"
        store.jobs.update(claimed)
        assert [job.job_id for job in store.jobs.unfinished("erase")] == [second.job_id]
        with pytest.raises(NotFound):
            store.jobs.amend("none", {})


def _names(row: LogRow, ids: list[str]) -> bool:
    return row.kind == "user_merge" and any(f'"{name}"' in (row.payload or "") for name in ids)
