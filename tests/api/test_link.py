"""What a supervisor and its processes say to one another."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from honeyguide.api.link import (
    Count,
    Counted,
    Failed,
    Link,
    Message,
    Ready,
    Scrape,
    Scraped,
    Start,
    frame,
    read,
    read_now,
    say_now,
)
from honeyguide.errors import Unavailable
from honeyguide.monitoring.merge import snapshot
from honeyguide.monitoring.metrics import Metrics


class Supervisor:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.orphaned = asyncio.Event()

    async def hear(self) -> Message | None:
        return await asyncio.wait_for(read(self.reader), 30)


@asynccontextmanager
async def linked(metrics: Metrics) -> AsyncIterator[tuple[Link, Supervisor]]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    supervisor = Supervisor(reader, writer)
    link = Link(theirs, lambda: snapshot(metrics.registry, "3"), supervisor.orphaned.set)
    link.open()
    assert await supervisor.hear() == Ready()
    try:
        yield link, supervisor
    finally:
        writer.close()
        await asyncio.wait_for(supervisor.orphaned.wait(), 30)
        theirs.close()


def test_a_process_tells_what_it_has_counted() -> None:
    async def body() -> None:
        metrics = Metrics()
        metrics.slates_lost.inc(4)
        metrics.log_position.set(float("nan"))
        async with linked(metrics) as (_, supervisor):
            supervisor.writer.write(frame(Count(7)))
            answer = await supervisor.hear()
            assert isinstance(answer, Counted)
            assert answer.number == 7
            (family,) = [family for family in answer.metrics if family.name == "honeyguide_slates_lost"]
            assert family.samples == [("honeyguide_slates_lost_total", {}, 4.0)]

    asyncio.run(body())


def test_a_scrape_is_answered_by_the_supervisor() -> None:
    async def body() -> None:
        async with linked(Metrics()) as (link, supervisor):
            scrapes = [asyncio.create_task(link.scrape()) for _ in range(2)]
            asked = [await supervisor.hear(), await supervisor.hear()]
            for scrape in reversed(asked):
                assert isinstance(scrape, Scrape)
                supervisor.writer.write(frame(Scraped(scrape.number, b"text %d" % scrape.number)))
            assert await asyncio.gather(*scrapes) == [b"text 1", b"text 2"]

    asyncio.run(body())


def test_without_an_answer_a_scrape_fails_and_tells_no_part_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyguide.api.link._PATIENCE", 0.05)

    async def body() -> None:
        async with linked(Metrics()) as (link, _):
            with pytest.raises(Unavailable, match="supervisor"):
                await link.scrape()

    asyncio.run(body())


def test_messages_go_over_a_plain_socket_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        start = Start(b'{"a": 1}', ["--data-dir", "x"], "0", 8000, debug=True)
        ours.sendall(frame(start) + frame(Ready()))
        assert read_now(theirs) == start
        failed = Failed("no", "yes", "conflict", 1)
        say_now(theirs, failed)
        ours.settimeout(30)
        assert ours.recv(1000) == frame(failed)
        ours.close()
        say_now(theirs, failed)  # nobody hears it


def test_the_end_of_the_line_is_heard() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        assert read_now(theirs) is None
