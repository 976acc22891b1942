"""Two nodes and a shared tier under any order of awaits: no read is older than the bound allows.

Each example is a number of batches of things that happen at the same time; where each of them stops and goes on is drawn.
What a read must know is noted when it begins: on the node that took an event, all of it; on the other, what was
acknowledged half a second before.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.cache import Computed
from honeyguide.errors import Unavailable
from tests.cache.bench import TRUST, Node, Nodes

SUBJECTS = ("u", "v")

KINDS = [*["read"] * 6, *["hard"] * 3, "soft", *["pull"] * 3, "lose", "wipe", "cut", "clear", "epoch"]
OPERATION = st.tuples(st.sampled_from(KINDS), st.integers(0, 1), st.sampled_from(SUBJECTS))
SECONDS = [0.0, 0.05, 0.2, 0.3, 0.6]
BATCHES = st.lists(st.tuples(st.lists(OPERATION, min_size=1, max_size=5), st.sampled_from(SECONDS)), max_size=12)


@dataclass(frozen=True)
class Acknowledged:
    """An event: whose, by which node, when, and the version of the world that it made."""

    subject: str
    node: int
    at: float
    version: int


class World:
    """What the source holds, and what was promised of it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.nodes = Nodes(pause=self.pause)
        self.ends: list[Node] = [self.nodes.node(ahead=0.0), self.nodes.node(ahead=3600.0)]
        self.versions = dict.fromkeys(SUBJECTS, 0)
        self.acknowledged: list[Acknowledged] = []

    async def pause(self) -> None:
        """Let others go first, or not."""
        for _ in range(self.chance.choice((0, 0, 1, 2, 5, 15))):
            await asyncio.sleep(0)

    def required(self, subject: str, node: int) -> int:
        """The least version that a read which begins now must know."""
        now = self.nodes.clock.monotonic()
        known = [
            each.version
            for each in self.acknowledged
            if each.subject == subject and (each.node == node or each.at <= now - TRUST)
        ]
        return max(known, default=0)

    async def do(self, what: str, node: int, subject: str) -> None:
        """One thing that happens."""
        await self.pause()
        end, server = self.ends[node], self.nodes.server
        if what == "read":
            await self.read(node, subject)
        elif what == "hard":
            self.versions[subject] += 1
            await self.event(node, subject, self.versions[subject])
        elif what == "soft":
            with contextlib.suppress(Unavailable):
                await end.event(subject, hard=False)
        elif what == "pull":
            end.generations.position = self.nodes.sequence  # how far the log is, which the log itself tells
            await end.tier.pull()
        elif what == "lose":
            server.tokens.pop(end.tier.subject(subject), None)
        elif what == "wipe":
            server.wipe()
        elif what == "cut":
            server.cut_stream()
        elif what == "clear":
            await end.tier.clear()
        elif what == "epoch":
            end.epoch = type(end.epoch)(end.epoch.now + b"'", end.epoch.now)

    async def event(self, node: int, subject: str, version: int) -> None:
        """Take an event. One that the shared tier has not taken is promised on this node only, until it is repeated."""
        at = self.nodes.clock.monotonic()
        try:
            await self.ends[node].event(subject)
        except Unavailable:
            at = inf
        self.acknowledged.append(Acknowledged(subject, node, at, version))

    async def read(self, node: int, subject: str) -> None:
        """Ask as a request does, and look whether the answer is new enough."""
        end, required = self.ends[node], self.required(subject, node)

        async def compute() -> Computed:
            await self.pause()
            version = self.versions[subject]
            await self.pause()
            return Computed(b"%d" % version)

        found = end.get("k" + subject, subject)
        if found is None:
            found = await end.cache.fetch(end.want("k" + subject, subject), compute)
        elif found.refresh:
            end.cache.refresh(end.want("k" + subject, subject), compute)
        assert int(found.payload) >= required, (found, required)


async def play(seed: int, batches: Sequence[tuple[list[tuple[str, int, str]], float]]) -> None:
    world = World(seed)
    for end in world.ends:
        await end.tier.pull()
    for operations, seconds in batches:
        await asyncio.gather(*(world.do(*operation) for operation in operations))
        world.nodes.clock.advance(seconds)
    for end in world.ends:
        await end.cache.drain()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), BATCHES)
def test_no_read_is_older_than_the_bound(seed: int, batches: list[tuple[list[tuple[str, int, str]], float]]) -> None:
    asyncio.run(play(seed, batches))


def test_many_random_histories() -> None:
    """The same with longer histories and a fixed seed: some seconds of it at every run."""
    chance = random.Random(7)
    for _ in range(400):
        batches = [
            (
                [(chance.choice(KINDS), chance.randrange(2), chance.choice(SUBJECTS)) for _ in range(chance.randint(1, 6))],
                chance.choice(SECONDS),
            )
            for _ in range(30)
        ]
        asyncio.run(play(chance.getrandbits(32), batches))
