"""The shared cache on Redis or Valkey (Redis 7.0 and later), one server or a cluster.

    <prefix>:{<shard>}:t:<subject>   tokens        the shard is the first byte of the subject's hash, so that tokens, values
    <prefix>:{<shard>}:v:<key>       a value       and leases of a subject are on one server of a cluster
    <prefix>:{<shard>}:l:<key>       a lease
    <prefix>:changes                 the stream of replaced tokens; in a cluster one per shard, <prefix>:{<shard>}:changes,
                                     since a script may touch one slot only
    <prefix>:{00}:salt, :told        see `protocols.SharedCache`

Ids never go there, only keyed hashes of them. Nothing scans keys.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.stores.redis.calls import Calls, RedisMetrics, call
from honeyguide.stores.redis.nodes import SHARDS, Aimed, Command, Limits, Nodes, Reply, tag_of
from honeyguide.stores.redis.scripts import READ, RELEASE, REPLACE, TAIL, WRITE
from honeyguide.types import Noted, Pulled, SharedKey, SharedRead, SharedWrite, TokenChange, Tokens

__all__ = ["Limits", "RedisCache", "RedisMetrics"]

_TOKEN_BYTES: Final = 16
_SALT_BYTES: Final = 16
_PASSING_MS: Final = 10_000
"""How long tokens last that were made for a question; a value that is stored prolongs them."""
_PER_CALL: Final = 200
"""Most subjects in one command: the server answers nobody else meanwhile."""
_ENTRIES: Final = 1_000
_STREAM_ENTRIES: Final = 100_000
_LEAST_STREAM_ENTRIES: Final = 4_000


class RedisCache:
    """`protocols.SharedCache` on Redis. `token_seconds` is how long tokens last: longer than any value."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        chance: Callable[[], float],
        random_bits: Callable[[int], int],
        metrics: RedisMetrics,
        limits: Limits,
        *,
        prefix: str,
        cluster: bool,
        token_seconds: float,
    ) -> None:
        self._nodes = Nodes(url, clock, limits, cluster=cluster)
        self._calls = Calls(self._nodes, clock, chance, limits, metrics)
        self._bits, self._metrics, self._prefix = random_bits, metrics, prefix
        self._cluster, self._token_ms = cluster, round(token_seconds * 1000)
        self._streams = {0: f"{prefix}:changes"}
        if cluster:
            self._streams = {shard: f"{prefix}:{{{tag_of(shard)}}}:changes" for shard in range(SHARDS)}
        self._salt_name, self._told_name = f"{prefix}:{{{tag_of(0)}}}:salt", f"{prefix}:{{{tag_of(0)}}}:told"
        self._last: dict[int, _Entry] = {}
        self._servers: tuple[bytes, ...] = ()

    # --- values -------------------------------------------------------------------------------------------------------

    async def read(self, wanted: Sequence[SharedKey]) -> list[SharedRead]:
        """Tokens and values, in one round trip."""
        parts = self._parts([key.subject for key in wanted])
        commands: list[Aimed] = []
        for group, places in parts:
            keys: list[str] = []
            arguments: list[Any] = [_PASSING_MS]
            for key in [wanted[place] for place in places]:
                keys.append(self._key("t", key.subject, key.subject))
                keys += [self._key("v", key.subject, name) for name in key.keys]
                arguments += [len(key.keys), _bytes(key.proposed), _bytes(key.least)]
            commands.append((group, call(READ, keys, arguments)))
        reads: list[SharedRead] = [SharedRead(None, ())] * len(wanted)
        for (_, places), reply in zip(parts, await self._calls.ask("values", "read", commands), strict=True):
            if not isinstance(reply, ResponseError):
                told = iter(reply)
                for place in places:
                    reads[place] = _read(told, len(wanted[place].keys))
        return reads

    async def write(self, writes: Sequence[SharedWrite]) -> list[Tokens | None]:
        """Store values whose subject still has the hard token they name; where not, the tokens that it has."""
        commands: list[Aimed] = []
        for write in writes:
            keys = [self._key("t", write.subject, write.subject)]
            keys += [self._key("v", write.subject, write.key), self._key("l", write.subject, write.key)]
            arguments = [write.hard, write.value, max(1, round(write.seconds * 1000)), self._token_ms, write.holder]
            commands.append((write.subject[0], call(WRITE, keys, arguments)))
        replies = await self._calls.ask("values", "write", commands)
        for _ in [reply for reply in replies if reply == 0]:
            self._metrics.failed("refused")
        return [_tokens(reply) if isinstance(reply, bytes) else None for reply in replies]

    async def claim(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes, seconds: float) -> list[bool]:
        """Whether `holder` has now the lease on each (subject, key). What the server does not take is anybody's to make."""
        ms = max(1, round(seconds * 1000))
        commands: list[Aimed] = [
            (subject[0], ("SET", self._key("l", subject, key), holder, "NX", "PX", ms)) for subject, key in keys
        ]
        return [reply is not None for reply in await self._calls.ask("values", "claim", commands)]

    async def release(self, keys: Sequence[tuple[bytes, bytes]], holder: bytes) -> None:
        """Give back those of the leases that `holder` has."""
        commands: list[Aimed] = [
            (group, call(RELEASE, [self._key("l", *keys[place]) for place in places], [holder]))
            for group, places in self._parts([subject for subject, _ in keys])
        ]
        await self._calls.ask("values", "release", commands)

    # --- tokens -------------------------------------------------------------------------------------------------------

    async def replace(self, changes: Sequence[TokenChange]) -> tuple[list[Tokens], bytes]:
        """Set each token whose log position is later than that of the token there is, and tell all who `pull`."""
        parts = self._parts([change.subject for change in changes])
        commands = [(group, self._replacing(group, [changes[place] for place in places])) for group, places in parts]
        asked: list[Aimed] = [*commands, (0, ("GET", self._salt_name))]
        *replies, salt = await self._calls.ask("tokens", "replace", asked)
        present: list[Tokens] = [Tokens(b"", b"")] * len(changes)
        for (_, places), reply in zip(parts, replies, strict=True):
            if isinstance(reply, ResponseError) or len(reply) < len(places) or not all(reply):
                self._metrics.failed("refused")
                raise Unavailable("Redis has not taken all tokens.", cure="They are repeated from the log until it has.")
            for place, text in zip(places, reply, strict=True):
                present[place] = _tokens(text)
        return present, salt if isinstance(salt, bytes) else b""

    def _replacing(self, group: int, changes: Sequence[TokenChange]) -> Command:
        keys = [self._streams[group]]
        arguments: list[Any] = [max(_STREAM_ENTRIES // len(self._streams), _LEAST_STREAM_ENTRIES), self._token_ms]
        for change in changes:
            keys.append(self._key("t", change.subject, change.subject))
            arguments += [change.subject, "1" if change.hard else "", change.tokens.hard, change.tokens.soft]
        return call(REPLACE, keys, arguments)

    async def pull(self) -> Pulled:
        """What was replaced since the last call.

        Each stream is read from the last entry that was seen, that one included: if it is gone, others may be too. An entry
        of the same id says nothing: it is a number of milliseconds, in which a stream can be lost and begun again."""
        last, changes = dict(self._last), list[tuple[bytes, Tokens]]()
        nodes = await self._nodes.everyone()
        about: list[Aimed] = [(node, ("INFO", "server")) for node in nodes]
        about.append((0, ("GET", self._salt_name)))
        whole, behind, salt, servers = bool(last), set(self._streams), b"", self._servers
        while behind:
            known = sorted(shard for shard in behind if shard in last)
            whole &= await self._stand_at_end(sorted(behind - set(known)), last)
            commands = [*about, *[(shard, self._after(shard, last[shard][0])) for shard in known]]
            replies = await self._calls.ask("tokens", "pull", commands)
            if about:
                servers = tuple(sorted(map(_run_id, replies[: len(nodes)])))
                salt = await self._salt(replies[len(nodes)])
            told = dict(zip(known, replies[len(about) :], strict=True))
            behind, about = _take(told, last, changes), []
            whole &= all(shard in last for shard in known)
        whole &= servers == self._servers
        self._last, self._servers = last, servers
        return Pulled(tuple(changes), whole, salt)

    def _after(self, shard: int, last: bytes) -> Command:
        return ("XRANGE", self._streams[shard], last, "+", "COUNT", _ENTRIES)

    async def _stand_at_end(self, shards: Sequence[int], last: dict[int, "_Entry"]) -> bool:
        """Begin to follow streams at their end; whether there was none to begin with."""
        if not shards:
            return True
        birth = self._bits(64).to_bytes(8, "big")
        commands: list[Aimed] = [(shard, call(TAIL, [self._streams[shard]], [birth])) for shard in shards]
        for shard, reply in zip(shards, await self._calls.ask("tokens", "pull", commands), strict=True):
            if isinstance(reply, ResponseError):
                raise Unavailable(f"Redis refuses the stream of changes: {reply}.")
            last[shard] = _entry(reply)
        return False

    async def _salt(self, reply: Reply) -> bytes:
        """The salt, from the answer to a question for it; one is made if there is none."""
        if isinstance(reply, bytes) and len(reply) == _SALT_BYTES:
            return reply
        make = ("SET", self._salt_name, self._fresh_salt(), *(["NX"] if reply is None else []))
        _, salt = await self._calls.ask("tokens", "pull", [(0, make), (0, ("GET", self._salt_name))])
        if not isinstance(salt, bytes) or len(salt) != _SALT_BYTES:
            raise Unavailable("Redis has not taken the salt of the cache's keys.")
        return salt

    def _fresh_salt(self) -> bytes:
        return self._bits(8 * _SALT_BYTES).to_bytes(_SALT_BYTES, "big")

    async def clear(self) -> None:
        """Make every value unreachable, for all processes."""
        await self._set(self._salt_name, self._fresh_salt())

    async def forget(self, subjects: Sequence[bytes]) -> None:
        """Lose the tokens of these subjects, then what was told: whoever follows it notices and trusts nothing."""
        tokens: list[Aimed] = [(subject[0], ("DEL", self._key("t", subject, subject))) for subject in subjects]
        shards = {subject[0] for subject in subjects} if self._cluster else {0}
        streams: list[Aimed] = [(shard, ("DEL", self._streams[shard])) for shard in sorted(shards)]
        for commands in (tokens, streams):
            for reply in await self._calls.ask("tokens", "forget", commands):
                if isinstance(reply, ResponseError):
                    raise Unavailable(f"Redis refuses to be written to: {reply}.")

    async def size(self) -> tuple[int, int]:
        """Bytes of memory that the servers use, and how many they may use at most."""
        asked: list[Aimed] = [(node, ("INFO", "memory")) for node in await self._nodes.everyone()]
        replies = await self._calls.ask("values", "size", asked)
        return sum(_number(reply, b"used_memory:") for reply in replies), sum(
            _number(reply, b"maxmemory:") for reply in replies
        )

    async def told(self) -> Noted:
        """Up to which log position tokens were replaced, as `tell` noted it."""
        servers, told, salt = await self._servers_and(("GET", self._told_name), ("GET", self._salt_name))
        salt = salt if isinstance(salt, bytes) else b""
        position, _, then = told.partition(b" ") if isinstance(told, bytes) else (b"", b"", b"")
        known = int(position) if position.isdigit() and len(position) < 20 else None
        return Noted(known, then == b"%b %b" % (servers, salt.hex().encode()), salt)

    async def tell(self, position: int, salt: bytes) -> None:
        """Note the position; `salt` is that of the hashes by which the tokens were named."""
        (servers,) = await self._servers_and()
        await self._set(self._told_name, b"%d %b %b" % (position, servers, salt.hex().encode()))

    async def _servers_and(self, *commands: Command) -> list[Reply]:
        """The run ids of all servers, and the replies to commands."""
        nodes = await self._nodes.everyone()
        asked: list[Aimed] = [*[(node, ("INFO", "server")) for node in nodes], *[(0, command) for command in commands]]
        replies = await self._calls.ask("tokens", "told", asked)
        return [b",".join(sorted(map(_run_id, replies[: len(nodes)]))), *replies[len(nodes) :]]

    async def _set(self, name: str, value: bytes) -> None:
        (reply,) = await self._calls.ask("tokens", "set", [(0, ("SET", name, value))])
        if isinstance(reply, ResponseError):
            raise Unavailable(f"Redis refuses to be written to: {reply}.")

    async def close(self) -> None:
        """Let go of all connections."""
        await self._nodes.close()

    # --- names --------------------------------------------------------------------------------------------------------

    def _key(self, kind: str, subject: bytes, name: bytes) -> str:
        return f"{self._prefix}:{{{tag_of(subject[0])}}}:{kind}:{name.hex()}"

    def _parts(self, subjects: Sequence[bytes]) -> list[tuple[int, list[int]]]:
        """The places of subjects that one command may hold together: in a cluster those of a shard."""
        groups: dict[int, list[int]] = {}
        for place, subject in enumerate(subjects):
            groups.setdefault(subject[0] if self._cluster else 0, []).append(place)
        return [
            (group, places[start : start + _PER_CALL])
            for group, places in groups.items()
            for start in range(0, len(places), _PER_CALL)
        ]


def _bytes(tokens: Tokens | None) -> bytes:
    return tokens.hard + tokens.soft if tokens is not None else b""


def _tokens(text: bytes) -> Tokens:
    return Tokens(text[:_TOKEN_BYTES], text[_TOKEN_BYTES:])


def _read(told: Any, values: int) -> SharedRead:
    tokens = next(told)
    pairs = [(next(told), next(told)) for _ in range(values)]
    found = tuple([(value, ms / 1000) if value is not None else None for value, ms in pairs])
    return SharedRead(_tokens(tokens) if tokens is not None else None, found)


_Entry = tuple[bytes, tuple[bytes, ...]]
"""The id of an entry of a stream, and what it says."""


def _entry(reply: Reply) -> _Entry:
    return reply[0], tuple(reply[1])


def _take(told: dict[int, Reply], last: dict[int, _Entry], changes: list[tuple[bytes, Tokens]]) -> set[int]:
    """Add what the streams tell; a stream that was broken is followed no more. Which ones there is more to ask of."""
    again = set()
    for shard, entries in told.items():
        if isinstance(entries, ResponseError) or not entries or _entry(entries[0]) != last[shard]:
            del last[shard]
            again.add(shard)
            continue
        last[shard] = _entry(entries[-1])
        for _, fields in entries[1:]:
            changes += _changes(fields)
        if len(entries) == _ENTRIES:
            again.add(shard)
    return again


def _changes(fields: Sequence[bytes]) -> list[tuple[bytes, Tokens]]:
    """The subjects and tokens in an entry of a stream; nothing for one that is not ours."""
    text = fields[1] if len(fields) == 2 and fields[0] == b"t" else b""
    size = 3 * _TOKEN_BYTES
    return [
        (text[at : at + _TOKEN_BYTES], _tokens(text[at + _TOKEN_BYTES : at + size]))
        for at in range(0, len(text) - size + 1, size)
    ]


def _run_id(reply: Reply) -> bytes:
    """Which server says this; nothing where one may not ask."""
    return _said(reply, b"run_id:")


def _number(reply: Reply, name: bytes) -> int:
    said = _said(reply, name)
    return int(said) if said.isdigit() else 0


def _said(reply: Reply, name: bytes) -> bytes:
    """What a line of INFO says."""
    for line in reply.splitlines() if isinstance(reply, bytes) else ():
        if line.startswith(name):
            return bytes(line[len(name) :])
    return b""
