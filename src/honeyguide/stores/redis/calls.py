"""Calls: each command to the server of its shard, all of a server in one write, under a breaker, counted."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import structlog
from redis.exceptions import MovedError, NoScriptError, RedisError, ResponseError

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.stores.breaker import Breaker
from honeyguide.stores.redis.nodes import Aimed, Command, Limits, Node, Nodes, Reply
from honeyguide.stores.redis.scripts import TEXTS, Script

log = structlog.get_logger(__name__)

_SLOW: Final = 0.6  # of the timeout
_KINDS: Final = ("values", "tokens")
_REFUSALS: Final = frozenset(
    (
        "oom",
        "readonly",
        "wrongtype",
        "noperm",
        "moved",
        "ask",
        "tryagain",
        "clusterdown",
        "masterdown",
        "misconf",
        "noscript",
    )
)


class RedisMetrics(Protocol):
    """What is counted of the calls."""

    def answered(self, operation: str, seconds: float) -> None:
        """A call was answered."""

    def failed(self, kind: str) -> None:
        """A call got no answer (`timeout`, `connection`), or a command was refused (`oom`, `readonly`, ...)."""

    def breaker(self, kind: str, open: bool) -> None:
        """A breaker has turned."""


class Calls:
    """The way to the servers. Calls for values and calls for tokens have a breaker each: a server that is slow with the one
    may do well with the other."""

    def __init__(
        self, nodes: Nodes, clock: Clock, chance: Callable[[], float], limits: Limits, metrics: RedisMetrics
    ) -> None:
        self.nodes, self._now, self._metrics = nodes, clock.monotonic, metrics
        slow = limits.exchange * _SLOW
        self._breakers = {kind: Breaker(clock, chance, slow=slow, turned=self._turns(kind)) for kind in _KINDS}
        self._fault = ""

    async def ask(self, kind: str, operation: str, commands: Sequence[Aimed]) -> list[Reply]:
        """Send each command to its server, given by shard or itself, all at once; the replies, in order.

        Raises `Unavailable` if one of the servers does not answer."""
        by_shard = await self.nodes.by_shard()
        places: dict[Node, list[int]] = {}
        for place, (where, _) in enumerate(commands):
            places.setdefault(by_shard[where] if isinstance(where, int) else where, []).append(place)
        asked = [self._exchange(kind, operation, node, [commands[place][1] for place in at]) for node, at in places.items()]
        answers = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
        replies: list[Reply] = [None] * len(commands)
        for at, answer in zip(places.values(), answers, strict=True):
            for place, reply in zip(at, answer, strict=True):
                replies[place] = reply
                if isinstance(reply, ResponseError):
                    self._refused(reply)
        return replies

    async def _exchange(self, kind: str, operation: str, node: Node, commands: Sequence[Command]) -> list[Reply]:
        breaker = self._breakers[kind]
        if not breaker.allows():
            raise Unavailable("Redis has not answered lately.", cure="It is asked again every second.")
        started = self._now()
        try:
            replies = await node.ask(commands)
            unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if unknown:
                again = await node.ask([_with_text(commands[place]) for place in unknown])
                for place, reply in zip(unknown, again, strict=True):
                    replies[place] = reply
        except (RedisError, OSError, TimeoutError) as error:
            self._fault = str(error) or type(error).__name__
            breaker.failed()
            self.nodes.outdated()
            self._metrics.failed("timeout" if isinstance(error, TimeoutError) else "connection")
            raise Unavailable(f"Redis does not answer: {self._fault}.") from None
        seconds = self._now() - started
        breaker.succeeded(seconds)
        self._metrics.answered(operation, seconds)
        return replies

    def _refused(self, reply: ResponseError) -> None:
        code = (reply.status_code or str(reply).partition(" ")[0]).lower()
        self._metrics.failed(code if code in _REFUSALS else "error")
        if isinstance(reply, MovedError):
            self.nodes.outdated()

    def _turns(self, kind: str) -> Callable[[bool], None]:
        def turned(open: bool) -> None:
            self._metrics.breaker(kind, open)
            if open:
                log.warning(
                    "Redis is left alone for a while: it does not answer in time", calls=kind, last_fault=self._fault
                )
            else:
                log.info("Redis answers again", calls=kind)

        return turned


def call(script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Command:
    """The command that runs a script."""
    return ("EVALSHA", script.digest, len(keys), *keys, *arguments)


def _with_text(command: Command) -> Command:
    """The same call for a server that does not know the script yet."""
    return ("EVAL", TEXTS[command[1]], *command[2:])
