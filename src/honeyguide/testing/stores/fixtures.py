"""The fixtures that the suites use. A user of the suite overrides `open_again`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from honeyguide.clock import ManualClock
from honeyguide.protocols import Store


class Fixtures:
    """What all suites need: a store, and further ones on the same data."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The clock that the store under test is opened with."""
        return ManualClock()

    @pytest.fixture
    def pass_time(self, clock: ManualClock) -> Callable[[float], None]:
        """Lets so many seconds pass on the clock that all processes on the data share; override it for a database's own."""
        return clock.advance

    @pytest.fixture
    def open_again(self) -> Callable[[], Store]:
        """Override: opens a store on the same data at each call, as another process would; empty at the first."""
        pytest.fail("override the fixture open_again")

    @pytest.fixture
    def opened(self, open_again: Callable[[], Store]) -> Iterator[Callable[[], Store]]:
        """Opens further stores on the same data; all are closed after the test."""
        with ExitStack() as stack:

            def open_one() -> Store:
                store = open_again()
                stack.callback(store.close)
                return store

            yield open_one

    @pytest.fixture
    def store(self, opened: Callable[[], Store]) -> Store:
        """The store under test."""
        return opened()
