"""Candidates from outside: a service that is asked over HTTP, or a named query of a database.

What it answered is kept with the list and in its slate, since nobody else could say it again: an explanation uses that and
asks nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.outbound import Posts
from honeyguide.outbound.databases import Query
from honeyguide.protocols import Request
from honeyguide.types import BoolArray, Found, Json

HISTORY: Final = 50
"""Latest events that a service is told."""


class _Scored(msgspec.Struct):
    item_id: str
    score: float | None = None


class _Answer(msgspec.Struct):
    items: list[str | _Scored]


_decode = msgspec.json.Decoder(_Answer)


class Asked(Protocol):
    """Somebody who names items for a request."""

    def ask(self, request: Request, limit: int) -> Sequence[str]:
        """Item ids, best first; they need not be known here. Raises `Unavailable`."""


class Circuit(Protocol):
    """Whether a call is worth it (`stores.breaker.Breaker`)."""

    def allows(self) -> bool:
        """Whether to make a call now."""

    def succeeded(self, seconds: float) -> None:
        """It was answered after so long."""

    def failed(self) -> None:
        """It was not."""


class Service:
    """POST to `url`: `user_id`, `item_id`, `surface`, `limit`, `context` and the latest `history` in,
    `{"items": ["a", {"item_id": "b", "score": 0.5}]}` out."""

    def __init__(self, outbound: Posts, url: str, timeout: float, key: str = "") -> None:
        self._outbound, self._url, self._timeout = outbound, url, timeout
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def ask(self, request: Request, limit: int) -> Sequence[str]:
        """The items that the service names."""
        body = msgspec.json.encode(_told(request, limit))
        answer = self._outbound.post(self._url, body, timeout=self._timeout, headers=self._headers)
        try:
            items = _decode.decode(answer).items
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable('A source answers something else than {"items": [...]}.') from error
        return [entry if isinstance(entry, str) else entry.item_id for entry in items]


def _told(request: Request, limit: int) -> Json:
    query, ids = request.query, request.items.ids
    entries = zip(request.history_rows.tolist(), request.history_types, request.history_ts.tolist(), strict=True)
    return {
        "user_id": query.user_id if query.personalised else "",
        "item_id": query.item_id,
        "surface": query.surface,
        "limit": limit,
        "context": query.context,
        "history": [{"item_id": ids[row], "type": kind, "ts": ts} for row, kind, ts in list(entries)[-HISTORY:]],
    }


class Rows:
    """A query of a database, whose first column are item ids; what it may name as parameters is in `PARAMETERS`."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def ask(self, request: Request, limit: int) -> Sequence[str]:
        """The ids in the query's order."""
        query = request.query
        values: Mapping[str, str | int | None] = {
            "user_id": query.user_id if query.personalised else "",
            "item_id": query.item_id,
            "surface": query.surface,
            "limit": limit,
        }
        return [str(value) for value in self._query.first_column(values, limit) if value is not None]


PARAMETERS: Final = frozenset({"user_id", "item_id", "surface", "limit"})


class ExternalSource:
    """Items that somebody outside names, on the surfaces that name it among their sources."""

    slow = True

    def __init__(self, name: str, asked: Asked, limit: int, circuit: Circuit, clock: Clock) -> None:
        self.name, self._asked, self._limit = name, asked, limit
        self._circuit, self._clock = circuit, clock

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the items that it named, in its order, as far as they are here and allowed.

        Raises `Unavailable` where it does not answer; after some such calls it is asked only now and then."""
        named = request.given.get(self.name) if request.given is not None else self._answer(request)
        limit = request.surface.limit(self.name, self._limit)
        rows = request.items.numbers_of(list(dict.fromkeys(named or ()))[:limit])
        return Found(rows[allowed[rows]].astype(np.int32))

    def _answer(self, request: Request) -> Sequence[str]:
        if not self._circuit.allows():
            raise Unavailable(f"The source {self.name!r} has not answered lately and is left alone for a moment.")
        started = self._clock.monotonic()
        try:
            found = self._asked.ask(request, self._limit)
        except Exception:  # told on: the pipeline counts it, and the circuit must know of any failure
            self._circuit.failed()
            raise
        self._circuit.succeeded(self._clock.monotonic() - started)
        return found
