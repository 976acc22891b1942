"""PostgreSQL and Redis as private child processes: on free ports of this machine, with data in a folder of their own.

Nothing of a server that this machine may run is touched. PostgreSQL refuses to run as root: then the user `postgres`
runs it. Both keep what they were given through `kill` and `start`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from honeyguide.clock import system_chance
from honeyguide.errors import Unavailable

_STOP_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05
_MOST_LOOKS: Final = 1_200
_TOLD: Final = 1_000
_POSTGRES: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "log_statement": "none",
}
_REDIS: Final = {"bind": "127.0.0.1", "save": "", "appendonly": "no"}


def program(name: str) -> str:
    """Where a server's program is: on the PATH (Valkey does for Redis), or where Debian puts those of PostgreSQL. Raises
    `Unavailable`."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or shutil.which(name.replace("redis", "valkey")) or (str(debian[-1]) if debian else None)
    if found is None:
        package = "redis-server" if name.startswith("redis") else "postgresql"
        raise Unavailable(
            f"The program {name} is not on this machine.",
            cure=f"Install it (on Debian and Ubuntu: apt-get install --no-install-recommends {package}).",
        )
    return found


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class PrivateServer(ABC):
    """A server process that is ours. `options` are lines of its configuration, laid over the ones that there are."""

    name: str
    options: Mapping[str, Any]

    def __init__(self, folder: Path, port: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.port = free_port() if port is None else port
        self.options = {**self.options, **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it; its folder stays."""
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers. Raises `Unavailable` with the end of its log if it does not."""
        with (self.folder / "log").open("ab") as log:
            # a session of its own: ctrl-C reaches only us, who stop it in good order
            self._process = subprocess.Popen(  # noqa: S603  the program of the server, and arguments of ours
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True, **self._as,
            )  # fmt: skip
        for _ in range(_MOST_LOOKS):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LOOK_SECONDS)
                break  # it has ended; who answers on that port is somebody else
            if self.answers():
                return
        self.kill()
        words = (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-_TOLD:].strip()
        raise Unavailable(f"{self.name} did not start on port {self.port}: {words}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it in good order; nothing happens if it has ended. SIGINT ends all connections at once."""
        if self._process is None:
            return
        self.signal(signal.SIGCONT)
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it and all its children as the kernel does when memory runs out."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to it and to all its children: SIGSTOP freezes it, SIGCONT lets it go on."""
        if self._process is not None:
            for pid in (self._process.pid, *_children(self._process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, how)

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes requests."""

    @abstractmethod
    def _command(self) -> Sequence[str]: ...


class PrivateRedis(PrivateServer):
    """A Redis server; it keeps its data in memory only unless `options` say otherwise."""

    name = "Redis"
    options = _REDIS

    @property
    def url(self) -> str:
        """For `redis.url`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def answers(self) -> bool:
        """Whether it takes requests."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as link:
            link.sendall(b"PING\r\n")
            return link.recv(7) == b"+PONG\r\n"
        return False

    def _command(self) -> Sequence[str]:
        given = {"port": self.port, "dir": self.folder, **self.options}
        return [program("redis-server"), *(word for name, value in given.items() for word in (f"--{name}", str(value)))]


class PrivatePostgres(PrivateServer):
    """A PostgreSQL server, initialised when its folder is new, with one user and a password that was drawn for it."""

    name = "PostgreSQL"
    options = _POSTGRES
    user = "honeyguide"

    def __init__(self, folder: Path, port: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(folder, port, options)
        self.data = folder / "data"
        if os.geteuid() == 0:
            self._as = _become("postgres", folder)
        self._password = folder / "password"
        if not self.data.exists():
            self._initialise()

    @property
    def url(self) -> str:
        """For `storage.url`."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The URL of a database."""
        password = quote(self._password.read_text("ascii"), safe="")
        return f"postgresql://{self.user}:{password}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        """Whether it takes requests."""
        asked = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0  # noqa: S603  arguments of ours

    def _draw(self) -> str:
        return f"{system_chance().getrandbits(128):032x}"

    def _initialise(self) -> None:
        self._password.write_text(self._draw(), "ascii")
        self._password.chmod(0o600)
        if self._as:
            os.chown(self._password, self._as["user"], self._as["group"])
        command = [program("initdb"), "-D", str(self.data), "-U", self.user, "-A", "scram-sha-256", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync", f"--pwfile={self._password}"]
        done = subprocess.run(  # noqa: S603  arguments of ours
            command, check=False, capture_output=True, text=True, cwd=self.folder, **self._as
        )
        if done.returncode != 0:
            raise Unavailable(
                f"The PostgreSQL server cannot be set up in {self.data}: {done.stderr.strip()[-_TOLD:]}",
                cure="It runs as the user postgres, who must be able to reach that folder." if self._as else "",
            )

    def _command(self) -> Sequence[str]:
        given = [word for name, value in self.options.items() for word in ("-c", f"{name}={value}")]
        return [program("postgres"), "-D", str(self.data), "-p", str(self.port), *given]


def _become(name: str, folder: Path) -> dict[str, Any]:
    """What makes a child process run as another user, who owns the folder and may go there."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise Unavailable(
            f"PostgreSQL does not run as root, and this machine has no user {name}.",
            cure="Run this as another user, or install PostgreSQL from the system's packages.",
        ) from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _children(pid: int) -> list[int]:
    """The children of a process."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(child) for child in found.read_text(encoding="ascii").split()]
    except OSError:
        return []
