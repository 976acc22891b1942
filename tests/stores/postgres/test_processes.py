"""Several processes on one PostgreSQL, and what is left of one that is killed."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from honeyguide.stores.postgres import PostgresStore
from honeyguide.testing.stores.rows import all_items, event, run
from tests import postgres
from tests.stores.processes import PER_BATCH, Child


@pytest.mark.parametrize("after", [3, 150])
def test_a_kill_loses_nothing_that_was_acknowledged(
    open_postgres: Callable[..., PostgresStore], url: str, after: int
) -> None:
    """Killed in the middle of its transactions: the others go on at once, and nothing is there by half."""
    with Child("append_for_ever", url) as child:
        acknowledged = {child.line() for _ in range(after)}
        acknowledged |= set(child.kill())
    store = open_postgres()
    assert run(store.log.append([event("u", "after")])).accepted == 1, "nobody waits for the dead"
    rows = [row for rows in store.log.scan() for row in rows if row.item_id != "after"]
    batches = Counter(row.event_id.split("/")[0] for row in rows)
    assert acknowledged <= set(batches), "acknowledged and lost"
    assert set(batches.values()) == {PER_BATCH}, "half a batch"
    derived = (all_items(store), run(store.catalogue.users(limit=10**6)))
    store.catalogue.rebuild()
    assert (all_items(store), run(store.catalogue.users(limit=10**6))) == derived, "tables that do not follow the log"


def test_processes_write_at_the_same_time(tmp_path: object) -> None:
    """From the first moment: all of them find an empty database, and one makes the tables."""
    server = postgres.server()
    url = server.url_of(server.database())
    with ExitStack() as stack:
        children = [stack.enter_context(Child("append_some", url, f"own{at}", 15)) for at in range(2)]
        for child in children:
            child.go()
        assert sum(int(child.line()) for child in children) == (15 + 2 * 15) * PER_BATCH
    rows = server.admin("SELECT event_id, sequence FROM honeyguide.log ORDER BY sequence", url.rpartition("/")[2])
    assert len({name for name, _ in rows}) == len(rows) == 45 * PER_BATCH
    assert [sequence for _, sequence in rows] == sorted({sequence for _, sequence in rows})


def test_a_busy_process_lets_others_write_and_is_seen(open_postgres: Callable[..., PostgresStore], url: str) -> None:
    with Child("append_for_ever", url, "busy", 64) as child:
        store = open_postgres()
        watch = store.log.watch()
        for at in range(20):
            appended = run(store.log.append([event("me", f"i{at}", ts=at)]))
            assert run(store.log.user_state("me", limit=99)).as_of >= appended.sequence
        assert len(run(store.log.user_state("me", limit=99)).events) == 20
        seen = run(store.log.position())
        run(watch.changed())  # of what was there until now, and maybe a little later
        while not run(watch.changed()):  # the test's own limit of time ends it
            assert child.process.poll() is None
        assert run(store.log.position()) > seen
