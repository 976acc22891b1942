"""Connections to PostgreSQL: how each kind is set up, and that one which was left in the middle is never used again."""

import asyncio
import select
from typing import Any, Final, Literal

import psycopg
from psycopg import pq, waiting

from honeyguide.config.settings import Storage
from honeyguide.errors import ConfigError
from honeyguide.stores.postgres.address import Address
from honeyguide.stores.postgres.faults import silent

Kind = Literal["read", "write", "work", "slates"]
"""`read`: on the request path. `write`: appends to the log. `work`: all else. `slates`: served slates, which are losable."""

OLDEST_SERVER: Final = 130_000
_KEEPALIVE: Final = {"keepalives_idle": "5", "keepalives_interval": "1", "keepalives_count": "3", "tcp_user_timeout": "5000"}
# A user with a long history and old statistics: walking the index gives the latest events at once, while a bitmap, or
# sorting, reads all of them.
_BY_INDEX: Final = {
    **dict.fromkeys(("enable_seqscan", "enable_bitmapscan", "enable_sort"), "off"),
    "plan_cache_mode": "force_generic_plan",
}
_POLL: Final = select.POLLIN | select.POLLHUP | select.POLLERR


def session(address: Address, storage: Storage, kind: Kind) -> dict[str, str]:
    """The parameters of a connection. Limits are the server's own: they hold when this process hangs, too."""
    limit = storage.read_timeout if kind == "read" else storage.statement_timeout
    given = {
        "search_path": address.schema,
        "statement_timeout": f"{limit * 1000:.0f}",
        "lock_timeout": f"{storage.lock_timeout * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{storage.idle_timeout * 1000:.0f}",
        "jit": "off",
    }
    if kind == "read":
        given |= {"default_transaction_read_only": "on", **_BY_INDEX}
    if kind == "slates":
        given["synchronous_commit"] = "off"  # a power cut of the server may take the last ones, a kill takes none
    options = " ".join([address.params.get("options", ""), *(f"-c {name}={value}" for name, value in given.items())])
    return {
        "connect_timeout": f"{max(1, round(storage.connect_timeout))}",
        "application_name": "honeyguide",
        **_KEEPALIVE,
        **address.params,
        "client_encoding": "utf8",
        "options": options.strip(),
    }


class Link(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that is closed when a caller leaves it in the middle of something.

    psycopg would ask the server to stop and wait for its answer, up to ten seconds from one that hangs; the caller has
    no such time, and the server stops by itself when its limit has come."""

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Run psycopg's generator to its end."""
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.pgconn.finish()
            raise

    def __del__(self, _warn: Any = None) -> None:
        """Close it with its last reference: an event loop that ends early may leave it to nobody."""
        if hasattr(self, "pgconn"):
            self.pgconn.finish()


async def open_link(address: Address, storage: Storage, kind: Kind) -> Link:
    """A connection for the event loop."""
    params: Any = session(address, storage, kind)
    try:
        async with asyncio.timeout(storage.connect_timeout or None):
            return await Link.connect("", autocommit=True, **params)
    except TimeoutError:
        raise silent(address, storage.connect_timeout) from None


def open_connection(address: Address, storage: Storage, kind: Kind) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection for other threads."""
    params: Any = session(address, storage, kind)
    return psycopg.connect("", autocommit=True, **params)


def is_fit(connection: psycopg.AsyncConnection[Any] | psycopg.Connection[Any]) -> bool:
    """Whether an idle connection may be used: nothing is open on it, and the server has not said goodbye.

    A server that ended or restarted has sent something or hung up, so the socket has something to read."""
    pgconn = connection.pgconn
    if pgconn.status != pq.ConnStatus.OK or pgconn.transaction_status != pq.TransactionStatus.IDLE:
        return False
    if pgconn.pipeline_status != pq.PipelineStatus.OFF:
        return False
    quiet = select.poll()
    quiet.register(pgconn.socket, _POLL)
    return not quiet.poll(0)


def check_server(connection: psycopg.Connection[Any], address: Address) -> None:
    """Refuse a server that is too old, or a database that cannot hold every text."""
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise ConfigError(
            f"{address.where} is PostgreSQL {version // 10_000}.",
            cure=f"honeyguide needs PostgreSQL {OLDEST_SERVER // 10_000} or newer.",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"{address.where} keeps text as {encoding}.",
            cure="Create the database with: createdb --encoding=UTF8 --template=template0 DATABASE",
        )
