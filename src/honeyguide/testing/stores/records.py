"""What every store must do beside the log: slates, registry, jobs, keys, the lock."""

from collections.abc import Callable

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, DataDirectoryBusy, NotFound, Unavailable
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import event, run, slate
from honeyguide.types import ModelVersion, ServedFeatures


class RecordSuite(Fixtures):
    """The contracts of the other parts of `protocols.Store`."""

    def test_slates_come_back_as_they_were_served(self, store: Store, opened: Callable[[], Store]) -> None:
        """By request id, from any process; a second time changes nothing."""
        made = [slate(f"r{at}") for at in range(130)]
        assert store.slates.append(made).stored == 130
        store.slates.append([slate("r7", user="somebody else")])
        store.slates.append([])
        assert store.slates.count() == opened().slates.count() == 130
        assert run(store.slates.get("r7")) == run(opened().slates.get("r7")) == made[7]
        assert run(store.slates.get("none")) is None

    def test_slates_are_walked_through_in_order(self, store: Store, opened: Callable[[], Store]) -> None:
        """Each with a number that a later walk can begin after; features of a slate come back with it."""
        assert list(store.slates.scan()) == []
        made = [slate(f"r{at}") for at in range(1_200)]
        made[3].features = ServedFeatures(
            at=5, as_of=17, user={"a": ["x"], "b": None}, items_at=4, items_as_of=16, items={"p": [1.5, None]}
        )
        for start in range(0, len(made), 400):
            store.slates.append(made[start : start + 400])
        batches = list(opened().slates.scan())
        assert max(map(len, batches)) < len(made)
        walked = [pair for batch in batches for pair in batch]
        assert [found for _, found in walked] == made
        numbers = [number for number, _ in walked]
        assert numbers == sorted(set(numbers))
        rest = [found for batch in store.slates.scan(after=numbers[999]) for _, found in batch]
        assert rest == made[1_000:]
        latest = list(store.slates.latest(700))
        assert max(map(len, latest)) < 700
        assert [found for batch in latest for found in batch] == made[:499:-1]
        assert sum(map(len, opened().slates.latest(5_000))) == 1_200
        assert list(store.slates.latest(0)) == []

    def test_versions_are_numbered_once(self, store: Store, opened: Callable[[], Store]) -> None:
        """A number is never given twice: not to two at the same time, not after a version was removed."""
        other = opened()
        numbers = [each.registry.next_version("ease") for each in (store, other, store)]
        assert numbers == [1, 2, 3]
        assert store.registry.next_version("als") == 1
        store.registry.publish(ModelVersion("ease", 9, 5, 100, {"ndcg": 0.5}, {"files": {"a": "b"}}))
        with pytest.raises(Conflict):
            other.registry.publish(ModelVersion("ease", 9, 6, 100, {}, {}))
        store.registry.remove("ease", 9)
        assert other.registry.next_version("ease") == 10

    def test_versions_and_aliases(self, store: Store, opened: Callable[[], Store]) -> None:
        """Aliases point at versions that there are, remember where they pointed before, and hold what they point at."""
        registry = store.registry
        made = [
            ModelVersion(name, number, number, 10, {"m": number}, {"x": [1]}) for name in ("a", "b") for number in (1, 2)
        ]
        for version in made:
            registry.publish(version)
        assert registry.versions("b") == [made[3], made[2]]
        assert {version.label for version in registry.versions()} == {"a@1", "a@2", "b@1", "b@2"}
        assert [version.created_at for version in registry.versions()] == [2, 2, 1, 1]
        assert registry.version("a", 2) == made[1]
        with pytest.raises(NotFound, match="a@1"):
            registry.version("a", 3)
        with pytest.raises(NotFound):
            registry.set_alias("champion", "a", 3)
        assert registry.previous("champion") is None
        for version in (made[0], made[3], made[3]):
            registry.set_alias("champion", version.model, version.version)
        assert opened().registry.aliases() == {"champion": made[3]}
        assert registry.previous("champion") == made[0]
        with pytest.raises(Conflict):
            registry.remove("b", 2)
        registry.remove("a", 1)
        assert registry.previous("champion") is None
        registry.delete_alias("champion")
        assert registry.aliases() == {}
        with pytest.raises(NotFound):
            registry.delete_alias("champion")
        with pytest.raises(NotFound):
            registry.remove("a", 1)

    def test_answers_that_have_expired_are_swept_away(self, store: Store, clock: ManualClock) -> None:
        """A few at a time, and none that is still good."""
        now = clock.now_ms()
        for number in range(120):
            run(store.idempotency.put(f"key {number}", "hash", 202, b"", expires_at=now + 1000 + number // 119))
        assert run(store.idempotency.sweep(now=now)) == 0
        swept = 0
        while some := run(store.idempotency.sweep(now=now + 1000)):
            swept += some
        assert swept == 119
        assert run(store.idempotency.get("key 119", now=now)) is not None

    def test_an_answer_is_kept_until_it_expires(self, store: Store, opened: Callable[[], Store], clock: ManualClock) -> None:
        """The first answer to a key stays; after its time the key is free."""
        now = clock.now_ms()
        run(store.idempotency.put("key", "hash", 202, b"\x00answer", expires_at=now + 1000))
        run(store.idempotency.put("key", "other", 500, b"", expires_at=now + 9000))
        kept = run(opened().idempotency.get("key", now=now))
        assert kept is not None
        assert (kept.body_hash, kept.status, kept.body) == ("hash", 202, b"\x00answer")
        assert run(store.idempotency.get("unknown", now=now)) is None
        assert run(store.idempotency.get("key", now=now + 1000)) is None
        clock.advance(1)
        run(store.idempotency.put("key", "other", 200, b"new", expires_at=now + 9000))
        kept = run(store.idempotency.get("key", now=now + 1000))
        assert kept is not None
        assert kept.body == b"new"

    def test_an_import_goes_on_where_it_was(self, store: Store, opened: Callable[[], Store]) -> None:
        """Progress by source, seen by the next process."""
        store.checkpoints.record("file", 500)
        store.checkpoints.record("file", 1500)
        assert opened().checkpoints.rows_done("file") == 1500
        assert store.checkpoints.rows_done("other") == 0
        store.checkpoints.forget("file")
        assert opened().checkpoints.rows_done("file") == 0

    def test_one_server_at_a_time(self, store: Store, opened: Callable[[], Store]) -> None:
        """The second is told who the first is; after the first has gone it may. A shared store takes any number."""
        other = opened()
        if store.shared:
            with store.hold("serve on port 8123"), other.hold("serve on port 8124"):
                run(other.log.append([event("u", "i")]))
            return
        with store.hold("serve on port 8123"):
            with pytest.raises(DataDirectoryBusy, match="port 8123"), other.hold("serve on port 8124"):
                pytest.fail("two servers on one project")
            run(other.log.append([event("u", "i")]))  # others may still read and write
        with other.hold("serve on port 8124"):
            pass

    def test_a_closed_store_says_so_and_has_kept_everything(self, open_again: Callable[[], Store]) -> None:
        """What was acknowledged is there at the next opening; the closed one answers nothing."""
        first = open_again()
        run(first.log.append([event("u", "i")]))
        watch = first.log.watch()
        first.close()
        first.close()
        for use in (lambda: first.log.append([event("u", "j")]), first.log.position, watch.changed):
            with pytest.raises(Unavailable):
                run(use())
        second = open_again()
        assert [entry.item_id for entry in run(second.log.user_state("u", limit=9)).events] == ["i"]
        second.close()
