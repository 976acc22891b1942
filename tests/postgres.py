"""A private PostgreSQL server for tests, started when the first one asks, one per process, stopped at its end.

PostgreSQL does not run as root: then the user `postgres` runs it. Data are in a temporary folder; nothing of a server
that this machine may run is touched.
"""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Project, Settings, Storage
from honeyguide.stores.urls import open_store

USER, PASSWORD = "honey", "s3cret:p@ss/word"
_QUOTED = "s3cret%3Ap%40ss%2Fword"
_numbers = count(1)


def binary(name: str) -> str:
    """A program of PostgreSQL: on the PATH, or where Debian puts it."""
    found = shutil.which(name) or next((str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), "")
    assert found, f"{name} is not installed; scripts/system-packages initdb=postgresql"
    return found


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server:
    """One server. `stop` and `start` keep its data; `close` removes them."""

    def __init__(self, **settings: Any) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="honeyguide-pg-"))
        self.port = free_port()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._initialise(settings)
        self.start()

    def _initialise(self, settings: dict[str, Any]) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        command = [binary("initdb"), "-D", str(self.folder / "data"), "-U", USER, "-A", "scram-sha-256", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync", f"--pwfile={password}"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._as)
        given = {
            "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "max_connections": 100,
            "shared_buffers": "32MB", "autovacuum": "off", "log_statement": "none", **settings,
        }  # fmt: skip
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in given.items())

    def start(self) -> None:
        """Start, and wait until it answers; nothing happens if it runs."""
        if self._process is not None:
            return
        command = [binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._as)
        while True:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            with suppress(psycopg.OperationalError):
                self.admin("SELECT 1")
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: SIGINT ends all connections at once; SIGQUIT like a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    @property
    def running(self) -> bool:
        """Whether it was started and neither stopped nor killed since."""
        return self._process is not None

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to every process of the server."""
        assert self._process is not None
        children = subprocess.run(["pgrep", "-P", str(self._process.pid)], capture_output=True, text=True, check=False)
        for pid in (self._process.pid, *map(int, children.stdout.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, user: str = USER, password: str = _QUOTED, **query: str) -> str:
        """The URL of a database."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}{'?' if asked else ''}{asked}"

    def admin(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement over a connection of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
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
        open_store(settings(here.url(name), here.folder), SystemClock()).close()
        _migrated[os.getpid()] = name
    return here.url(here.database(_migrated[os.getpid()]))


def settings(url: str, folder: Path, **storage: Any) -> Settings:
    """Settings of a project in PostgreSQL; its data directory is under `folder`."""
    return Settings(project=Project(data_dir=folder / "data"), storage=Storage(url=url, **storage))


def patient(url: str, folder: Path, **storage: Any) -> Settings:
    """The same for tests whose machine may be busy: reads of a request may take long."""
    return settings(url, folder, **{"read_timeout": 20.0, "pool_wait": 20.0, "connect_timeout": 20.0, **storage})


Opener = Callable[[], Any]
