"""The server process: bind, hold the data directory, answer, and finish what is under way when told to stop."""

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import uvicorn

import honeyguide
from honeyguide.api.acceptor import Acceptor
from honeyguide.api.app import App, create_app
from honeyguide.api.protocol import Protocol, State
from honeyguide.api.routes import WATCH
from honeyguide.api.waiting import opened
from honeyguide.bootstrap import open_runtime
from honeyguide.clock import Clock, SystemClock
from honeyguide.config import Settings
from honeyguide.errors import ConfigError, Conflict

KEEP_ALIVE_SECONDS: Final = 75  # longer than the 60 s that load balancers keep idle connections
BACKLOG: Final = 2048

Ready = Callable[[str], None]
"""Is called with the address once requests are answered."""


def serve(
    settings: Settings,
    *,
    config_options: Sequence[str] = (),
    ready: Ready | None = None,
    clock: Clock | None = None,
    sources: Mapping[str, str] | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT, then finish the requests under way (at most `server.drain`) and return.

    In the `server.leave` before that, requests are still taken while `/readyz` says 503. A second signal does not wait.

    `config_options` open the same project on the command line, for the processes that this one starts; `sources` say where
    each setting comes from. Raises
    `ConfigError` for an address that may not be bound, `Conflict` for a port in use or a data directory that another
    server holds.
    """
    check_binding(settings, settings.server.host)
    with bind(settings.server.host, settings.server.port) as listener:
        address = address_of(listener)
        port = listener.getsockname()[1]
        open_it = partial(
            open_runtime, settings, clock, role="api", port=port, config_options=config_options, sources=sources
        )
        runtime = opened(open_it, listener, settings.storage.start_wait, clock or SystemClock())
        with runtime.store.hold(f"serve on {address}"):
            told = ready or announce
            run(create_app(runtime), listener, settings, lambda _: told(address), runtime.readiness.leave)


def work(
    settings: Settings,
    *,
    config_options: Sequence[str] = (),
    ready: Ready | None = None,
    clock: Clock | None = None,
) -> None:
    """Run background jobs until SIGTERM or SIGINT, then end them after the round they are in and return.

    Health, readiness and metrics are answered on `worker.port`. Raises as `serve` does."""
    check_binding(settings, settings.worker.host)
    with bind(settings.worker.host, settings.worker.port) as listener:
        address, port = address_of(listener), listener.getsockname()[1]
        open_it = partial(open_runtime, settings, clock, role="worker", port=port, config_options=config_options)
        runtime = opened(open_it, listener, settings.storage.start_wait, clock or SystemClock())
        told = ready or announce
        run(create_app(runtime, WATCH), listener, settings, lambda _: told(address), runtime.readiness.leave)


def announce(address: str) -> None:
    """Say on standard output that requests are answered."""
    sys.stdout.write(f"honeyguide {honeyguide.__version__} answers on {address} (stop with ctrl-C)\n")
    sys.stdout.flush()


def check_binding(settings: Settings, host: str) -> None:
    """Refuse to be reachable from elsewhere without a key."""
    if settings.auth.key is not None:
        return
    if not all(ipaddress.ip_address(found).is_loopback for found in _addresses(host)):
        raise ConfigError(
            f"The host {host!r} can be reached from other machines, and no key is set.",
            cure='Set one: auth.key = "<a long secret>" (or HONEYGUIDE_AUTH__KEY), or bind the host "127.0.0.1".',
        )


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one."""
    address = _addresses(host)[0]
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)  # two sockets may be bound to a port, but only one may listen
    except OSError as error:
        listener.close()
        raise _not_bound(error, host, port) from None
    return listener


def address_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:8000`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _addresses(host: str) -> list[str]:
    """The addresses of a host, IPv4 before IPv6; an empty host is every address of this machine."""
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ConfigError(f"server.host = {host!r} is no address of this machine.", cure='Use "127.0.0.1".') from None
    return sorted({str(entry[4][0]).partition("%")[0] for entry in found}, key=lambda address: (":" in address, address))


def _not_bound(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Port {port} of {host} is in use by another program.",
            cure=f"Stop that one, or set server.port = {port + 1 if port < 65535 else 0} (0 takes a free one).",
            code="port_in_use",
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"Port {port} may not be bound by this user.", cure="Set server.port to 1024 or above.")
    return ConfigError(f"{host}:{port} cannot be bound: {error.strerror}.", cure='Set server.host = "127.0.0.1".')


def run(
    app: App,
    listener: socket.socket,
    settings: Settings,
    ready: Callable[["Server"], None] = lambda _: None,
    leaving: Callable[[], None] = lambda: None,
    *,
    shared: bool = False,
) -> None:
    """Serve the application on a bound socket until told to stop; `leaving` is called when that happens.

    `ready` is called on the event loop once requests are answered. `shared`: other processes listen on the socket too."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = configuration(app, drain=settings.server.drain)
    server = Server(config, lambda: ready(server), leaving, settings.server.leave, shared=shared)
    try:
        server.run(sockets=[listener])
    except SystemExit:  # uvicorn's answer to a lifespan that failed
        if app.failure is None:
            raise
        raise app.failure from None


def configuration(app: Any, *, drain: float = 0.0) -> uvicorn.Config:
    """How uvicorn serves any ASGI application here; benchmarks run the bare answer the same way."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(drain),
    )


class Server(uvicorn.Server):
    """uvicorn that says when it is ready and when it is leaving, and that returns after SIGTERM instead of dying of it."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], None] = lambda: None,
        leaving: Callable[[], None] = lambda: None,
        leave: float = 0.0,
        *,
        shared: bool = False,
    ) -> None:
        super().__init__(config)
        self.server_state: State = State()
        self._ready, self._leaving, self._leave, self._shared = ready, leaving, leave, shared
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup([] if self._shared else sockets)
        if self.started:
            self._acceptors = [Acceptor(each, self._connection) for each in (sockets or []) if self._shared]
            gc.collect()
            gc.freeze()  # what is here now stays: a full collection need not look at it, which would take milliseconds
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish those there are."""
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        loop = asyncio.get_running_loop()
        return Protocol(self.config, self.server_state, self.lifespan.state, loop)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGTERM and SIGINT; a second one does not wait."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Go on for `leave` seconds, finish what is under way and return; the second time, return at once."""
        if self.server_state.leaving:
            self.force_exit = True
            self._stop_listening()
            return
        self.server_state.leaving = True
        self._leaving()
        asyncio.get_running_loop().call_later(self._leave, self._stop_listening)

    def _stop_listening(self) -> None:
        self.should_exit = True
