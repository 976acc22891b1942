"""Databases of others: opened by URL, only ever read."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import URL, Engine, NullPool, QueuePool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from honeyguide.errors import ConfigError, Unavailable

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_EXAMPLE: Final = "postgresql://user@host/shop or sqlite:///shop.db"


def address_of(url: str) -> URL:
    """The URL with the driver that is here. Raises `ConfigError`; its words hold no password."""
    try:
        found = make_url(url)
    except ArgumentError:  # its message quotes the URL
        raise ConfigError("The URL of the database cannot be read.", cure=f"Write it like {_EXAMPLE}.") from None
    found = found.set(drivername=_DRIVERS.get(found.drivername, found.drivername))
    if found.get_backend_name() != "sqlite":
        return found
    # SQLite makes a file that is not there, and writes to one that is, unless it is told not to
    if not found.database or found.database == ":memory:":
        raise ConfigError("The URL names no SQLite file.", cure=f"Write it like {_EXAMPLE}.")
    return found.set(database=f"file:{found.database}", query={"mode": "ro", "uri": "true"})


class Query:
    """A statement with named parameters (`:user_id`), asked again and again on a few connections that can only read.

    The values are bound by the driver and never become part of the text. Raises `ConfigError` for a URL that is none, and
    for a parameter that is not among `known`."""

    def __init__(self, url: str, statement: str, known: frozenset[str], timeout: float) -> None:
        self._statement = text(statement.strip().rstrip(";"))
        self._names = frozenset(self._statement.compile().params)
        unknown = sorted(self._names - known)
        if unknown:
            cure = f"Known: {', '.join(sorted(known))}. A colon that begins none is written \\:."
            raise ConfigError(f"The query has the unknown parameter :{unknown[0]}.", cure=cure)
        self._engine = _reading(address_of(url), timeout)

    def first_column(self, values: Mapping[str, Any], most: int) -> list[Any]:
        """The first column of at most so many rows. Raises `Unavailable`."""
        try:
            with self._engine.connect() as connection:
                found = connection.execute(self._statement, {name: values[name] for name in self._names})
                if not found.returns_rows:
                    raise Unavailable("The query gives no rows.", cure="Configure a SELECT.")
                return [row[0] for row in found.fetchmany(most)]
        except SQLAlchemyError as error:
            raise Unavailable(f"A database does not answer: {type(error).__name__}.") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _reading(address: URL, timeout: float) -> Engine:
    """An engine whose sessions cannot write; PostgreSQL ends a statement that takes longer than `timeout` seconds."""
    if address.get_backend_name() == "sqlite":
        return create_engine(address, poolclass=NullPool)
    options = {}
    if address.get_backend_name() == "postgresql":
        limits = f"-c default_transaction_read_only=on -c statement_timeout={max(1, round(timeout * 1000))}"
        options = {"options": limits, "connect_timeout": 2}
    try:
        return create_engine(
            address, poolclass=QueuePool, pool_size=4, max_overflow=0, pool_timeout=timeout, connect_args=options
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        cure = "Install the driver: for PostgreSQL, pip install 'honeyguide[postgres]'."
        raise ConfigError(f"There is no driver for {address.get_backend_name()} ({error}).", cure=cure) from None
