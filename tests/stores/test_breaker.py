"""The breaker on the passed-in clock: when it opens, whom it lets through, when it closes."""

import pytest

from honeyguide.clock import ManualClock
from honeyguide.stores.breaker import IN_A_ROW, LEAST, PAUSE, WINDOW, Breaker


class Bench:
    def __init__(self, chance: float = 0.5) -> None:
        self.clock = ManualClock()
        self.turns: list[bool] = []
        self.breaker = Breaker(self.clock, lambda: chance, slow=0.03, turned=self.turns.append)

    def fail(self, times: int) -> None:
        for _ in range(times):
            assert self.breaker.allows()
            self.breaker.failed()


def test_it_opens_after_failures_in_a_row() -> None:
    bench = Bench()
    bench.fail(IN_A_ROW - 1)
    bench.breaker.succeeded(0.001)
    bench.fail(IN_A_ROW - 1)
    assert bench.breaker.allows()
    bench.breaker.failed()
    assert not bench.breaker.allows()
    assert bench.turns == [True]


def test_it_opens_when_half_of_enough_calls_fail() -> None:
    bench = Bench()
    for _ in range(LEAST // 2 - 1):
        bench.breaker.succeeded(0.001)
        bench.breaker.failed()
    bench.breaker.succeeded(0.001)
    assert bench.breaker.allows()
    bench.breaker.failed()
    assert not bench.breaker.allows()


def test_it_opens_on_slow_answers_too() -> None:
    bench = Bench()
    for _ in range(LEAST):
        assert bench.breaker.allows()
        bench.breaker.succeeded(0.08)
    assert not bench.breaker.allows()


def test_old_failures_do_not_count() -> None:
    bench = Bench()
    for _ in range(LEAST):
        bench.breaker.succeeded(0.001)
        bench.breaker.failed()
        bench.clock.advance(WINDOW / LEAST * 3)
    assert bench.breaker.allows()


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 0.9), (0.5, 1.0), (0.999999, 1.1)])
def test_while_it_is_open_one_call_a_second_is_let_through(chance: float, pause: float) -> None:
    bench = Bench(chance)
    bench.fail(IN_A_ROW)
    bench.clock.advance(PAUSE * pause - 0.01)
    assert not bench.breaker.allows()
    bench.clock.advance(0.02)
    assert bench.breaker.allows()
    assert not bench.breaker.allows(), "one probe"
    bench.breaker.failed()
    bench.clock.advance(PAUSE * pause + 0.01)
    assert bench.breaker.allows()
    bench.breaker.succeeded(0.08)
    assert bench.breaker.open, "a slow answer is no sign that all is well"
    bench.clock.advance(PAUSE * pause + 0.01)
    assert bench.breaker.allows()
    bench.breaker.succeeded(0.001)
    assert bench.breaker.allows()
    assert bench.turns == [True, False]


def test_after_it_has_closed_the_past_is_forgotten() -> None:
    bench = Bench()
    bench.fail(IN_A_ROW)
    bench.clock.advance(2)
    assert bench.breaker.allows()
    bench.breaker.succeeded(0.001)
    bench.fail(IN_A_ROW - 1)
    assert bench.breaker.allows()
