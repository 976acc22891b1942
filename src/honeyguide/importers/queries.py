"""Rows of a database: what a SELECT of the user's own gives, read in parts and never written to.

Any database whose driver SQLAlchemy finds: SQLite is there, PostgreSQL comes with the extra `postgres`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import URL, create_engine, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from honeyguide.errors import InvalidInput, Unavailable

_PART: Final = 5_000
_PLAIN: Final = (str, int, float, Decimal, datetime, date, time, timedelta, list, dict)
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_EXAMPLE: Final = "postgresql://user@host/shop or sqlite:///shop.db"


@dataclass(frozen=True, slots=True)
class Select:
    """Rows of the database at `url`: those that the statement `select` gives. A password in the URL is never told."""

    url: str = field(repr=False)
    select: str

    @property
    def name(self) -> str:
        """How the source is called in reports: the database, without the password."""
        return _address(self.url).render_as_string(hide_password=True)


def rows_of(source: Select) -> Iterator[dict[str, Any]]:
    """All rows, in the order in which they come. Raises `InvalidInput` for what is no URL of a database with a driver, or no
    statement of it; `Unavailable` if the database cannot be reached."""
    with _readable(source.name), _connected(source.url) as connection:
        escaped = source.select.strip().rstrip(";").replace(":", r"\:")  # a colon of the user's begins no parameter
        found = connection.execute(text(escaped))
        if not found.returns_rows:
            raise InvalidInput("The statement gives no rows.", cure="Name a SELECT with --query.")
        names = _distinct(list(found.keys()))
        for part in found.partitions(_PART):
            yield from (dict(zip(names, map(_plain, row), strict=True)) for row in part)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection whose transaction only reads, and which gives rows part by part; nothing is ever committed."""
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        address = _existing(address)
    engine = create_engine(address)
    try:
        options = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
        with engine.connect() as connection:
            yield connection.execution_options(stream_results=True, **options)
    finally:
        engine.dispose()


def _address(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError:  # its message quotes the URL
        raise InvalidInput("The URL of the database cannot be read.", cure=f"Write it like {_EXAMPLE}.") from None
    return found.set(drivername=_DRIVERS.get(found.drivername, found.drivername))


def _existing(address: URL) -> URL:
    """SQLite makes a file that is not there, and writes to one that is, unless it is told not to."""
    if not address.database or address.database == ":memory:":
        raise InvalidInput("The URL names no SQLite file.", cure=f"Write it like {_EXAMPLE}.")
    return address.set(database=f"file:{address.database}", query={"mode": "ro", "uri": "true"})


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """What drivers say, in words of ours. No message holds the password: drivers do not tell it."""
    try:
        yield
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        cure = "Install the driver: for PostgreSQL, pip install 'honeyguide[postgres]'."
        raise InvalidInput(f"There is no driver for {name} ({error}).", cure=cure) from None
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        if error.connection_invalidated or error.statement is None:
            cure = "Check the URL, and that the database runs and lets you in."
            raise Unavailable(f"{name} cannot be reached: {reason}.", cure=cure) from None
        raise InvalidInput(f"{name} does not take the query: {reason}.", cure="Correct --query.") from None
    except SQLAlchemyError as error:
        raise InvalidInput(f"{name} cannot be read: {error}.", cure="Correct the URL or --query.") from None


def _distinct(names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInput(
            f"Two columns of the query are called {twice[0]!r}.", cure="Give one of them another name with AS."
        )
    return names


def _plain(value: Any) -> Any:
    """Kinds that files have too; others (UUID, addresses) as their text."""
    return value if value is None or isinstance(value, _PLAIN) else str(value)
