"""Where log lines go: to stderr, as JSON for machines and as text for people."""

import logging
import os
import sys
from typing import Any

import structlog

from honeyguide.config.settings import Logging


def quiet(*, debug: bool = False) -> None:
    """While a person waits for a command: only what is grave, unless they asked for all."""
    _configure("debug" if debug else "error", as_json=False)


def of_server(settings: Logging, *, debug: bool = False) -> None:
    """As the configuration says; `auto` is text on a terminal and JSON elsewhere."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    _configure("debug" if debug else settings.level, as_json=as_json)


def _configure(level: str, *, as_json: bool) -> None:
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        processors += [structlog.dev.ConsoleRenderer(colors=colour)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
