"""The last part of a demo: the shoppers use the server, and the screen shows how it goes, until somebody ends it."""

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import httpx
import polars as pl

from honeyguide.clock import Clock
from honeyguide.simulate.child import Server
from honeyguide.simulate.folder import Folder
from honeyguide.simulate.history import owned, popularity
from honeyguide.simulate.reference import references
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.service import Service
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shoppers import Pace, Shoppers
from honeyguide.types import Json

REFRESH_SECONDS: Final = 0.5


@dataclass(slots=True)
class DemoResult:
    """How it went: `first_list_seconds` from the start to the first list, the traffic report, and what failed."""

    url: str = ""
    first_list_seconds: float = 0.0
    traffic: Json = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 if nothing failed, else 1."""
        return 1 if self.failures else 0


@dataclass(frozen=True, slots=True)
class Running:
    """Servers of one project, the shop that they serve and its past, and whoever watches. The shoppers use the first."""

    folder: Folder
    shop: Shop
    past: pl.DataFrame
    servers: Sequence[Server]
    headers: Mapping[str, str]
    screen: Screen
    clock: Clock

    async def shop_on(self, result: DemoResult, *, seconds: float | None, pace: Pace) -> None:
        """Shoppers until ctrl-C, for so many seconds, or until the server is gone; then the report."""
        url = self.servers[0].url
        async with httpx.AsyncClient(base_url=url, headers=self.headers, timeout=30, trust_env=False) as client:
            shoppers = self.shoppers(Service(client), pace)
            with ctrl_c() as told:
                await self.watch(shoppers, told, seconds)
        self.look_back(shoppers, result)

    def look_back(self, shoppers: Shoppers, result: DemoResult) -> None:
        """Show and keep what the traffic came to."""
        self.folder.remember(shoppers.simulated)
        self.screen.report(shoppers.traffic)
        result.traffic = shoppers.traffic.as_json()
        result.failures += [f"{reason}, {times} times" for reason, times in shoppers.traffic.failures.items()]
        self._look_after(result)

    async def wait(self, result: DemoResult, *, seconds: float | None) -> None:
        """No shoppers: serve until ctrl-C, for so many seconds, or until the server is gone."""
        with ctrl_c() as told, suppress(TimeoutError):
            await asyncio.wait_for(self._end(told), seconds)
        self._look_after(result)

    def shoppers(self, service: Service, pace: Pace) -> Shoppers:
        """The users of the shop, beside those who see other lists."""
        return Shoppers(
            self.shop,
            service,
            self.clock,
            references=references(self.shop, popularity(self.shop, self.past)),
            owned=owned(self.shop, self.past),
            pace=pace,
            begin=self.folder.note.simulated,
        )

    async def watch(self, shoppers: Shoppers, told: asyncio.Event, seconds: float | None) -> None:
        """Let them shop for so many seconds, or until told to stop, and show how it goes."""
        shopping = asyncio.create_task(shoppers.run(seconds=seconds))
        ending = asyncio.create_task(self._end(told))
        with self.screen.live(shoppers.traffic) as figures:
            while not shopping.done():
                await asyncio.wait([shopping], timeout=REFRESH_SECONDS)
                if ending.done():
                    shoppers.stop()
                figures.update()
        ending.cancel()
        await shopping

    async def _end(self, told: asyncio.Event) -> None:
        """Return when told to stop, or when a server has ended by itself."""
        while not told.is_set() and all(server.alive for server in self.servers):
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), REFRESH_SECONDS)

    def _look_after(self, result: DemoResult) -> None:
        for server in self.servers:
            if not server.alive:
                result.failures.append(f"the server ended by itself; its last words: {server.last_words()}")


@contextmanager
def ctrl_c() -> Iterator[asyncio.Event]:
    """An event that ctrl-C and SIGTERM set, instead of breaking off."""
    told = asyncio.Event()
    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, told.set)
    try:
        yield told
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
