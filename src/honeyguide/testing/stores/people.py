"""What every store must know of persons."""

from collections import Counter

from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import change, event, run, slate


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
        batches = list(store.slates.of_user("ann"))
        assert max(map(len, batches)) < 450
        assert [found.request_id for batch in batches for found in batch] == [f"a{at}" for at in range(450)]
        assert list(store.slates.of_user("nobody")) == []
