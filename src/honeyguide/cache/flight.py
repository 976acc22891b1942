"""Single flight inside a process: many ask for the same thing, one computes. Knows no cache."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Computations under way by key.

    Each runs in a task of its own, so a caller that is cancelled cancels nobody else; the entry is removed when the
    task ends, however it ends, so an error is delivered to those who waited and never kept.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}

    def running(self, key: Hashable) -> bool:
        """Whether `key` is being computed."""
        return key in self._tasks

    def start(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> "asyncio.Task[T]":
        """The task that computes `key`, started if there is none."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.ensure_future(_call(compute))
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def run(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """The result of `key`, computed by whoever came first."""
        return await asyncio.shield(self.start(key, compute))

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))


async def _call(compute: Callable[[], Awaitable[T]]) -> T:
    return await compute()
