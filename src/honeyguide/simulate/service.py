"""The server as the shoppers know it: lists out, events and items in, over HTTP."""

from collections.abc import Sequence
from typing import Any, Final

import httpx

from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shopper import Bought, Reaction, Visit
from honeyguide.types import MAX_BATCH, Json

_SUCCESS: Final = range(200, 300)


class Failed(Exception):
    """A request was not answered, or not with a success; `reason` is what is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Service:
    """A server's public API, as far as a shop's page uses it. All methods raise `Failed`."""

    def __init__(self, client: httpx.AsyncClient, *, surface: str = "home") -> None:
        self.surface = surface
        self._client = client

    async def recommend(self, user_id: str, n: int) -> Json:
        """The list for a user, as the API answers it."""
        answer: Json = await self._post("/v1/recommendations", {"user_id": user_id, "n": n, "surface": self.surface})
        return answer

    async def send(self, events: Sequence[Json]) -> None:
        """Report events, at most 1,000; each must be taken."""
        await self._put("/v1/events:batch", events)

    async def put_items(self, rows: Sequence[Json]) -> None:
        """Put items into the catalogue; each must be taken."""
        for start in range(0, len(rows), MAX_BATCH):
            await self._put("/v1/items:batch", rows[start : start + MAX_BATCH])

    async def _put(self, path: str, rows: Sequence[Json]) -> None:
        report = await self._post(path, list(rows))
        if report["rejected"]:
            raise Failed(f"{path}: rejected {report['rejected'][0]['code']}")

    async def _post(self, path: str, body: Any) -> Any:
        try:
            answer = await self._client.post(path, json=body)
        except httpx.HTTPError as error:
            raise Failed(f"{path}: {type(error).__name__}") from error
        if answer.status_code not in _SUCCESS:
            raise Failed(f"{path}: {answer.status_code}")
        return answer.json()


class Reporter:
    """Writes down what happens in one visit as events. Ids come from the slate, so that a repeated event counts once."""

    def __init__(self, visit: Visit, surface: str) -> None:
        self._shop: Shop = visit.shop
        self._surface = surface
        self._visit = f"{visit.user_id}-{visit.session.at}"
        self._who: Json = {"user_id": visit.user_id, "session_id": self._visit}

    def ratings(self, ratings: Sequence[tuple[int, int]]) -> list[Json]:
        """Stars for earlier purchases; of no slate."""
        return [self._event("rating", item, value=float(given)) for item, given in ratings]

    def seen(self, slate: Sequence[int], reaction: Reaction, request_id: str) -> list[Json]:
        """The impression of a slate, and what the shopper did with it."""
        ids = [self._shop.item_ids[item] for item in slate]
        told: list[Json] = [
            {
                **self._who,
                "event_id": f"{request_id}-impression",
                "type": "impression",
                "surface": self._surface,
                "request_id": request_id,
                "properties": {"items": ids},
            }
        ]
        for click in reaction.clicks:
            told.append(self._event("click", click.item, request_id))
            told.append(self._event("view", click.item, request_id, value=click.dwell))
            if click.carted:
                told.append(self._event("add_to_cart", click.item, request_id, quantity=1.0))
        return told + [self._event("hide", item, request_id) for item in reaction.hidden]

    def bought(self, purchases: Sequence[Bought]) -> list[Json]:
        """Purchases, each of the slate that led to it."""
        prices = self._shop.items.price
        return [
            self._event("purchase", each.item, each.source, value=float(prices[each.item]), quantity=1.0)
            for each in purchases
        ]

    def _event(self, kind: str, item: int, request_id: str = "", **more: float) -> Json:
        item_id = self._shop.item_ids[item]
        event: Json = {**self._who, "event_id": f"{request_id or self._visit}-{kind}-{item_id}", "type": kind}
        event |= {"item_id": item_id, **more}
        return event | {"surface": self._surface, "request_id": request_id} if request_id else event
