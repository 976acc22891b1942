"""Ready, and why not."""

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Unavailable
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.readiness import SILENCE, Readiness


def test_every_step_of_the_start_is_waited_for() -> None:
    readiness = Readiness(["items", "models"], ManualClock(), Metrics())
    readiness.done("models")
    with pytest.raises(Unavailable, match="Not loaded yet: items"):
        readiness.check()
    readiness.done("items")
    readiness.check()


def test_who_leaves_is_not_ready_again() -> None:
    readiness = Readiness([], ManualClock(), Metrics())
    readiness.leave()
    with pytest.raises(Unavailable, match="ending"):
        readiness.check()


def test_a_silent_dependency_is_named_and_counted_but_does_not_end_readiness() -> None:
    clock, metrics = ManualClock(), Metrics()
    readiness = Readiness([], clock, metrics)
    readiness.heard("database")
    clock.advance(SILENCE)
    assert readiness.missing() == []
    clock.advance(0.001)
    assert readiness.missing() == ["database"]
    assert b'honeyguide_dependency_up{dependency="database"} 0.0' in metrics.render()
    readiness.check()
    readiness.heard("database")
    assert readiness.missing() == []
    assert b'honeyguide_dependency_up{dependency="database"} 1.0' in metrics.render()
