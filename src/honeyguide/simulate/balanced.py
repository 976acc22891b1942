"""Several nodes as one service: requests go to them in turn, past one that is gone; events wait until one takes them.

This is what a load balancer and the page of a shop do: a list is asked for once, and what happened is told until it is
acknowledged. Events carry their ids, so that one that is told twice counts once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Sequence
from typing import Any, Final

import httpx

from honeyguide.clock import Clock
from honeyguide.simulate.service import Failed, Service
from honeyguide.types import Json

BOUND: Final = 0.5
"""Seconds after which every node knows what any of them has acknowledged."""
_AWAY_SECONDS: Final = 0.5
_AGAIN_SECONDS: Final = 0.2
_NOT_TAKEN: Final = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
"""What says that a node is gone; one that is only slow is waited for."""


class Balanced(httpx.AsyncBaseTransport):
    """Requests in turn to the nodes at `urls`. One that is gone is passed over for half a second; `moved` counts requests
    that went to another node instead, `asked` those that each node answered."""

    def __init__(self, urls: Sequence[str], clock: Clock) -> None:
        self._nodes = [httpx.URL(url) for url in urls]
        self._clock = clock
        self._away = dict.fromkeys(self._nodes, 0.0)
        self._transport = httpx.AsyncHTTPTransport()
        self._turn = 0
        self.moved = 0
        self.asked = Counter[str]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the node whose turn it is, and the others if that one is gone."""
        missed: Exception | None = None
        for node in self._order():
            request.url = request.url.copy_with(host=node.host, port=node.port)
            try:
                answer = await self._transport.handle_async_request(request)
            except _NOT_TAKEN as error:
                self._away[node], missed = self._clock.monotonic() + _AWAY_SECONDS, error
                self.moved += 1
            else:
                self.asked[str(node)] += 1
                return answer
        assert missed is not None
        raise missed

    def _order(self) -> list[httpx.URL]:
        """The nodes, from the one whose turn it is; those that were gone a moment ago last."""
        self._turn = (self._turn + 1) % len(self._nodes)
        order = self._nodes[self._turn :] + self._nodes[: self._turn]
        now = self._clock.monotonic()
        return sorted(order, key=lambda node: self._away[node] > now)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


class PatientService(Service):
    """A service that keeps books: what was acknowledged, and whether lists know of it in time.

    `hard` are the types of events that every list must know of `BOUND` seconds after they were acknowledged. `late`
    counts lists that did not and were not marked degraded, `tiers` where the lists came from."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, hard: Collection[str], *, surface: str = "home") -> None:
        super().__init__(client, surface=surface)
        self._clock, self._hard = clock, frozenset(hard)
        self._told: dict[str, tuple[int, float]] = {}
        self._waiting: deque[tuple[str, Sequence[Json]]] = deque()
        self._sending = asyncio.Lock()
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self.repeated = 0
        self.late = 0
        self.checked = 0
        self.tiers = Counter[str]()

    @property
    def waiting(self) -> int:
        """How many events no node has taken yet."""
        return sum(len(rows) for _, rows in self._waiting)

    async def recommend(self, user_id: str, n: int) -> Json:
        """The list for a user, as the API answers it."""
        sequence, since = self._told.get(user_id, (0, 0.0))
        in_time = self._clock.monotonic() - since >= BOUND
        answer = await super().recommend(user_id, n)
        self.tiers[answer["served_from"]] += 1
        if sequence and in_time:
            self.checked += 1
            self.late += answer["as_of"] < sequence and not answer["degraded"]
        return answer

    async def settle(self) -> None:
        """Send what waits until a node has taken all of it."""
        while self._waiting:
            if not await self._send_waiting():
                await asyncio.sleep(_AGAIN_SECONDS)

    async def keep_sending(self) -> None:
        """Send what waits again and again, for ever."""
        while True:
            await self._send_waiting()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _put(self, path: str, rows: Sequence[Json]) -> None:
        """Send rows; those that no node takes now wait for a better moment."""
        self.sent.update(str(row["event_id"]) for row in rows if "event_id" in row)
        if not await self._delivered(path, rows):
            self._waiting.append((path, rows))

    async def _send_waiting(self) -> bool:
        """Send what waits, oldest first, until it is not taken; whether nothing waits any more."""
        async with self._sending:
            while self._waiting:
                if not await self._delivered(*self._waiting[0]):
                    return False
                self._waiting.popleft()
        return True

    async def _delivered(self, path: str, rows: Sequence[Json]) -> bool:
        try:
            report: dict[str, Any] = await self._post(path, list(rows))
        except Failed:
            self.repeated += 1
            return False
        if report["rejected"]:
            raise Failed(f"{path}: rejected {report['rejected'][0]['code']}")
        self.acknowledged.update(str(row["event_id"]) for row in rows if "event_id" in row)
        for row in rows:
            if row.get("type") in self._hard:
                self._told[str(row["user_id"])] = (int(report["sequence"]), self._clock.monotonic())
        return True
