"""A private PostgreSQL server for tests, started when the first one asks, one per process, stopped at its end."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Project, Settings, Storage
from honeyguide.simulate.private import PrivatePostgres, free_port
from honeyguide.stores.urls import open_store

__all__ = ["PASSWORD", "Opener", "Server", "close_server", "free_port", "new_url", "patient", "server", "settings"]

USER, PASSWORD = "honey", "s3cret:p@ss/word"
_QUOTED = "s3cret%3Ap%40ss%2Fword"
_numbers = count(1)


_QUICK = {"fsync": "off", "max_connections": 100, "shared_buffers": "32MB", "autovacuum": "off"}


class Server(PrivatePostgres):
    """One server, with a password that has to be quoted in a URL. `stop` and `start` keep its data; `close` removes them."""

    user = USER

    def __init__(self, **settings: Any) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="honeyguide-pg-")), options={**_QUICK, **settings})
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers; nothing happens if it runs."""
        if not self.alive:
            super().start()

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _draw(self) -> str:
        return PASSWORD

    def url_of(self, database: str, *, user: str = USER, password: str = _QUOTED, **query: str) -> str:
        """The URL of a database."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}{'?' if asked else ''}{asked}"

    def admin(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement over a connection of its own."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def database(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"db{next(_numbers)}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def kill_clients(self, database: str) -> int:
        """Cut all connections to a database; returns how many there were."""
        sql = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"
        return int(self.admin(sql)[0][0])


_servers: dict[int, Server] = {}
_migrated: dict[int, str] = {}


def server() -> Server:
    """The server of this process."""
    found = _servers.get(os.getpid())
    if found is None:
        found = _servers[os.getpid()] = Server()
        atexit.register(close_server)
    return found


def close_server() -> None:
    """Stop the server of this process and remove its data, if there is one."""
    found = _servers.pop(os.getpid(), None)
    if found is not None:
        found.close()


def new_url() -> str:
    """The URL of a project of its own, migrated already: migrating takes half a second."""
    here = server()
    if os.getpid() not in _migrated:
        name = here.database()
        open_store(settings(here.url_of(name), here.folder), SystemClock()).close()
        _migrated[os.getpid()] = name
    return here.url_of(here.database(_migrated[os.getpid()]))


def settings(url: str, folder: Path, **storage: Any) -> Settings:
    """Settings of a project in PostgreSQL; its data directory is under `folder`."""
    return Settings(project=Project(data_dir=folder / "data"), storage=Storage(url=url, **storage))


def patient(url: str, folder: Path, **storage: Any) -> Settings:
    """The same for tests whose machine may be busy: reads of a request may take long."""
    return settings(url, folder, **{"read_timeout": 20.0, "pool_wait": 20.0, "connect_timeout": 20.0, **storage})


Opener = Callable[[], Any]
