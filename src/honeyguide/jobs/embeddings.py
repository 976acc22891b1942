"""Asks for the embeddings of new and changed items, beside the lists that will use them."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from honeyguide.protocols import Described, Items
from honeyguide.types import IntArray

_MOST: Final = 1_000


class Fetches(Protocol):
    """Who asks the endpoint (`retrieval.embeddings.Embeddings`)."""

    version: int

    def fetch(self, contents: Sequence[Described], most: int) -> int:
        """Ask for what is not known; how many came. Raises `Unavailable`."""


class Embed:
    """A job of every process that makes lists: the items that have changed since it last looked, a thousand a round.

    Where the endpoint does not answer, the same items are asked for again in the next round."""

    def __init__(self, embeddings: Fetches | None, items: Items) -> None:
        self._embeddings, self._items = embeddings, items
        self._done = np.zeros(0, np.int64)

    async def round(self) -> None:
        """Ask for some; nothing where no endpoint is configured, or nothing has changed."""
        if self._embeddings is None:
            return
        changed = self._items.changed.copy()
        self._done = np.concatenate([self._done, np.full(len(changed) - len(self._done), -1, np.int64)])
        rows = np.flatnonzero(changed != self._done)[:_MOST].astype(np.int32)
        if len(rows):
            await asyncio.to_thread(self._fetch, self._embeddings, rows)
            self._done[rows] = changed[rows]

    def _fetch(self, embeddings: Fetches, rows: IntArray) -> None:
        came = embeddings.fetch([self._items.content(row) for row in rows.tolist()], _MOST)
        if not came:  # another process may have asked: what is kept may be more than was known here
            embeddings.version += 1
