"""Stores by URL. A store's own library is imported only when it is opened."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError
from honeyguide.protocols import Store

OPENERS: Final = {
    "postgres": "honeyguide.stores.postgres:open_postgres",
    "postgresql": "honeyguide.stores.postgres:open_postgres",
    "sqlite": "honeyguide.stores.sqlite:open_sqlite",
}
"""Scheme of `storage.url` -> the function that opens it, called with the URL, the settings and the clock."""

EXTRAS: Final = {"psycopg": "postgres"}
"""Package -> the extra of ours that brings it."""


def open_store(settings: Settings, clock: Clock) -> Store:
    """Open the project's store, migrating its schema if need be; an empty `storage.url` is SQLite in project.data_dir.

    Raises `ConfigError` for a scheme that there is not, `Conflict` for data that a newer release has written."""
    url = settings.storage.url
    scheme = urlsplit(url).scheme if url else "sqlite"
    if scheme not in OPENERS:
        raise ConfigError(
            f"storage.url begins with {scheme!r}." if scheme else "storage.url has no scheme.",
            cure=f"The schemes are: {', '.join(sorted(OPENERS))}; for example sqlite:///data. "
            "Without storage.url, project.data_dir is used.",
        )
    opener: Callable[[str, Settings, Clock], Store] = _named(OPENERS[scheme])
    return opener(url, settings, clock)


def _named(target: str) -> Any:
    """What `package.module:name` names."""
    module, _, name = target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise ConfigError(
            f"storage.url needs the package {error.name}, which is not installed.",
            cure=f"Run: pip install 'honeyguide[{extra}]'",
            code="package_missing",
        ) from error
