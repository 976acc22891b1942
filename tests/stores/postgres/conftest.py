"""Stores on databases of their own, on the private server of this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from honeyguide.clock import SystemClock
from honeyguide.stores.postgres import PostgresStore
from honeyguide.stores.urls import open_store
from tests import postgres


@pytest.fixture
def url() -> str:
    """A project in a database of its own, migrated."""
    return postgres.new_url()


@pytest.fixture
def database(url: str) -> str:
    """The name of that database."""
    return url.rpartition("/")[2]


@pytest.fixture
def open_postgres(url: str, tmp_path: Path) -> Iterator[Callable[..., PostgresStore]]:
    """Opens stores on the database; settings of `storage` may be given. All are closed after the test."""
    opened: list[PostgresStore] = []

    def open_one(**storage: Any) -> PostgresStore:
        store = open_store(postgres.patient(url, tmp_path, **storage), SystemClock())
        assert isinstance(store, PostgresStore)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_postgres: Callable[..., PostgresStore]) -> PostgresStore:
    return open_postgres()


@pytest.fixture
def other(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody else's connection to the same schema."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=honeyguide") as connection:
        yield connection
