"""The job that asks for embeddings: what it asks for, and when."""

import asyncio
from collections.abc import Sequence

import pytest

from honeyguide.errors import Unavailable
from honeyguide.features import ItemBlock
from honeyguide.jobs.embeddings import Embed
from honeyguide.protocols import Described
from honeyguide.types import Item


class Endpoint:
    """Notes the titles that it is asked for."""

    def __init__(self) -> None:
        self.version, self.away = 0, False
        self.asked: list[list[str]] = []

    def fetch(self, contents: Sequence[Described], most: int) -> int:
        if self.away:
            raise Unavailable("away")
        self.asked.append([content.title for content in contents])
        return 0 if contents[0].title == "known" else len(contents)


def put(items: ItemBlock, title: str, sequence: int) -> None:
    items.put([Item(item_id=f"i{sequence % 10}", title=title, sequence=sequence)])


def test_only_what_has_changed_is_asked_for() -> None:
    items, endpoint = ItemBlock(), Endpoint()
    job = Embed(endpoint, items)
    asyncio.run(job.round())
    put(items, "a", 1)
    put(items, "b", 2)
    for _ in range(2):
        asyncio.run(job.round())
    put(items, "c", 12)
    asyncio.run(job.round())
    assert endpoint.asked == [["a", "b"], ["c"]]
    assert endpoint.version == 0, "who asks notes that more is known"


def test_what_another_process_asked_for_is_noticed() -> None:
    items, endpoint = ItemBlock(), Endpoint()
    put(items, "known", 1)
    asyncio.run(Embed(endpoint, items).round())
    assert endpoint.version == 1


def test_an_endpoint_that_is_away_is_asked_again() -> None:
    items, endpoint = ItemBlock(), Endpoint()
    job = Embed(endpoint, items)
    put(items, "a", 1)
    endpoint.away = True
    with pytest.raises(Unavailable):
        asyncio.run(job.round())
    endpoint.away = False
    asyncio.run(job.round())
    assert endpoint.asked == [["a"]]


def test_many_items_are_asked_for_in_parts() -> None:
    items, endpoint = ItemBlock(), Endpoint()
    items.put([Item(item_id=f"i{number}", title="x", sequence=number + 1) for number in range(2_500)])
    job = Embed(endpoint, items)
    for _ in range(4):
        asyncio.run(job.round())
    assert [len(asked) for asked in endpoint.asked] == [1000, 1000, 500]


def test_without_an_endpoint_nothing_happens() -> None:
    items = ItemBlock()
    put(items, "a", 1)
    asyncio.run(Embed(None, items).round())
