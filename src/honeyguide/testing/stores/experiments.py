"""What every store must do with experiments: what they are now, and all that became of them."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, NotFound
from honeyguide.messages import Arm, Experiment
from honeyguide.protocols import Store
from honeyguide.testing.stores.fixtures import Fixtures

DRAFT = Experiment(
    name="variety",
    surface="home",
    arms=[Arm(name="control", weight=0.5), Arm(name="varied", weight=0.5, changes={"diversity": {"strength": 0.4}})],
    seed="variety",
    forced={"ann": "varied"},
    range=(0.25, 0.75),
)
changed = msgspec.structs.replace


class ExperimentSuite(Fixtures):
    """The contract of `protocols.experiments.ExperimentTable`."""

    def test_experiments_are_kept_with_all_that_became_of_them(
        self, store: Store, opened: Callable[[], Store], clock: ManualClock
    ) -> None:
        """Every change stays readable, and what the experiment was in each phase."""
        created = store.experiments.put(DRAFT, "created", by="ann", why="lists look alike")
        assert created == changed(DRAFT, revision=1, created_at=clock.now_ms(), changed_at=clock.now_ms())
        assert (opened().experiments.all(), opened().experiments.running()) == ([created], [])
        clock.advance(1)
        running = changed(created, state="running", phase=1, started_at=clock.now_ms())
        started = store.experiments.put(running, "started", by="ann")
        weighed = changed(started, arms=[Arm(name="control", weight=0.1), Arm(name="varied", weight=0.9)], period=1)
        weighed = opened().experiments.put(weighed, "weighed", by="bandit")
        second = opened().experiments.put(changed(weighed, phase=2, seed="variety:2"), "phase", by="bob", why="bug")
        other = store.experiments.put(changed(DRAFT, name="another"), "created", by="bob")
        assert store.experiments.all() == [other, second]
        assert store.experiments.running() == [opened().experiments.get("variety")] == [second]
        assert (second.created_at, second.revision) == (created.created_at, 4)
        told = [
            (each.change, each.changed_by, each.why, each.experiment) for each in opened().experiments.history("variety")
        ]
        assert told == [
            ("phase", "bob", "bug", second),
            ("weighed", "bandit", "", weighed),
            ("started", "ann", "", started),
            ("created", "ann", "lists look alike", created),
        ]
        then = store.experiments.at([("variety", 1), ("variety", 2), ("variety", 3), ("none", 1)])
        assert then == {("variety", 1): weighed, ("variety", 2): second}
        assert store.experiments.history("none") == []
        with pytest.raises(NotFound, match="There are: another, variety"):
            store.experiments.get("none")

    def test_an_experiment_that_was_changed_meanwhile_is_not_overwritten(self, store: Store) -> None:
        """Whoever changes a revision that is not the present one hears of it, and nothing is noted."""
        created = store.experiments.put(DRAFT, "created", by="ann")
        with pytest.raises(Conflict, match="there is one already"):
            store.experiments.put(DRAFT, "created", by="bob")
        store.experiments.put(changed(created, owner="bob"), "edited", by="bob")
        with pytest.raises(Conflict, match="revision 2 now"):
            store.experiments.put(changed(created, owner="ann"), "edited", by="ann")
        with pytest.raises(Conflict, match="there is none"):
            store.experiments.put(changed(created, name="other"), "edited", by="ann")
        assert [each.changed_by for each in store.experiments.history("variety")] == ["bob", "ann"]

    def test_an_experiment_is_refused_beside_those_that_run(self, store: Store) -> None:
        """The guard sees the others that run, in the transaction that would keep this one."""
        seen = []

        def refuse(running: Sequence[Experiment]) -> None:
            seen.append([each.name for each in running])
            if running:
                raise Conflict("The layer is taken.")

        first = store.experiments.put(DRAFT, "created", by="ann")
        store.experiments.put(changed(first, state="running", phase=1), "started", by="ann", beside=refuse)
        second = store.experiments.put(changed(DRAFT, name="another"), "created", by="ann")
        with pytest.raises(Conflict, match="taken"):
            store.experiments.put(changed(second, state="running", phase=1), "started", by="ann", beside=refuse)
        assert seen == [[], ["variety"]]
        assert (store.experiments.get("another"), len(store.experiments.history("another"))) == (second, 1)

    def test_units_without_exposure_have_no_arm_to_keep(self, store: Store) -> None:
        """Nothing is known of who was never exposed."""
        store.experiments.put(changed(DRAFT, state="running", phase=2), "created", by="ann")
        assert store.experiments.first_arms("ann", ["variety", "none"]) == {}
