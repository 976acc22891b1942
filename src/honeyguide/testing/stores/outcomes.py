"""What every store must do with the units of experiments: first exposures, totals, sums, and how far they are folded."""

from collections.abc import Callable

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import Exposure, FoldStep, Marks, SketchRow, Total, phase_key
from honeyguide.testing.stores.fixtures import Fixtures
from honeyguide.testing.stores.rows import run
from honeyguide.types import LogRow

KEY, OTHER = phase_key("variety", 1), phase_key("variety", 1, 3)
ANN = Exposure("ann", "control", "control", 0.5, "hash", 2, 1_000, 1_000, "r1", attributes='{"country":"pt"}')
BOB = Exposure("bob", "varied", "", 0.5, "sticky", 2, 2_000, 2_000, "r2")
STEP = FoldStep(Marks(), Marks(2, 0, "r2"), {KEY: {"ann": ANN, "bob": BOB}}, {KEY: {"ann": {"clicks": Total(1, 2, 3)}}})


class OutcomeSuite(Fixtures):
    """The contract of `protocols.outcomes.OutcomeTable`."""

    def test_a_step_is_kept_whole_with_its_marks(self, store: Store, opened: Callable[[], Store]) -> None:
        """Exposures, totals and how far the fold is, for every process."""
        assert store.outcomes.marks() == Marks()
        store.outcomes.advance(STEP)
        other = opened().outcomes
        assert other.marks() == Marks(2, 0, "r2")
        assert other.exposures(KEY, ["ann", "bob", "nobody"]) == {"ann": ANN, "bob": BOB}
        assert other.totals(KEY, ["ann", "bob"]) == {"ann": {"clicks": Total(1, 2, 3)}}
        assert [each for batch in other.all_exposures(KEY) for each in batch] == [ANN, BOB]
        assert [each for batch in other.all_totals(KEY) for each in batch] == [("clicks", "ann", Total(1, 2, 3))]
        assert other.exposures(OTHER, ["ann"]) == {}

    def test_a_step_from_where_the_fold_no_longer_is_stores_nothing(self, store: Store) -> None:
        """Two that fold the same do not count twice."""
        store.outcomes.advance(STEP)
        again = FoldStep(STEP.before, Marks(9, 9), {}, {KEY: {"ann": {"clicks": Total(50)}}})
        with pytest.raises(Conflict, match="another process folds them"):
            store.outcomes.advance(again)
        assert store.outcomes.marks() == STEP.after
        assert store.outcomes.totals(KEY, ["ann"])["ann"]["clicks"] == Total(1, 2, 3)

    def test_a_first_exposure_stays(self, store: Store) -> None:
        """Whatever comes later: only how often and when last is counted on."""
        store.outcomes.advance(STEP)
        later = ANN._replace(
            arm="varied", served_arm="varied", first_at=1, last_at=9_000, served=7, crossed=2, request_id="r9"
        )
        store.outcomes.advance(FoldStep(STEP.after, Marks(3, 5, "r9"), {KEY: {"ann": later}}, {}))
        assert store.outcomes.exposures(KEY, ["ann"])["ann"] == ANN._replace(last_at=9_000, served=7, crossed=2)

    def test_an_erased_user_is_not_exposed_by_an_old_list(self, store: Store, clock: ManualClock) -> None:
        """A slate that was read before its user was erased brings nobody back; the same id may begin anew."""
        store.people.bury(["ann"], at=1_500)
        store.outcomes.advance(STEP)
        assert set(store.outcomes.exposures(KEY, ["ann", "bob"])) == {"bob"}
        anew = ANN._replace(first_at=3_000)
        store.outcomes.advance(FoldStep(STEP.after, Marks(3, 0, "r3"), {KEY: {"ann": anew}}, {}))
        assert store.outcomes.exposures(KEY, ["ann"]) == {"ann": anew}

    def test_erasing_a_person_takes_exposures_and_totals(self, store: Store) -> None:
        """What is left are sums, which name nobody."""
        store.outcomes.advance(STEP)
        row = SketchRow("control", "clicks", 19_000, "", 1, 1.0, 1.0, 1.0, 1.0, 1.0)
        store.outcomes.put_sketches(KEY, [row], as_of=7, final=True)
        list(store.people.erase(["ann"], until=10))
        assert set(store.outcomes.exposures(KEY, ["ann", "bob"])) == {"bob"}
        assert store.outcomes.totals(KEY, ["ann"]) == {}
        assert store.outcomes.sketches(KEY) == ([row], 7, True)

    def test_sketches_are_replaced_whole(self, store: Store) -> None:
        """Of one moment, all of them."""
        rows = [SketchRow("control", name, 19_000, "", 2, 0.1, 0.2, 3.0, 4.0, 5.0) for name in ("a", "b")]
        assert store.outcomes.sketches(KEY) == ([], 0, False)
        store.outcomes.put_sketches(KEY, rows, as_of=5)
        store.outcomes.put_sketches(OTHER, rows[:1], as_of=6)
        assert store.outcomes.sketches(KEY) == (rows, 5, False)
        store.outcomes.put_sketches(KEY, rows[1:], as_of=8)
        assert store.outcomes.sketches(KEY) == (rows[1:], 8, False)
        assert store.outcomes.sketches(OTHER) == (rows[:1], 6, False)

    def test_a_phase_can_be_forgotten_and_folded_again(self, store: Store) -> None:
        """Only that phase; the marks are set back apart."""
        store.outcomes.advance(STEP)
        store.outcomes.put_sketches(KEY, [], as_of=5)
        store.outcomes.drop(OTHER)
        assert store.outcomes.exposures(KEY, ["ann"]) == {"ann": ANN}
        store.outcomes.drop(KEY)
        store.outcomes.rewind(Marks())
        assert store.outcomes.sketches(KEY) == ([], 0, False)
        store.outcomes.advance(STEP)
        assert store.outcomes.exposures(KEY, ["ann"]) == {"ann": ANN}

    async def _append(self, store: Store) -> None:
        def row(n: int, **fields: object) -> LogRow:
            given = {"event_id": f"e{n}", "ts": n * 10, "received_at": n, "type": "click", "user_id": "ann", "item_id": "i"}
            return LogRow(**{**given, **fields})  # type: ignore[arg-type]

        await store.log.append(
            [row(1), row(2, user_id="bob", session_id="s"), row(3, session_id="s"), row(4, device_id="d")]
        )
        await store.log.append([row(5, type="impression", item_id=None), row(6, session_id="s", user_id="cid")])

    def test_the_events_of_a_unit_are_found(self, store: Store) -> None:
        """Of users, sessions and devices, from a moment on, up to a position, in log order."""
        run(self._append(store))
        events = store.outcomes.events_of
        assert [row.sequence for row in events("user", "ann", since=10, until=6)] == [1, 3, 4, 5]
        assert [row.sequence for row in events("user", "ann", since=11, until=4)] == [3, 4]
        assert [row.sequence for row in events("session", "s", since=0, until=6)] == [2, 3, 6]
        assert [row.sequence for row in events("device", "d", since=40, until=6)] == [4]
        assert events("device", "nobody", since=0, until=6) == []
