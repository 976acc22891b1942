"""One of several server processes: `python -m honeyguide.api.child LISTENER LINE`, as the supervisor starts it.

LISTENER is the number of the listening socket that all of them share, LINE that of the socket to the supervisor, which
sends the settings: on a command line others could read the keys in them.
"""

import socket
import sys
from functools import partial

from honeyguide.api.app import create_app
from honeyguide.api.link import Counted, Failed, Link, Start, read_now, say_now
from honeyguide.api.server import Server, run
from honeyguide.api.waiting import opened
from honeyguide.bootstrap import open_runtime
from honeyguide.cli import logs
from honeyguide.clock import SystemClock
from honeyguide.config import Settings
from honeyguide.errors import HoneyguideError
from honeyguide.monitoring.merge import snapshot


def main(listener: socket.socket, line: socket.socket) -> int:
    """Serve until told to stop; the exit code."""
    start = read_now(line)
    if not isinstance(start, Start):
        return 1
    settings = Settings.model_validate_json(start.settings)
    logs.of_server(settings.logging, debug=start.debug)
    try:
        _serve(settings, start, listener, line)
    except HoneyguideError as error:
        say_now(line, Failed(error.detail, error.cure, error.code, error.exit_code))
        return error.exit_code
    return 0


def _serve(settings: Settings, start: Start, listener: socket.socket, line: socket.socket) -> None:
    open_it = partial(
        open_runtime, settings, role="api", port=start.port, config_options=start.config_options, sources=start.sources
    )
    runtime = opened(open_it, listener, settings.storage.start_wait, SystemClock())
    metrics = runtime.metrics

    def begin(server: Server) -> None:
        link = Link(line, lambda: snapshot(metrics.registry, start.process), server.stop)
        runtime.scrape = link.scrape
        link.open()

    run(create_app(runtime), listener, settings, begin, runtime.readiness.leave, shared=True)
    say_now(line, Counted(0, snapshot(metrics.registry, start.process)))


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2]))))
