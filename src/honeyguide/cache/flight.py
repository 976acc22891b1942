"""Single flight inside a process: many ask for the same thing, one computes. Knows no cache."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """One computation under way. `mark` says what it has read of the world; None while it has not read anything yet."""

    def __init__(self, result: "asyncio.Future[T]") -> None:
        self.result = result
        self.mark: bytes | None = None

    async def landed(self) -> T:
        """Its result. Who waits and is cancelled cancels nobody else."""
        return await asyncio.shield(self.result)


class Flights(Generic[T]):
    """Computations under way by key.

    Each runs in a task of its own, so a caller that is cancelled cancels nobody else; it is forgotten when the task ends,
    however it ends, so an error is delivered to those who waited and never kept.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[T]] = {}
        self._tasks: set[asyncio.Task[Sequence[T]]] = set()

    def under_way(self, key: Hashable, mark: bytes) -> Flight[T] | None:
        """The computation of `key`, if it has not read anything that is no longer so."""
        flight = self._flights.get(key)
        return flight if flight is not None and flight.mark in (None, mark) else None

    def launch(
        self, keys: Sequence[Hashable], compute: Callable[[Sequence[Flight[T]]], Awaitable[Sequence[T]]]
    ) -> list[Flight[T]]:
        """Compute all `keys` in one task; `compute` gives a result for each, in order, and may mark the flights."""
        loop = asyncio.get_running_loop()
        flights = [Flight[T](loop.create_future()) for _ in keys]
        self._flights.update(zip(keys, flights, strict=True))
        task = loop.create_task(_call(compute, flights))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._land(keys, flights, done))
        return flights

    def _land(self, keys: Sequence[Hashable], flights: Sequence[Flight[T]], done: "asyncio.Task[Sequence[T]]") -> None:
        self._tasks.discard(done)
        for key, flight in zip(keys, flights, strict=True):
            if self._flights.get(key) is flight:
                del self._flights[key]
        error = None if done.cancelled() else done.exception()
        for place, flight in enumerate(flights):
            if done.cancelled():
                flight.result.cancel()
            elif error is not None:
                flight.result.set_exception(error)
                flight.result.exception()  # marks it as seen: where nobody waits, an error is no news
            else:
                flight.result.set_result(done.result()[place])

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))


async def _call(
    compute: Callable[[Sequence[Flight[T]]], Awaitable[Sequence[T]]], flights: Sequence[Flight[T]]
) -> Sequence[T]:
    return await compute(flights)
