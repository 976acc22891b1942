"""What every store must do with figures of quality, and with lists and events by time."""

from collections.abc import Callable

from honeyguide.clock import ManualClock, RequestIds
from honeyguide.protocols import Store
from honeyguide.protocols.quality import QualityRow, Slice
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import event, run, slate


class QualitySuite(Fixtures):
    """The contract of `protocols.quality.QualityTable`, and of reading by time."""

    def test_figures_are_replaced_by_the_hour(self, store: Store, opened: Callable[[], Store]) -> None:
        """An hour that is measured again has the new figures and none of the old; other hours and days stay."""
        home = Slice("home", "", "ease@1")
        first = QualityRow(metric="ctr", period="hour", starts_at=0, slice=home, value=0.5, low=0.4, high=0.6, n=9)
        other = QualityRow(metric="novelty", period="hour", starts_at=0, value=None, detail="é", computed_at=7)
        store.quality.replace("hour", 0, [first, other])
        store.quality.replace("day", 0, [QualityRow(metric="ctr", period="day", starts_at=0, value=0.1)])
        assert opened().quality.of("ctr", "hour", since=0, until=1) == [first]
        assert store.quality.of("novelty", "hour", since=0, until=1) == [other]
        again = QualityRow(metric="ctr", period="hour", starts_at=0, value=0.7)
        opened().quality.replace("hour", 0, [again])
        assert store.quality.of("ctr", "hour", since=0, until=1) == [again]
        assert store.quality.of("novelty", "hour", since=0, until=1) == []
        assert [row.value for row in store.quality.of("ctr", "day", since=0, until=1)] == [0.1]

    def test_figures_are_found_by_time_and_slice(self, store: Store) -> None:
        """In order of time; the end is not part of it; old ones go, of one measure or of all."""
        for at in (20, 0, 10):
            rows = [
                QualityRow(metric=name, period="hour", starts_at=at, slice=each, value=float(at), computed_at=at + 1)
                for name in ("tally", "ctr")
                for each in (Slice(), Slice("home"), Slice("home", "B"))
            ]
            store.quality.replace("hour", at, rows)
        found = store.quality.of("ctr", "hour", since=0, until=20)
        assert [(row.starts_at, row.slice.arm) for row in found] == [
            (0, ""),
            (0, ""),
            (0, "B"),
            (10, ""),
            (10, ""),
            (10, "B"),
        ]
        one = store.quality.of("ctr", "hour", since=0, until=99, slice=Slice("home", "B"))
        assert [row.value for row in one] == [0.0, 10.0, 20.0]
        assert store.quality.computed("hour", since=5, until=20) == {10: 11}
        assert store.quality.expire("hour", 10, "tally") == 3
        assert store.quality.computed("hour", since=0, until=99) == {10: 11, 20: 21}
        assert len(store.quality.of("ctr", "hour", since=0, until=99)) == 9
        assert store.quality.expire("hour", 20) == 9
        assert [row.starts_at for row in store.quality.of("ctr", "hour", since=0, until=99)] == [20, 20, 20]

    def test_slates_are_found_by_time(self, store: Store, clock: ManualClock) -> None:
        """By the order of their request ids; the end is not part of it."""
        ids = RequestIds(clock)
        made = []
        for _ in range(700):
            clock.advance(1)
            served = slate(ids.next())
            served.ts = clock.now_ms()
            made.append(served)
        store.slates.append(made[350:])
        store.slates.append(made[:350])
        batches = list(store.slates.served(since=made[20].ts, until=made[680].ts))
        assert [found for batch in batches for found in batch] == made[20:680]
        assert max(map(len, batches)) < 660
        assert list(store.slates.served(since=made[-1].ts + 1, until=made[-1].ts + 10)) == []

    def test_events_are_found_by_time_and_type(self, store: Store) -> None:
        """In order of time, however they came in; many of one moment, too."""
        rows = [event("u", "a", ts=1000 + number // 900, type=("click", "view")[number % 2]) for number in range(4000)]
        for start in range(3000, -1, -1000):
            run(store.log.append(rows[start : start + 1000]))
        found = [row for batch in store.log.happened(["click", "?"], since=1001, until=1004) for row in batch]
        assert len(found) == 1350
        assert [(row.ts, row.sequence) for row in found] == sorted((row.ts, row.sequence) for row in found)
        assert {row.event_id for row in found} == {
            row.event_id for row in rows if row.type == "click" and 1001 <= row.ts < 1004
        }
        assert list(store.log.happened([], since=0, until=9999)) == []
