"""Simulated shoppers over HTTP: they ask a running server for lists, react by the truth and report it as events.

Simulated time is that of the arrivals: as many visits a day as the shop has, however fast the server answers. The
events carry no time of their own; they happen when they are sent. What a shopper does is settled by the seed and by
the lists; only the order in which visits of different users reach the server is not.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.clock import Clock
from honeyguide.simulate.calendar import Session, arrivals
from honeyguide.simulate.reference import ListMaker, World
from honeyguide.simulate.service import Failed, Reporter, Service
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shopper import Visit
from honeyguide.simulate.tally import Counts
from honeyguide.simulate.traffic import OURS, Traffic

_PAUSE: Final = 0.1
"""Seconds after a request that failed, so that a server in trouble is not stormed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the shoppers are: at most `lists` a second (0: as fast as they are answered), `together` at a time."""

    lists: float = 50.0
    together: int = 8


class Shoppers:
    """The users of a shop as clients of a server. Call `run`; `traffic` has the figures while it runs and after.

    `references` are makers of lists that the same users see in worlds of their own, for comparison. `owned` is what
    users had bought before; `begin` is where simulated time begins (ms), by default at the shop's opening.
    """

    def __init__(
        self,
        shop: Shop,
        service: Service,
        clock: Clock,
        *,
        references: Mapping[str, ListMaker],
        owned: Mapping[int, Set[int]] | None = None,
        n: int = 10,
        pace: Pace | None = None,
        begin: int | None = None,
        slice_seconds: float = 5.0,
    ) -> None:
        self.shop, self.clock, self.n = shop, clock, n
        self.pace = pace or Pace()
        self.traffic = Traffic(shop, tuple(references), slice_seconds)
        self.simulated = shop.opened_at if begin is None else begin
        self._service = service
        self._makers = dict(references)
        self._worlds = {name: World(shop, owned=owned) for name in (OURS, *references)}
        self._users: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._comparing = asyncio.Lock()
        self._listed = int(np.searchsorted(shop.items.created_at, self.simulated, side="right"))
        self._started = self._turn = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Let the visits that are under way end after the list that they look at; then `run` returns."""
        self._stopping = True

    async def run(self, *, seconds: float | None = None, lists: int | None = None) -> Traffic:
        """Visit after visit until `stop`, or for so many seconds or lists."""
        self._started = self._turn = self.clock.monotonic()
        sessions = arrivals(self.shop, self.simulated)

        def over() -> bool:
            late = seconds is not None and self._now() >= seconds
            return self._stopping or late or (lists is not None and self.traffic.ours.lists >= lists)

        async with asyncio.TaskGroup() as group:
            for _ in range(self.pace.together):
                group.create_task(self._keep_visiting(sessions, over))
        self.traffic.seconds = self._now()
        return self.traffic

    def _now(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic() - self._started

    async def _keep_visiting(self, sessions: Iterator[Session], over: Callable[[], bool]) -> None:
        while not over():
            session = next(sessions)
            self.simulated = max(self.simulated, session.at)
            async with self._users[session.user]:  # nobody is in the shop twice at a time
                try:
                    await self._list_newcomers()
                    whole = await self._visit(self._worlds[OURS].visit(session), over)
                except Failed as failed:
                    self.traffic.failures[failed.reason] += 1
                    await asyncio.sleep(_PAUSE)
                else:
                    if whole:
                        await self._compare(session)

    async def _visit(self, visit: Visit, over: Callable[[], bool]) -> bool:
        """A visit from the first list to the till; False if it was cut short."""
        report = Reporter(visit, self._service.surface)
        pages = 0
        if ratings := report.ratings(visit.ratings()):
            await self._send(ratings)
        while pages < visit.pages and not over():
            slate, request_id = await self._ask(visit)
            reaction = visit.see(slate, request_id)
            for counts in self.traffic.counting(OURS, self._now()):
                counts.saw(slate, reaction)
            await self._send(report.seen(slate, reaction, request_id))
            pages += 1
        purchases = visit.leave()
        if purchases:
            await self._send(report.bought(purchases))
        for counts in self.traffic.counting(OURS, self._now()):
            counts.bought(purchases)
        self.traffic.visits += 1
        return pages == visit.pages

    async def _ask(self, visit: Visit) -> tuple[list[int], str]:
        """A list for the visitor, as rows of items, and its request id. Items of other shops are not looked at."""
        await self._take_turn()
        begun = self.clock.monotonic()
        answer = await self._service.recommend(visit.user_id, self.n)
        self.traffic.answered(answer, 1000 * (self.clock.monotonic() - begun), self._now())
        numbers = self.shop.item_number
        return [numbers[each["item_id"]] for each in answer["items"] if each["item_id"] in numbers], answer["request_id"]

    async def _send(self, events: list[dict[str, object]]) -> None:
        begun = self.clock.monotonic()
        await self._service.send(events)
        self.traffic.told(len(events), 1000 * (self.clock.monotonic() - begun))

    async def _take_turn(self) -> None:
        """Wait until the pace allows another list; time that the server lost is not made up for."""
        if self.pace.lists > 0:
            now = self.clock.monotonic()
            self._turn = max(self._turn + 1 / self.pace.lists, now - 1.0)
            if self._turn > now:
                await asyncio.sleep(self._turn - now)

    async def _list_newcomers(self) -> None:
        """Put the items into the catalogue that have come since; they are new now."""
        until = int(np.searchsorted(self.shop.items.created_at, self.simulated, side="right"))
        if until > self._listed:
            new = range(self._listed, until)
            self._listed = until
            rows = [{**self.shop.item_row(item), "created_at": self.clock.now_ms()} for item in new]
            await self._service.put_items(rows)

    async def _compare(self, session: Session) -> None:
        """Show the same visitor the references' lists, each in its own world, beside the event loop."""
        async with self._comparing:
            counts = {name: self.traffic.counting(name, self._now()) for name in self._makers}
            await asyncio.to_thread(self._play, session, counts)

    def _play(self, session: Session, counts: Mapping[str, tuple[Counts, Counts]]) -> None:
        for name, make in self._makers.items():
            self._worlds[name].play(session, make, self.n, *counts[name])
